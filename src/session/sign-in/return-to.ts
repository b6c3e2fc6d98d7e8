/** Characters; a longer deep link is cut off from the sign-in, not carried in a cookie. */
const MAX_CHARS = 1000

/**
 * A path of this origin in the one spelling that every parser reads alike, or an absolute URL of an origin that
 * the operator listed; null for anything else (SECURITY rule 35). `allowedOrigins` are exact origins.
 */
export function safeReturnTo(
  value: string,
  publicOrigin: string,
  allowedOrigins: readonly string[]
): string | null {
  if (value.length === 0 || value.length > MAX_CHARS) return null
  // Visible ASCII without backslash: browsers drop tabs and newlines from URLs and read `\` as `/`.
  if (!/^[\x21-\x5b\x5d-\x7e]+$/.test(value)) return null
  // Encoded separators and controls, however often encoded, in the path.
  const path = value.split(/[?#]/, 1)[0] ?? ''
  if (/%(?:25)*(?:0[0-9a-d]|2f|5c|7f)/i.test(path)) return null
  if (value.startsWith('/')) return isLocal(value, publicOrigin) ? value : null
  const url = URL.parse(value)
  if (url === null || url.username !== '' || url.password !== '') return null
  if (url.origin === 'null' || !allowedOrigins.includes(url.origin)) return null
  // Only what the parser would write itself: no other spelling of the same origin.
  return url.href === value || url.href === `${value}/` ? url.href : null
}

function isLocal(value: string, publicOrigin: string): boolean {
  if (value.startsWith('//')) return false
  const url = URL.parse(value, publicOrigin)
  return url !== null && url.origin === publicOrigin && `${url.pathname}${url.search}${url.hash}` === value
}
