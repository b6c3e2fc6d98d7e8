import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { durationUpTo } from './durations.ts'
import { attempt, parseEntries } from './entries.ts'
import { checkHashes, SECRET_HASHES_WORDS, SecretHashes } from './secret-hashes.ts'

export const GRANTS = [
  'transient:session',
  'transient:owner',
  'scoped',
  'sources',
  'introspect',
  'sessions'
] as const

export type Grant = (typeof GRANTS)[number]

const Service = Type.Object(
  {
    // Without a dot, because an id is also sent as `id.secret`.
    id: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$' }),
    secretHashes: SecretHashes,
    grants: Type.Array(Type.Enum(GRANTS), { minItems: 1 }),
    maxTtl: Type.Optional(Type.String())
  },
  { additionalProperties: false }
)

const WORDS = {
  id: 'id must be 1 to 64 letters, digits, - or _, the first a letter or digit',
  secretHashes: SECRET_HASHES_WORDS,
  grants: `grants must be some of ${GRANTS.join(', ')}`,
  maxTtl: 'maxTtl must be a duration'
}

const parseMaxTtl = durationUpTo('24h')

export type ServiceSetting = Readonly<Omit<Static<typeof Service>, 'maxTtl'>> & {
  /** The longest lifetime of a scoped token issued to this service. */
  readonly maxTtlMs: number
}

/** The JSON array of USHER_SERVICES. Throws Invalid with every problem of every entry. */
export function parseServices(text: string): readonly ServiceSetting[] {
  return parseEntries<typeof Service, ServiceSetting>(text, {
    schema: Service,
    words: WORDS,
    read({ id, secretHashes, grants, maxTtl = '15m' }, report, earlier) {
      if (earlier.some((service) => service.id === id)) report('id is used by an earlier entry')
      if (new Set(grants).size < grants.length) report('grants repeat themselves')
      checkHashes(secretHashes, earlier, report, '--generate-service')
      const maxTtlMs = attempt('maxTtl', report, () => parseMaxTtl(maxTtl)) ?? 0
      return { id, secretHashes, grants, maxTtlMs }
    }
  })
}

export function isServiceId(text: string): boolean {
  return Value.Check(Service.properties.id, text)
}
