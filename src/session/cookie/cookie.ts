import type { Config } from '../../config/config.ts'

/** RFC 6265 §6.1: the least a browser stores for one cookie, name and value and attributes. */
export const COOKIE_MAX_BYTES = 4096

export interface CookieNames {
  readonly session: string
  readonly signin: string
  readonly device: string
}

export interface CookieAttributes {
  readonly httpOnly: true
  readonly secure: boolean
  readonly sameSite: 'lax'
  readonly path: '/'
  readonly domain?: string
}

type CookieConfig = Pick<Config, 'publicUrl' | 'cookieDomain' | 'instance'>

/**
 * The three names: `__Host-` where nothing forbids it, `__Secure-` with a domain, bare on plain HTTP
 * (reference/http.md#cookies).
 */
export function cookieNames(config: CookieConfig): CookieNames {
  const prefix = config.publicUrl.secure ? (config.cookieDomain === null ? '__Host-' : '__Secure-') : ''
  const session = `${prefix}usher${config.instance === null ? '' : `-${config.instance}`}`
  return { session, signin: `${session}-signin`, device: `${session}-device` }
}

/** One set of attributes for setting and for clearing, or a browser keeps both (SECURITY rules 14 and 15). */
export function cookieAttributes(config: CookieConfig): CookieAttributes {
  const attributes = { httpOnly: true, secure: config.publicUrl.secure, sameSite: 'lax', path: '/' } as const
  return config.cookieDomain === null ? attributes : { ...attributes, domain: config.cookieDomain }
}

/** Where sealed values belong: part of every key, so that another deployment's values do not open here. */
export function sealBinding(config: CookieConfig): string {
  return config.cookieDomain ?? config.publicUrl.href
}

/** A cookie's name is part of its purpose, the session's of what has none: no value is good elsewhere (SECURITY rule 5). */
export function sealScope(names: CookieNames): (purpose: string) => string {
  return (purpose) => `${purpose} ${purpose in names ? names[purpose as keyof CookieNames] : names.session}`
}

/**
 * The value of exactly this name in a Cookie header; undefined without one, null where two values disagree:
 * a second cookie of the name can be tossed in by a sibling host, and then neither is believed (SECURITY rule 16).
 */
export function findCookie(header: string | undefined, name: string): string | null | undefined {
  if (header === undefined) return undefined
  let found: string | undefined
  let at = header.indexOf(name)
  while (at !== -1) {
    const end = at + name.length
    if (header.charCodeAt(end) === EQUALS && startsPair(header, at)) {
      const semicolon = header.indexOf(';', end)
      const value = header.slice(end + 1, semicolon === -1 ? undefined : semicolon).trimEnd()
      if (found !== undefined && found !== value) return null
      found = value
    }
    at = header.indexOf(name, end)
  }
  return found
}

const EQUALS = 0x3d
const SEMICOLON = 0x3b
const SPACE = 0x20

function startsPair(header: string, at: number): boolean {
  let before = at - 1
  while (before >= 0 && header.charCodeAt(before) === SPACE) before -= 1
  return before < 0 || header.charCodeAt(before) === SEMICOLON
}
