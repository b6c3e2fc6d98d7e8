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

export type CookieConfig = Pick<Config, 'publicUrl' | 'cookieDomain' | 'instance'>

/**
 * The three names: `__Host-` where nothing forbids it, bare on plain HTTP. A cookie domain makes the session's
 * `__Secure-`; the other two stay with this host, so that no other app ever gets them (SECURITY rule 90).
 */
export function cookieNames({ publicUrl, cookieDomain, instance }: CookieConfig): CookieNames {
  const name = `usher${instance === null ? '' : `-${instance}`}`
  const host = `${publicUrl.secure ? '__Host-' : ''}${name}`
  const session = publicUrl.secure && cookieDomain !== null ? `__Secure-${name}` : host
  return { session, signin: `${host}-signin`, device: `${host}-device` }
}

/** Attributes of the sign-in and device cookies, which no other host gets. */
export function hostCookieAttributes({ publicUrl }: Pick<CookieConfig, 'publicUrl'>): CookieAttributes {
  return { httpOnly: true, secure: publicUrl.secure, sameSite: 'lax', path: '/' }
}

/** One set of attributes for setting and for clearing, or a browser keeps both (SECURITY rules 14 and 15). */
export function cookieAttributes(config: CookieConfig): CookieAttributes {
  const attributes = hostCookieAttributes(config)
  return config.cookieDomain === null ? attributes : { ...attributes, domain: config.cookieDomain }
}

/** Where a sealed session belongs: part of its key, so that another deployment's does not open here. */
export function sealBinding(config: CookieConfig): string {
  return config.cookieDomain ?? config.publicUrl.href
}

/**
 * Where the values of a purpose belong: a cookie's name (the session's for values that have none) and the hosts it is
 * sent to. A value opens nowhere else (SECURITY rule 5).
 */
export function sealScope(config: CookieConfig): (purpose: string) => string {
  const { session, signin, device } = cookieNames(config)
  const { href } = config.publicUrl
  const own = new Map([
    ['signin', `${signin} ${href}`],
    ['device', `${device} ${href}`]
  ])
  return (purpose) => `${purpose} ${own.get(purpose) ?? `${session} ${sealBinding(config)}`}`
}

/**
 * The value of exactly this name in a Cookie header; undefined without one, null where several differ: a sibling host
 * or an earlier scope may have left a second cookie of the name (SECURITY rule 16). `findCookies` then has them all.
 */
export function findCookie(header: string | undefined, name: string): string | null | undefined {
  if (header === undefined) return undefined
  let found: string | undefined
  let at = header.indexOf(name)
  while (at !== -1) {
    const end = at + name.length
    if (header.charCodeAt(end) === EQUALS && startsPair(header, at)) {
      const value = valueFrom(header, end)
      if (found !== undefined && found !== value) return null
      found = value
    }
    at = header.indexOf(name, end)
  }
  return found
}

/** More values of one name than any change of scope leaves behind; a header can hold thousands. */
const MAX_VALUES = 8

/** The different values of exactly this name, the first eight at most. */
export function findCookies(header: string, name: string): readonly string[] {
  const values = new Set<string>()
  for (let at = header.indexOf(name); at !== -1 && values.size < MAX_VALUES; ) {
    const end = at + name.length
    if (header.charCodeAt(end) === EQUALS && startsPair(header, at)) values.add(valueFrom(header, end))
    at = header.indexOf(name, end)
  }
  return [...values]
}

/** The value of a name that opens, if exactly one does (SECURITY rule 91). */
export function findOpening<T>(
  header: string | undefined,
  name: string,
  open: (value: string) => T | null
): T | null {
  const value = findCookie(header, name)
  if (value === undefined || header === undefined) return null
  if (value !== null) return open(value)
  const opened = findCookies(header, name)
    .map(open)
    .filter((one) => one !== null)
  return opened.length === 1 ? (opened[0] ?? null) : null
}

const EQUALS = 0x3d
const SEMICOLON = 0x3b
const SPACE = 0x20

function startsPair(header: string, at: number): boolean {
  let before = at - 1
  while (before >= 0 && header.charCodeAt(before) === SPACE) before -= 1
  return before < 0 || header.charCodeAt(before) === SEMICOLON
}

function valueFrom(header: string, equals: number): string {
  const semicolon = header.indexOf(';', equals)
  return header.slice(equals + 1, semicolon === -1 ? undefined : semicolon).trimEnd()
}
