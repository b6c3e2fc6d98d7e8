import type { Config } from '../../config/config.ts'

/** The `returnTo` if the browser may go there after a sign-in, else null. */
export type FindReturnTo = (value: unknown) => string | null

/** Characters. A longer `returnTo` is dropped, because it would not fit into the URLs to Plex and back. */
const MAX_CHARS = 1000

/** First segments of API paths, some of which change something on `GET`. */
const API_SEGMENTS: readonly string[] = ['pms', 'plex', 'session', 'oidc']

/**
 * A path of this origin in the one spelling that every parser reads alike, or an absolute URL of an origin that the
 * operator listed, or of a listed native app's scheme (SECURITY rule 35). Never a path of Usher's own API: the browser would request it with its cookie, as
 * if the person had chosen to (rule 80).
 */
export function createReturnToRule(config: Pick<Config, 'publicUrl' | 'allowedReturnOrigins'>): FindReturnTo {
  const { publicUrl, allowedReturnOrigins } = config
  const { origin, basePath } = publicUrl
  const interaction = `${basePath}/oidc/interaction/`

  /** Whether a path leads below the API, in whatever spelling: a router may decode what a comparison does not. */
  function isApi(path: string): boolean {
    if (path.startsWith(interaction)) return !/^[\w-]{1,128}$/.test(path.slice(interaction.length))
    const plain = decoded(path).toLowerCase()
    const base = basePath.toLowerCase()
    if (!plain.startsWith(`${base}/`)) return false
    const [first = ''] = plain
      .slice(base.length)
      .split(/[/\\]+/)
      .filter((segment) => segment !== '')
    return API_SEGMENTS.includes(first.replace(/;.*$/s, ''))
  }

  return (value) => {
    if (typeof value !== 'string' || value.length === 0 || value.length > MAX_CHARS) return null
    // Visible ASCII without backslash: browsers drop tabs and newlines from URLs and read `\` as `/`.
    if (!/^[\x21-\x5b\x5d-\x7e]+$/.test(value)) return null
    const [path = ''] = value.split(/[?#]/, 1)
    // Encoded backslashes and controls in the path, however often encoded.
    if (/%(?:25)*(?:0[0-9a-d]|5c|7f)/i.test(path)) return null
    if (value.startsWith('/')) return isLocal(value, origin) && !isApi(path) ? value : null
    const url = URL.parse(value)
    if (url === null || url.username !== '' || url.password !== '') return null
    // A native app's address has no origin; its scheme is one that no browser keeps to itself.
    const isNative = url.origin === 'null'
    if (isNative && !url.protocol.includes('.')) return null
    if (!allowedReturnOrigins.includes(isNative ? url.protocol : url.origin)) return null
    if (url.origin === origin && (hasEncodedSlash(path) || isApi(url.pathname))) return null
    // Only as the URL parser would write it: no other spelling of the same origin.
    return url.href === value || url.href === `${value}/` ? url.href : null
  }
}

function isLocal(value: string, origin: string): boolean {
  const [path = ''] = value.split(/[?#]/, 1)
  if (value.startsWith('//') || hasEncodedSlash(path)) return false
  const url = URL.parse(value, origin)
  return url !== null && url.origin === origin && `${url.pathname}${url.search}${url.hash}` === value
}

/**
 * Some parsers take an encoded slash for a separator and others do not, so this origin has none. Other origins know how
 * theirs are read.
 */
function hasEncodedSlash(path: string): boolean {
  return /%(?:25)*2f/i.test(path)
}

/** Decodes percent-encoding repeatedly, byte for byte: the names compared are ASCII. */
function decoded(path: string): string {
  const once = path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16))
  )
  return once === path ? path : decoded(once)
}
