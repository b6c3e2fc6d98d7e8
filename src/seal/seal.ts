import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { createRecentMap, type RecentMap } from '../domain/recent-map.ts'
import { fromBase64url } from './base64url.ts'
import type { KeyRing } from './key-ring.ts'

/** What a sealed value is for. It is part of the cipher key, so a value never opens under another purpose. */
export type Purpose =
  | 'session'
  | 'signin'
  | 'device'
  | 'flow'
  | 'refused'
  | 'assertion'
  | 'scoped'
  | 'playback'
  | 'names'
  | 'kept'

export interface Unsealed {
  readonly value: unknown
  readonly kid: string
  /** Whether it was sealed with the newest key; if not, it is due for re-sealing. */
  readonly newest: boolean
}

export type UnsealFailure = 'malformed' | 'unknown_key' | 'forged'

export interface Seal {
  /** JSON in, JWE compact serialisation (RFC 7516 §7.1, `dir` with A256GCM) out. */
  seal(purpose: Purpose, value: unknown): string
  /** The value, or why there is none. Never throws, and does no cryptography on a text that is not canonical. */
  unseal(purpose: Purpose, text: string): Unsealed | UnsealFailure
  /**
   * Whether a text names the newest key or an older one of the ring; null for a foreign or retired key. It does no
   * cryptography and proves nothing: use it only to decide what is worth unsealing.
   */
  ageOf(text: string): 'newest' | 'older' | null
  /** The id of the key that seals. */
  newest(): string
  /** Whether the ring has this key. */
  holds(kid: string): boolean
  /** Seals and unseals with another ring from now on; what only the old one could open is dead. */
  rekey(next: KeyRing): void
}

/** Characters; a cookie's name and value together stay within RFC 6265's 4096. */
const MAX_CHARS = 4096
/** A header has some 130 characters. */
const MAX_HEADER_CHARS = 256
const SALT_BYTES = 24
const IV_BYTES = 12
const TAG_BYTES = 16
const TAG_CHARS = 22
/**
 * Seals under one derived key. NIST SP 800-38D §8.3 allows 2^32 random 96-bit nonces per key. Each process draws its
 * own salt, and a new one after this many seals, so the bound holds for any number of processes.
 */
const SEALS_PER_SALT = 2 ** 28
/** Derived keys cached for each purpose: one for each process that has sealed lately. */
const MAX_DERIVED = 1024

const HEADER_PREFIX = '{"alg":"dir","enc":"A256GCM","kid":"'

/**
 * Seals everything that leaves Usher and comes back: cookies, assertions, scoped tokens. `scope` names the place
 * where the values of a purpose belong (a cookie's name, an origin), and no value opens anywhere else.
 */
