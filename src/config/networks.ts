import { createRequire } from 'node:module'
import { isIP, isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { Invalid } from './setting.ts'

/** The widest private networks are 10.0.0.0/8 and fc00::/7; anything wider would include strangers. */
const WIDEST = { 4: 8, 6: 7 } as const

/**
 * An IP or CIDR of a trusted proxy. With `true`, a hop count or a name, anybody could pose as one (SECURITY rule 51).
 */
export function parseNetwork(text: string): string {
  const [address = '', prefix, ...rest] = text.split('/')
  const version = isIP(address)
  if ((version !== 4 && version !== 6) || address.includes('%') || rest.length > 0) {
    throw new Invalid('must be an IP address or CIDR: true, hop counts, * and names are not accepted')
  }
  if (prefix === undefined) return text
  // Such an address is compared as IPv4, and ::ffff:0:0/96 contains all of IPv4.
  if (ipaddr.parse(address).range() === 'ipv4Mapped') {
    throw new Invalid('must be written as IPv4 where it is IPv4, such as 10.0.0.0/8')
  }
  if (!/^(0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > (version === 4 ? 32 : 128)) {
    throw new Invalid(`must have a prefix length from ${WIDEST[version]} to ${version === 4 ? 32 : 128}`)
  }
  if (Number(prefix) < WIDEST[version]) {
    throw new Invalid(`must not be wider than /${WIDEST[version]}: it would believe almost any address`)
  }
  return text
}

/** A parent domain for the cookies, without a leading dot, in lower case. */
export function parseCookieDomain(text: string): string {
  const domain = text.replace(/^\./, '').toLowerCase()
  if (isIPv4(domain) || domain.includes(':')) throw new Invalid('must be a domain, not an IP address')
  if (!domain.includes('.')) throw new Invalid('must have at least two labels, such as example.com')
  const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
  if (domain.length > 253 || !domain.split('.').every((part) => label.test(part))) {
    throw new Invalid('must be a domain such as example.com (an international one in its xn-- form)')
  }
  if (isPublicSuffix(domain))
    throw new Invalid(
      'must not be a public suffix, under which strangers have names too: no browser keeps a cookie for it'
    )
  return domain
}

/** By the Public Suffix List with its private section, as browsers do it (RFC 6265 §5.3 step 5). */
function isPublicSuffix(domain: string): boolean {
  // Loaded only when a cookie domain is set, because the list takes a megabyte.
  const { getPublicSuffix } = createRequire(import.meta.url)('tldts') as typeof import('tldts')
  return getPublicSuffix(domain, { allowPrivateDomains: true }) === domain
}
