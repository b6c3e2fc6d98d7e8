import type { Seal } from '../../seal/seal.ts'
import {
  type CookieAttributes,
  type CookieConfig,
  cookieNames,
  findCookies,
  hostCookieAttributes
} from './cookie.ts'

/** A cookie to be cleared, by what identifies it to a browser. */
export interface OldCookie {
  readonly name: string
  readonly attributes: CookieAttributes
}

/**
 * The cookies in a header that another setting of this deployment left in another scope: another cookie domain, none,
 * or the prefix that goes with it. A server clears only scopes that it names, so each possible one is named.
 * `sessionIsGood`: the session cookie has one value, and it opens here.
 */
export type FindOldCookies = (header: string | undefined, sessionIsGood: boolean) => readonly OldCookie[]

const PREFIXES = ['__Host-', '__Secure-', ''] as const

export function createOldCookies(config: CookieConfig, seal: Pick<Seal, 'ageOf'>): FindOldCookies {
  const names = cookieNames(config)
  const host = hostCookieAttributes(config)
  const bases = Object.values(names).map((name) => name.replace(/^__(?:Host|Secure)-/, ''))
  const domains = parentDomains(config.publicUrl.hostname)
  const current = new Map<string, string | null>([
    [names.session, config.cookieDomain],
    [names.signin, null],
    [names.device, null]
  ])

  function isOld(name: string, values: readonly string[], sessionIsGood: boolean): boolean {
    // A value that names another key belongs to another deployment. It may be in any scope, so none is cleared:
    // nested deployments would sign each other out.
    if (values.length === 0 || values.some((value) => seal.ageOf(value) === null)) return false
    if (!current.has(name)) return true
    return values.length > 1 || (name === names.session && !sessionIsGood)
  }

  function* scopesOf(name: string): Generator<OldCookie> {
    const now = current.get(name)
    if (now !== null) yield { name, attributes: host }
    if (name.startsWith('__Host-')) return
    for (const domain of domains) if (domain !== now) yield { name, attributes: { ...host, domain } }
  }

  return (header, sessionIsGood) => {
    if (header === undefined || !header.includes('usher')) return []
    const old: OldCookie[] = []
    for (const base of bases) {
      for (const prefix of PREFIXES) {
        const name = prefix + base
        if (isOld(name, findCookies(header, name), sessionIsGood)) old.push(...scopesOf(name))
      }
    }
    return old
  }
}

/** The host and its parent domains, which a cookie may name; browsers ignore public suffixes. */
function parentDomains(hostname: string): readonly string[] {
  const labels = hostname.split('.')
  const isAddress = /^(?:\[|[\d.]+$)/.test(hostname)
  if (labels.length < 2 || isAddress) return []
  return labels.slice(0, -1).map((_, index) => labels.slice(index).join('.'))
}
