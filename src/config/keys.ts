import { Invalid } from './setting.ts'
import { weakness } from './weakness.ts'

export interface SessionKey {
  readonly kid: string
  /** 32 bytes. */
  readonly secret: Buffer
}

const KEY_BYTES = 32

/** More than any rotation needs. Cookies name their key, so more keys cost nothing; the bound catches mistakes. */
const MOST_KEYS = 16

/**
 * Comma-separated keys `kid:base64url(32 bytes)`, the first of which seals. The same rules hold for every position
 * (SECURITY rule 9), because an old key at the end still opens cookies.
 */
export function parseSessionKeys(text: string): readonly SessionKey[] {
  const reasons: string[] = []
  const keys: SessionKey[] = []
  const kids: string[] = []
  const secrets: string[] = []
  const entries = text.split(',').map((entry) => entry.trim())
  if (entries.length > MOST_KEYS) throw new Invalid(`must hold at most ${MOST_KEYS} keys`)
  for (const [index, entry] of entries.entries()) {
    const report = (words: string) => reasons.push(`entry ${index + 1} ${words}`)
    const [kid = '', encoded = '', ...rest] = entry.split(':')
    const secret = Buffer.from(encoded, 'base64url')
    const reason = reasonAgainst(kid, encoded, secret, rest.length)
    if (reason !== null) {
      report(reason)
    } else {
      if (kids.includes(kid)) report(`repeats the key id of entry ${kids.indexOf(kid) + 1}`)
      if (secrets.includes(encoded)) report(`repeats the secret of entry ${secrets.indexOf(encoded) + 1}`)
      keys.push({ kid, secret })
    }
    kids.push(kid)
    secrets.push(encoded)
  }
  if (reasons.length > 0) throw new Invalid(...reasons)
  return keys
}

function reasonAgainst(kid: string, encoded: string, secret: Buffer, surplus: number): string | null {
  if (surplus > 0 || encoded === '') return 'must be written kid:base64url, as --generate-key prints it'
  if (!/^[A-Za-z0-9_-]{1,16}$/.test(kid)) return 'must have a key id of 1 to 16 letters, digits, - or _'
  if (secret.toString('base64url') !== encoded) {
    return 'must have its secret in canonical base64url, without padding'
  }
  if (secret.length !== KEY_BYTES) {
    return `must have a secret of exactly ${KEY_BYTES} bytes, not ${secret.length}`
  }
  const weak = weakness(secret, encoded)
  return weak === null ? null : `is not random: its secret ${weak}; make one with --generate-key`
}
