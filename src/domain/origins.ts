/**
 * Names of places in their normal form, as the URL standard writes them: scheme and host in lower case, no default
 * port, IPv6 and international names in one spelling. Two names are compared in this form or not at all.
 */

/** What no parser reads differently: a path, userinfo, an escape or white space is part of no name. */
const AUTHORITY = /^[^/?#@%\\\s]+$/
const ORIGIN = /^(https?):\/\/([^/?#@%\\\s]+)$/i

/** An http or https origin in normal form; null for anything else, `null` itself included. */
export function normalOrigin(text: string): string | null {
  return ORIGIN.test(text) ? (URL.parse(text)?.origin ?? null) : null
}

/** The origin of a URL such as Referer's, in normal form; null where it has none. */
export function originOf(url: string): string | null {
  const origin = /^https?:/i.test(url) ? URL.parse(url)?.origin : undefined
  return origin ?? null
}

/** A Host field in normal form, its port left out where it is the scheme's own; null where it is no host. */
export function normalHost(text: string, scheme: 'http' | 'https'): string | null {
  return parseHost(text, scheme)?.host ?? null
}

/** The same without any port: lower case, an IPv6 address in brackets. */
export function hostnameOf(text: string): string | null {
  return parseHost(text, 'http')?.hostname ?? null
}

function parseHost(text: string, scheme: string): URL | null {
  return AUTHORITY.test(text) ? URL.parse(`${scheme}://${toUnicode(text)}`) : null
}

/** Node reads header fields as Latin-1; a name beyond ASCII was sent as UTF-8. */
function toUnicode(text: string): string {
  return /[\u0080-\u00ff]/.test(text) ? Buffer.from(text, 'latin1').toString('utf8') : text
}
