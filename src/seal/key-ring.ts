import { hkdfSync } from 'node:crypto'

export interface SessionKey {
  readonly kid: string
  /** 32 random bytes: input of the derivation, never a cipher key itself. */
  readonly secret: Buffer
}

export interface KeyRing {
  /** The key that seals. */
  readonly newest: string
  readonly kids: readonly string[]
  /**
   * The cipher key for one purpose and one salt; null for a retired or foreign kid. One look-up by kid,
   * never a trial of every key (SECURITY rule 7).
   */
  derive(kid: string, purpose: string, salt: Buffer): Buffer | null
}

/**
 * Newest first: the first key seals, any key unseals. `binding` names where sealed values belong (the public
 * origin or the cookie domain) and goes into every derivation, as the purpose does (SECURITY rules 5 and 6).
 */
export function createKeyRing(keys: readonly SessionKey[], binding: string): KeyRing {
  const [first] = keys
  if (first === undefined) throw new TypeError('a key ring needs a key')
  const byKid = new Map(keys.map((key) => [key.kid, key.secret]))
  return {
    newest: first.kid,
    kids: [...byKid.keys()],
    derive(kid, purpose, salt) {
      const secret = byKid.get(kid)
      if (secret === undefined) return null
      return Buffer.from(hkdfSync('sha256', secret, salt, `usher/1 ${purpose} ${binding}`, 32))
    }
  }
}
