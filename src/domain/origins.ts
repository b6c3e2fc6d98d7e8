/**
 * Origins and hosts in normal form, as the URL standard serialises them: scheme and host in lower case, no default
 * port, one spelling for IPv6 and international names. Always compare them in this form.
 */

/** No path, userinfo, escape or white space: nothing that two parsers could read differently. */
const AUTHORITY = /^[^/?#@%\\\s]+$/
const ORIGIN = /^(https?):\/\/([^/?#@%\\\s]+)$/i

/** An http or https origin in normal form; null for anything else, `null` itself included. */
export function normalOrigin(text: string): string | null {
  return ORIGIN.test(text) ? (URL.parse(text)?.origin ?? null) : null
}

/** The origin of a URL such as Referer, in normal form; null if it has none. */
export function originOf(url: string): string | null {
  const origin = /^https?:/i.test(url) ? URL.parse(url)?.origin : undefined
  return origin ?? null
}

/** A Host field in normal form, without the scheme's default port; null if it is not a host. */
export function normalHost(text: string, scheme: 'http' | 'https'): string | null {
  return parseHost(text, scheme)?.host ?? null
}

/** The same without a port: lower case, IPv6 in brackets. */
export function hostnameOf(text: string): string | null {
  return parseHost(text, 'http')?.hostname ?? null
}

function parseHost(text: string, scheme: string): URL | null {
  return AUTHORITY.test(text) ? URL.parse(`${scheme}://${toUnicode(text)}`) : null
}

/** Node reads header fields as Latin-1; clients send names beyond ASCII as UTF-8. */
function toUnicode(text: string): string {
  return /[\u0080-\u00ff]/.test(text) ? Buffer.from(text, 'latin1').toString('utf8') : text
}
