import { hkdfSync } from 'node:crypto'

export interface SessionKey {
  readonly kid: string
  /** 32 random bytes: the input of key derivation, never a cipher key itself. */
  readonly secret: Buffer
}

export interface KeyRing {
  /** The key that seals. */
  readonly newest: string
  readonly kids: readonly string[]
  /**
   * The cipher key for one scope and one salt; null for a retired or foreign kid. One look-up by kid, never a trial
   * of every key (SECURITY rule 7). The scope names what a value is for and where it belongs (rules 5 and 6).
   */
  derive(kid: string, scope: string, salt: Buffer): Buffer | null
}

/** Newest first: the first key seals, any key unseals. */
export function createKeyRing(keys: readonly SessionKey[]): KeyRing {
  const [first] = keys
  if (first === undefined) throw new TypeError('a key ring needs a key')
  const byKid = new Map(keys.map((key) => [key.kid, key.secret]))
  return {
    newest: first.kid,
    kids: [...byKid.keys()],
    derive(kid, scope, salt) {
      const secret = byKid.get(kid)
      if (secret === undefined) return null
      return Buffer.from(hkdfSync('sha256', secret, salt, `usher/1 ${scope}`, 32))
    }
  }
}
