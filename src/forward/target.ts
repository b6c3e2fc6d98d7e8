import { cleanQuery } from './query.ts'

export interface Target {
  /** Decoded path below the prefix: the one spelling that the policy decides on. */
  readonly path: string
  /** What is sent upstream: the caller's path byte for byte, and the query without identity fields. */
  readonly upstream: string
  /** A token that the caller put into the query; it never goes upstream. */
  readonly token: string | null
}

// RFC 3986 §3.3 pchar without ';', plus '[', ']' and '|', which browsers leave as they are. Percent and slash
// have checks of their own.
const PATH_OTHERS = "-._~!$&'()*+,=:@[]|"
/** An encoded control, dot, slash or backslash, however many times the percent sign itself is encoded. */
const UNSAFE_TRIPLET = /%(?:25)*(?:[01][0-9a-f]|7f|2[ef]|5c)/i
const SLASH = 0x2f
const PERCENT = 0x25
const AMPERSAND = 0x26
const DOT = 0x2e

const PATH_CHARS = Uint8Array.from({ length: 128 }, (_, code) => {
  const char = String.fromCharCode(code)
  return /[A-Za-z0-9]/.test(char) || PATH_OTHERS.includes(char) ? 1 : 0
})

/**
 * Reads a raw request target below a prefix, or refuses it (SECURITY rules 37-39, 46): origin form, no backslash,
 * fragment, semicolon, control or non-ASCII character, no empty or dot segment, no dot, slash, backslash or control
 * that is encoded once or more often. What passes reads the same to every parser.
 */
export function readTarget(raw: string, prefix: string): Target | null {
  if (!raw.startsWith(prefix)) return null
  const start = prefix.length
  const mark = raw.indexOf('?', start)
  const end = mark === -1 ? raw.length : mark
  if (start === end) return withQuery('/', '/', raw, mark)
  const encoded = scanPath(raw, start, end)
  if (encoded === null) return null
  const rawPath = raw.slice(start, end)
  if (!encoded) return withQuery(rawPath, rawPath, raw, mark)
  const path = decodePath(rawPath)
  if (path === null) return null
  return isSpelledAlike(rawPath) ? withQuery(path, rawPath, raw, mark) : null
}

/** Null: refused. Otherwise whether the path holds percent-encoding. */
function scanPath(raw: string, start: number, end: number): boolean | null {
  if (raw.charCodeAt(start) !== SLASH) return null
  let encoded = false
  let segment = start + 1
  for (let i = segment; i <= end; i++) {
    const code = i === end ? SLASH : raw.charCodeAt(i)
    if (code === SLASH) {
      const length = i - segment
      if (length === 0 && i !== end) return null
      if (length === 1 && raw.charCodeAt(segment) === DOT) return null
      if (length === 2 && raw.charCodeAt(segment) === DOT && raw.charCodeAt(segment + 1) === DOT) return null
      segment = i + 1
    } else if (code === PERCENT) {
      encoded = true
    } else if (code > 127 || PATH_CHARS[code] === 0) {
      return null
    }
  }
  return encoded
}

function decodePath(rawPath: string): string | null {
  // Encoded controls, '.', '/' and '\': another parser might act on them.
  if (UNSAFE_TRIPLET.test(rawPath)) return null
  try {
    const path = decodeURIComponent(rawPath)
    // Decoding it a second time must not lead to another path.
    return UNSAFE_TRIPLET.test(path) ? null : path
  } catch {
    // A stray '%' or bytes that are not UTF-8: no two parsers agree on those.
    return null
  }
}

// Rule 39: what is sent must read the same to a URL parser as it did to the scanner above.
function isSpelledAlike(rawPath: string): boolean {
  return URL.parse(rawPath, 'http://upstream.invalid')?.href === `http://upstream.invalid${rawPath}`
}

function withQuery(path: string, rawPath: string, raw: string, mark: number): Target | null {
  if (mark === -1) return { path, upstream: rawPath, token: null }
  const suspect = scanQuery(raw, mark)
  if (suspect === null) return null
  const query = raw.slice(mark + 1)
  if (!suspect) return { path, upstream: `${rawPath}?${query}`, token: null }
  const clean = cleanQuery(query)
  if (clean === null) return null
  return { path, upstream: clean.query === '' ? rawPath : `${rawPath}?${clean.query}`, token: clean.token }
}

/** Null: refused. Otherwise whether some parameter's name may decode to an X-Plex field. */
function scanQuery(raw: string, mark: number): boolean | null {
  let suspect = false
  let nameStarts = true
  for (let i = mark + 1; i < raw.length; i++) {
    const code = raw.charCodeAt(i)
    // Outside visible ASCII; '#', ';', '\'.
    if (code < 0x21 || code > 0x7e || code === 0x23 || code === 0x3b || code === 0x5c) return null
    if (code === PERCENT && !isSafeTriplet(raw, i)) return null
    if (nameStarts && (code === 0x78 || code === 0x58 || !isNameStart(code))) suspect = true
    nameStarts = code === AMPERSAND
  }
  return suspect
}

/** A letter or digit. A name that starts otherwise ('%58', '+X', '_x') is decoded and checked. */
function isNameStart(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)
}

/** Whether two hexadecimal digits follow that are no NUL or carriage return. Texts of several lines have line feeds. */
function isSafeTriplet(raw: string, at: number): boolean {
  const high = hex(raw.charCodeAt(at + 1))
  const low = hex(raw.charCodeAt(at + 2))
  if (high === -1 || low === -1) return false
  const code = high * 16 + low
  return code !== 0 && code !== 13
}

function hex(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
