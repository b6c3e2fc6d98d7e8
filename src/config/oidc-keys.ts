import {
  createPrivateKey,
  createPublicKey,
  type JsonWebKeyInput,
  type KeyObject,
  sign,
  verify
} from 'node:crypto'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { misfits, parseJson } from './entries.ts'
import { ID_TOKEN_ALGS } from './oidc-clients.ts'
import { Invalid } from './setting.ts'

const MOST_KEYS = 16
const LEAST_RSA_BITS = 2048

const Key = Type.Object(
  {
    kid: Type.String({ pattern: '^[A-Za-z0-9._~-]{1,128}$' }),
    alg: Type.Enum(ID_TOKEN_ALGS),
    use: Type.Literal('sig'),
    kty: Type.Union([Type.Literal('RSA'), Type.Literal('EC')]),
    d: Type.String()
  },
  { additionalProperties: true }
)

const WORDS = {
  kid: 'kid must be 1 to 128 letters, digits, ., _, ~ or -',
  alg: `alg must be one of ${ID_TOKEN_ALGS.join(', ')}`,
  use: 'use must be sig',
  kty: 'kty must be RSA or EC',
  d: 'd must be there: Usher signs with private keys'
}

export interface OidcKey extends Readonly<Pick<Static<typeof Key>, 'kid' | 'alg'>> {
  /** The private key, with no members but those that RFC 7518 §6 defines for its type. */
  readonly jwk: JsonWebKeyInput['key']
}

/** The private JWK set of USHER_OIDC_KEYS (RFC 7517 §5). The first key of an algorithm signs, all are published. */
export function parseOidcKeys(text: string): readonly OidcKey[] {
  const set = parseJson(text)
  const entries: unknown = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : null
  if (!Array.isArray(entries) || entries.length === 0 || entries.length > MOST_KEYS)
    throw new Invalid(`must be a JWK set: an object whose keys are an array of 1 to ${MOST_KEYS}`)
  const reasons: string[] = []
  const keys: OidcKey[] = []
  for (const [index, entry] of entries.entries()) {
    const report = (words: string) => reasons.push(`entry ${index + 1}: ${words}`)
    if (!Value.Check(Key, entry)) {
      for (const reason of misfits(Key, WORDS, entry)) report(reason)
      continue
    }
    const { kid, alg } = entry
    const reason = objectionTo(entry)
    if (keys.some((key) => key.kid === kid)) report('kid is used by an earlier entry')
    if (reason !== null) {
      report(reason)
      continue
    }
    const jwk = { ...toKey(entry)?.export({ format: 'jwk' }), kid, alg, use: 'sig' }
    if (keys.some((key) => key.jwk.d === jwk.d)) report('repeats the key of an earlier entry')
    keys.push({ kid, alg, jwk })
  }
  if (reasons.length > 0) throw new Invalid(...reasons)
  return keys
}

function objectionTo(entry: Static<typeof Key>): string | null {
  if (entry.kty !== (entry.alg === 'RS256' ? 'RSA' : 'EC'))
    return 'kty must be RSA for RS256 and EC for ES256'
  const key = toKey(entry)
  if (key === null) return 'is no private key; use --generate-oidc-key'
  const { modulusLength = LEAST_RSA_BITS, namedCurve = 'prime256v1' } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < LEAST_RSA_BITS) return `must have at least ${LEAST_RSA_BITS} bits`
  if (namedCurve !== 'prime256v1') return 'crv must be P-256'
  return isWhole(key) ? null : 'has parts that do not belong together'
}

function toKey(jwk: object): KeyObject | null {
  try {
    return createPrivateKey({ key: jwk as JsonWebKeyInput['key'], format: 'jwk' })
  } catch {
    return null
  }
}

/** Whether the private and the public part of a key belong together; the file contains both. */
function isWhole(key: KeyObject): boolean {
  try {
    const text = Buffer.from('usher')
    return verify('sha256', text, createPublicKey(key), sign('sha256', text, key))
  } catch {
    return false
  }
}
