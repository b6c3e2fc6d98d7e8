import { createHash, timingSafeEqual } from 'node:crypto'
import type { Config, Grant } from '../config/config.ts'

/** An authenticated internal service. */
export interface Service {
  readonly id: string
  /** Maximum lifetime of its scoped tokens, in milliseconds. */
  readonly maxTtlMs: number
  has(grant: Grant): boolean
}

export interface Services {
  /**
   * Authenticates a service by its Authorization header: Basic (RFC 6749 §2.3.1) or Bearer with `id.secret`. Null for
   * anything else. An unknown id takes the same work as a wrong secret.
   */
  authenticate(authorization: string | undefined): Service | null
  /** The id of a known service that an Authorization header names, proven or not; null where it names none. */
  namedBy(authorization: string | undefined): string | null
  find(id: string): Service | undefined
  /** These take the place of all services. */
  replace(settings: Config['services']): void
}

interface Credentials {
  readonly id: string
  readonly secret: string
}

/** Longer headers are not parsed: ids have at most 64 characters, secrets a few hundred. */
const MAX_CHARS = 2048
const NOBODY: Credentials = { id: '', secret: '' }

export function createServices(settings: Config['services']): Services {
  let { byId, hashes } = toIndex(settings)
  return {
    authenticate(authorization) {
      const { id, secret } = readCredentials(authorization) ?? NOBODY
      const digest = createHash('sha256').update(secret).digest()
      let proven = false
      // Every hash is compared, so that timing does not reveal which ids exist (SECURITY rules 12 and 63).
      for (const entry of hashes) {
        const equal = timingSafeEqual(entry.digest, digest)
        proven = (equal && entry.id === id) || proven
      }
      return proven ? (byId.get(id) ?? null) : null
    },
    namedBy: (authorization) => byId.get(readCredentials(authorization)?.id ?? '')?.id ?? null,
    find: (id) => byId.get(id),
    replace(next) {
      ;({ byId, hashes } = toIndex(next))
    }
  }
}

function toIndex(settings: Config['services']) {
  const byId = new Map<string, Service>()
  const hashes: { readonly id: string; readonly digest: Buffer }[] = []
  for (const { id, grants, maxTtlMs, secretHashes } of settings) {
    const granted: ReadonlySet<Grant> = new Set(grants)
    byId.set(id, { id, maxTtlMs, has: (grant) => granted.has(grant) })
    for (const hash of secretHashes) {
      hashes.push({ id, digest: Buffer.from(hash.slice('sha256:'.length), 'hex') })
    }
  }
  return { byId, hashes }
}

function readCredentials(authorization: string | undefined): Credentials | null {
  if (authorization === undefined || authorization.length > MAX_CHARS) return null
  const match = /^(basic|bearer) +([A-Za-z0-9._~+/=-]+)$/i.exec(authorization)
  if (match === null) return null
  const [, scheme = '', value = ''] = match
  return scheme.toLowerCase() === 'basic' ? readBasic(value) : splitAt(value, '.')
}

function readBasic(value: string): Credentials | null {
  const pair = splitAt(Buffer.from(value, 'base64').toString('utf8'), ':')
  if (pair === null) return null
  try {
    return { id: formDecode(pair.id), secret: formDecode(pair.secret) }
  } catch {
    // A stray percent sign: not the form encoding of RFC 6749 §2.3.1.
    return null
  }
}

/** RFC 6749 Appendix B. A secret of letters, digits, `-` and `_`, as Usher makes them, reads the same unencoded. */
function formDecode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}

function splitAt(text: string, mark: string): Credentials | null {
  const at = text.indexOf(mark)
  return at === -1 ? null : { id: text.slice(0, at), secret: text.slice(at + 1) }
}
