import { isFields, toBoolean, toInteger } from './fields.ts'

/** One address of a resource. */
export interface Connection {
  readonly protocol: 'http' | 'https'
  readonly address: string
  readonly port: number
  /** Scheme, host and port, without a trailing slash. */
  readonly uri: string
  readonly local: boolean
  readonly relay: boolean
  readonly ipv6: boolean
}

/** The connection in a `/resources` or `/security/resources` entry; null if its address is unusable. */
export function toConnection(entry: unknown): Connection | null {
  if (!isFields(entry) || typeof entry['uri'] !== 'string') return null
  const url = URL.parse(entry['uri'])
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) return null
  // A server address has no credentials, path or query.
  if (url.username || url.password || url.pathname !== '/' || url.search || url.hash) return null
  const address = typeof entry['address'] === 'string' ? entry['address'].slice(0, 255) : ''
  const protocol = url.protocol === 'https:' ? 'https' : 'http'
  return {
    protocol,
    address,
    port: toInteger(entry['port']) ?? (Number(url.port) || (protocol === 'https' ? 443 : 80)),
    uri: url.origin,
    local: toBoolean(entry['local']),
    relay: toBoolean(entry['relay']),
    ipv6: toBoolean(entry['IPv6']) || address.includes(':')
  }
}
