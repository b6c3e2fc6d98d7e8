import { createHash } from 'node:crypto'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { durationUpTo } from './durations.ts'
import { Invalid } from './setting.ts'

export const GRANTS = ['transient:session', 'transient:owner', 'scoped', 'sources', 'introspect'] as const

export type Grant = (typeof GRANTS)[number]

export interface ServiceSetting {
  readonly id: string
  /** `sha256:<hex>` of the secret's text, two during a rotation. */
  readonly secretHashes: readonly string[]
  readonly grants: readonly Grant[]
  /** Longest life of a scoped token made for this service, in milliseconds. */
  readonly maxTtlMs: number
}

/** An id is sent as `id.secret` too, so it has no dot. */
const Service = Type.Object(
  {
    id: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$' }),
    secretHashes: Type.Array(Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }), { minItems: 1, maxItems: 2 }),
    grants: Type.Array(Type.Union(GRANTS.map((grant) => Type.Literal(grant))), { minItems: 1 }),
    maxTtl: Type.Optional(Type.String())
  },
  { additionalProperties: false }
)

/** What each member must be; told instead of the validator's words, which could repeat a value. */
const WORDS: Readonly<Record<string, string>> = {
  id: 'id must be 1 to 64 letters, digits, - or _, the first a letter or digit',
  secretHashes: 'secretHashes must be one or two of sha256: and 64 lower-case hexadecimal digits',
  grants: `grants must be some of ${GRANTS.join(', ')}`,
  maxTtl: 'maxTtl must be a duration'
}

const parseMaxTtl = durationUpTo('24h')

/** The JSON array of USHER_SERVICES. Throws Invalid with every problem of every entry. */
export function parseServices(text: string): readonly ServiceSetting[] {
  const entries = parseArray(text)
  const reasons: string[] = []
  const services: ServiceSetting[] = []
  for (const [index, entry] of entries.entries()) {
    const told = (words: string) => reasons.push(`entry ${index + 1}: ${words}`)
    if (!Value.Check(Service, entry)) {
      for (const words of wordsFor(entry)) told(words)
      continue
    }
    const { id, secretHashes, grants, maxTtl = '15m' } = entry
    if (services.some((service) => service.id === id)) told('id is used by an earlier entry')
    if (new Set(grants).size < grants.length) told('grants repeat themselves')
    const earlier = services.flatMap((service) => service.secretHashes)
    if (new Set(secretHashes).size < secretHashes.length) told('secretHashes repeat themselves')
    if (secretHashes.some((hash) => earlier.includes(hash))) told('shares a secret with an earlier entry')
    if (secretHashes.some(isGuessable)) told('has the hash of a guessable secret; use --generate-service')
    const maxTtlMs = ttl(maxTtl, told)
    services.push({ id, secretHashes, grants, maxTtlMs })
  }
  if (reasons.length > 0) throw new Invalid(...reasons)
  return services
}

export function isServiceId(text: string): boolean {
  return Value.Check(Service.properties.id, text)
}

/** `sha256:` and the hexadecimal digest of a secret's UTF-8 text, as USHER_SERVICES holds it. */
export function hashSecret(secret: string): string {
  return `sha256:${createHash('sha256').update(secret).digest('hex')}`
}

function parseArray(text: string): readonly unknown[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's message repeats the text around the mistake.
    throw new Invalid('must be JSON')
  }
  if (!Array.isArray(value)) throw new Invalid('must be a JSON array')
  return value
}

function wordsFor(entry: unknown): readonly string[] {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return ['must be an object']
  const words = new Set<string>()
  const members = Service.properties
  for (const [name, schema] of Object.entries(members)) {
    const value: unknown = Reflect.get(entry, name)
    if (value === undefined && name === 'maxTtl') continue
    if (!Value.Check(schema, value)) words.add(WORDS[name] ?? `${name} is invalid`)
  }
  if (Object.keys(entry).some((name) => !Object.hasOwn(members, name))) {
    words.add(`must have no members but ${Object.keys(members).join(', ')}`)
  }
  return [...words]
}

function ttl(text: string, told: (words: string) => void): number {
  try {
    return parseMaxTtl(text)
  } catch (error) {
    if (!(error instanceof Invalid)) throw error
    told(`maxTtl ${error.message}`)
    return 0
  }
}

function isGuessable(hash: string): boolean {
  return ['', 'secret', 'password', 'changeme', 'change-me', 'test', 'usher'].some(
    (secret) => hashSecret(secret) === hash
  )
}