export function createSeal(
  keys: KeyRing,
  scope: (purpose: Purpose) => string,
  { sealsPerSalt = SEALS_PER_SALT }: { readonly sealsPerSalt?: number } = {}
): Seal {
  let ring = keys
  const derivedKeys = new Map<Purpose, RecentMap<string, DerivedKey>>()
  const epochs = new Map<Purpose, Epoch>()

  function epoch(purpose: Purpose): Epoch {
    const current = epochs.get(purpose)
    if (current !== undefined && current.seals < sealsPerSalt) return current
    const salt = randomBytes(SALT_BYTES)
    const key = ring.derive(ring.newest, scope(purpose), salt)
    if (key === null) throw new TypeError('the newest key is missing')
    const header = base64url(headerOf(ring.newest, salt.toString('base64url')))
    const next = { key, header, seals: 0 }
    epochs.set(purpose, next)
    return next
  }

  return {
    seal(purpose, value) {
      const current = epoch(purpose)
      current.seals += 1
      const iv = randomBytes(IV_BYTES)
      const cipher = createCipheriv('aes-256-gcm', current.key, iv, { authTagLength: TAG_BYTES })
      cipher.setAAD(Buffer.from(current.header, 'ascii'))
      const body = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()])
      const tag = cipher.getAuthTag().toString('base64url')
      return `${current.header}..${iv.toString('base64url')}.${body.toString('base64url')}.${tag}`
    },

    unseal(purpose, text) {
      if (text.length > MAX_CHARS) return 'malformed'
      const parts = text.split('.', 6)
      const [header = '', encryptedKey, ivText = '', bodyText = '', tagText = ''] = parts
      if (parts.length !== 5 || encryptedKey !== '') return 'malformed'
      const iv = fromBase64url(ivText)
      const body = fromBase64url(bodyText)
      const tag = fromBase64url(tagText)
      if (iv?.length !== IV_BYTES || tag?.length !== TAG_BYTES || body === null) return 'malformed'
      const derived = derivedFor(purpose)
      const known = derived.get(header)
      const key = known ?? derive(purpose, header)
      if (typeof key === 'string') return key
      const opened = decrypt(key, iv, body, tag)
      if (opened === null) return 'forged'
      // Only after the tag was verified, so that made-up salts cannot evict real keys.
      if (known === undefined) derived.set(header, key)
      return { value: opened.value, kid: key.kid, newest: key.kid === ring.newest }
    },

    ageOf(text) {
      const dot = text.indexOf('.')
      const kid = dot === -1 || dot > MAX_HEADER_CHARS ? undefined : readHeader(text.slice(0, dot))?.kid
      if (kid === undefined || !ring.kids.includes(kid)) return null
      return kid === ring.newest ? 'newest' : 'older'
    },

    newest: () => ring.newest,
    holds: (kid) => ring.kids.includes(kid),
    rekey(next) {
      ring = next
      // Both hold keys derived from the old ring.
      derivedKeys.clear()
      epochs.clear()
    }
  }

  function derivedFor(purpose: Purpose): RecentMap<string, DerivedKey> {
    let derived = derivedKeys.get(purpose)
    if (derived === undefined) {
      derived = createRecentMap(MAX_DERIVED)
      derivedKeys.set(purpose, derived)
    }
    return derived
  }

  function derive(purpose: Purpose, header: string): DerivedKey | UnsealFailure {
    const named = readHeader(header)
    if (named === null) return 'malformed'
    const key = ring.derive(named.kid, scope(purpose), named.salt)
    return key === null
      ? 'unknown_key'
      : { key: createSecretKey(key), kid: named.kid, aad: Buffer.from(header, 'ascii') }
  }
}

interface DerivedKey {
  readonly key: KeyObject
  readonly kid: string
  /** The header that names it, which is authenticated with every value. */
  readonly aad: Buffer
}

interface Epoch {
  readonly key: Buffer
  readonly header: string
  seals: number
}

function headerOf(kid: string, salt: string): string {
  return `${HEADER_PREFIX}${kid}","salt":"${salt}"}`
}

/** The header's members, if it is spelled exactly as `headerOf` writes it; otherwise null. */
function readHeader(text: string): { kid: string; salt: Buffer } | null {
  const bytes = fromBase64url(text)
  if (bytes === null) return null
  const header = bytes.toString('latin1')
  const match =
    /^\{"alg":"dir","enc":"A256GCM","kid":"([A-Za-z0-9_-]{1,16})","salt":"([A-Za-z0-9_-]{32})"\}$/.exec(
      header
    )
  if (match === null) return null
  const [, kid = '', saltText = ''] = match
  const salt = fromBase64url(saltText)
  return salt?.length === SALT_BYTES ? { kid, salt } : null
}

function decrypt({ key, aad }: DerivedKey, iv: Buffer, body: Buffer, tag: Buffer): { value: unknown } | null {
  try {
    // Without authTagLength Node accepts tags cut down to four bytes (SECURITY rule 3).
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES })
    decipher.setAAD(aad)
    decipher.setAuthTag(tag)
    // GCM gives every byte at once; final() only verifies the tag, and throws before anything is read.
    const plain = decipher.update(body)
    decipher.final()
    return { value: JSON.parse(plain.toString('utf8')) as unknown }
  } catch {
    // A wrong key or an altered value: GCM does not say which, and nobody outside needs to know.
    return null
  }
}

/**
 * The authentication tag at the end of a sealed value. Nobody can choose it, so these few characters identify the
 * value.
 */
export const tagOf = (value: string): string => value.slice(-TAG_CHARS)

function base64url(text: string): string {
  return Buffer.from(text, 'latin1').toString('base64url')
}
