import { isIPv4 } from 'node:net'
import { Invalid } from './setting.ts'

export interface PublicUrl {
  /** No trailing slash. */
  readonly href: string
  readonly origin: string
  /** `''` or `/x`. */
  readonly basePath: string
  /** Lower case, an IPv6 address in brackets. */
  readonly hostname: string
  readonly secure: boolean
}

export function parsePublicUrl(text: string): PublicUrl {
  const url = httpUrl(text)
  const basePath = url.pathname.replace(/\/$/, '')
  if (!/^(\/[A-Za-z0-9._~-]+)*$/.test(basePath)) {
    throw new Invalid('must have a base path of letters, digits, ., _, ~ and - only, without empty segments')
  }
  return {
    href: `${url.origin}${basePath}`,
    origin: url.origin,
    basePath,
    hostname: url.hostname,
    secure: url.protocol === 'https:'
  }
}

/** A base URL of plex.tv. Tokens are sent there, so `http:` is allowed for loopback only (a simulator). */
export function parsePlexUrl(text: string): string {
  const url = originUrl(text)
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new Invalid('must be https: (http: is for loopback hosts only)')
  }
  return url.origin
}

/** The media server's origin; `http:` is usual on a private network. */
export function parsePmsUrl(text: string): string {
  return originUrl(text).origin
}

/** An exact origin of a frontend; whether it may be `http:` depends on USHER_ALLOW_HTTP (cross-checks.ts). */
export function parseOrigin(text: string): string {
  if (text.includes('*')) throw new Invalid('must be an exact origin: wildcards are not supported')
  if (text === 'null') throw new Invalid('must not be null: every sandboxed page has that origin')
  return originUrl(text).origin
}

/**
 * Where a sign-in may return to: an origin, or the scheme of a native app, which has a dot because its owner's domain
 * is in it (RFC 8252 §7.1). Such a scheme is written and kept with its colon.
 */
export function parseReturnOrigin(text: string): string {
  const scheme = /^([a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:)(?:\/{0,2})$/i.exec(text)?.[1]
  return scheme === undefined ? parseOrigin(text) : scheme.toLowerCase()
}

/** `redis:` or `rediss:`, optionally with credentials and a database number. */
export function parseRedisUrl(text: string): string {
  const url = clean(text, /^rediss?:\/\/[^/\\]+(\/[^\\]*)?$/, 'must be a redis: or rediss: URL')
  for (const part of [url.username, url.password]) {
    if (!isDecodable(part))
      throw new Invalid('must have percent-encoded credentials: a % in the password is written %25')
  }
  if (!/^(\/\d{0,4})?$/.test(url.pathname)) throw new Invalid('must have no path but a database number')
  return text
}

/** Whether a URL's hostname never leaves this machine (RFC 6761 Section 6.3 for `localhost`). */
export function isLoopback(hostname: string): boolean {
  const name = hostname.replace(/^\[|\]$/g, '')
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    (isIPv4(name) && name.startsWith('127.'))
  )
}

/** Host and port of an app in normal form, as in an `https:` origin. */
export function parseHost(text: string): string {
  const words = 'must be host names, with a port where it is not the default, and no wildcard'
  if (!/^[^/\\?#@*%]+$/.test(text)) throw new Invalid(words)
  const { host, hostname } = clean(`https://${text}`, /^https:\/\/[^/]+$/, words)
  if (hostname.endsWith('.')) throw new Invalid('must be host names without a dot at their end')
  return host.replace(/:80$/, '')
}

/** A name by which services call the internal listener; without a port, which is not compared. */
export function parseInternalName(text: string): string {
  const host = parseHost(text)
  if (host !== new URL(`https://${host}`).hostname) throw new Invalid('must be a host name without a port')
  return host
}

/** The address at which people open an app. */
export function parseAppUrl(text: string): string {
  return httpUrl(text).href
}

/** Where an app is notified of sign-outs. `http:` and private addresses are usual on an internal network. */
export function parseBackchannelUri(text: string): string {
  clean(text.replace(/\?[^#]*$/, ''), /^https?:\/\/[^/\\]+(\/[^\\]*)?$/i, 'must be an http: or https: URL')
  if (text.includes('@')) throw new Invalid('must not hold credentials')
  return text
}

/**
 * The kind of a redirect URI. It is compared character by character (RFC 9700 §4.1.3), so it is not normalised here.
 * Schemes that run code in the browser are refused.
 */
export function parseRedirectUri(text: string): 'https' | 'http' | 'loopback' | 'native' {
  const words = 'must be absolute addresses without a wildcard and without a fragment'
  const [, scheme = ''] = /^([a-z][a-z0-9+.-]*):[^\s\\*#]+$/i.exec(text) ?? []
  const url = URL.parse(text)
  if (scheme === '' || url === null || /[\0-\x20\x7f-\uffff]/.test(text)) throw new Invalid(words)
  if (/^(?:javascript|data|vbscript|file|blob|about|ws|wss|ftp|view-source)$/i.test(scheme))
    throw new Invalid('must not have a scheme that the browser keeps to itself')
  if (!/^https?$/i.test(scheme)) return 'native'
  if (!/^https?:\/\/[^/]/i.test(text) || url.username !== '' || url.password !== '') throw new Invalid(words)
  if (url.protocol === 'https:') return 'https'
  return isLoopback(url.hostname) ? 'loopback' : 'http'
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

function originUrl(text: string): URL {
  const url = httpUrl(text)
  if (url.pathname !== '/') throw new Invalid('must be an origin without a path')
  return url
}

function httpUrl(text: string): URL {
  const url = clean(text, /^https?:\/\/[^/\\]+(\/[^\\]*)?$/i, 'must be an absolute http: or https: URL')
  if (url.username !== '' || url.password !== '' || text.includes('@')) {
    throw new Invalid('must not hold credentials')
  }
  if (text.includes('%')) throw new Invalid('must not hold percent-encoding')
  if (url.hostname.endsWith('.')) throw new Invalid('must have a host name without a dot at its end')
  return url
}

/** Refuses what the URL parser would repair (spaces, backslashes, dot segments): in a setting it is a mistake. */
function clean(text: string, form: RegExp, words: string): URL {
  if (/[?#]/.test(text)) throw new Invalid('must have no query and no fragment')
  if (/[\s\0-\x1f\x7f]/.test(text) || !form.test(text) || !URL.canParse(text)) throw new Invalid(words)
  if (/\/\.{1,2}(\/|$)/.test(text)) throw new Invalid('must have no . or .. segment')
  const url = new URL(text)
  if (url.port === '0') throw new Invalid('must not have port 0')
  return url
}
