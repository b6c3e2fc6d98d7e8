import { fieldOf, indexOfField } from '../fetch/header-fields.ts'
import type { Grammar } from '../scrub/scrubber.ts'

export interface ResponseHead {
  /** Flat names and values for writeHead, the fixed ones included. */
  readonly fields: string[]
  readonly contentType: string
  /** In bytes; -1 if nobody knows. */
  contentLength: number
  readonly hasDate: boolean
  /** The upstream's own values; neither is among the fields. */
  readonly location: string | null
  readonly cacheControl: string
  /** Whether the body has a Content-Encoding. */
  readonly isEncoded: boolean
}

// SECURITY rule 58. Set-Cookie, Server, Access-Control-*, and every hop-by-hop field are not here.
const FIELDS: ReadonlySet<string> = new Set([
  'accept-ranges',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-range',
  'content-type',
  'date',
  'etag',
  'expires',
  'last-modified',
  'vary',
  'x-plex-activity',
  'x-plex-container-start',
  'x-plex-container-total-size',
  'x-plex-content-compressed-length',
  'x-plex-content-original-length',
  'x-plex-protocol'
])

/**
 * Set on every forwarded response (SECURITY rule 60), flat: a browser neither guesses another type than the media
 * server's nor runs the body as a page of this origin. `sharedWithSite`: frontends of other origins, on the same
 * site, may show pictures and play media too.
 */
export function fixedFields(options: {
  readonly secure: boolean
  readonly sharedWithSite: boolean
}): string[] {
  return [
    'x-content-type-options',
    'nosniff',
    'content-security-policy',
    "default-src 'none'; frame-ancestors 'none'; sandbox",
    'cross-origin-resource-policy',
    options.sharedWithSite ? 'same-site' : 'same-origin',
    'referrer-policy',
    'no-referrer',
    // A picture that was stored for an <img> must not answer a fetch that needs CORS.
    ...(options.sharedWithSite ? ['vary', 'Origin'] : []),
    ...(options.secure ? ['strict-transport-security', 'max-age=31536000'] : [])
  ]
}

/** The response's fields (flat) by allow-list, after the `fixed` ones; hop-by-hop fields end here. */
export function toResponseHead(answer: readonly string[], fixed: readonly string[]): ResponseHead {
  const fields = fixed.slice()
  const connection = fieldOf(answer, 'connection')
  const nominated = connection === undefined ? null : findNominated(connection)
  let contentType = ''
  let contentLength = -1
  let hasDate = false
  let location: string | null = null
  let cacheControl = ''
  let isEncoded = false
  for (let i = 0; i + 1 < answer.length; i += 2) {
    const name = answer[i] as string
    const value = answer[i + 1] as string
    if (name === 'location') location = value
    else if (name === 'cache-control') cacheControl = value
    else if (name === 'content-encoding') isEncoded = value !== 'identity'
    if (!FIELDS.has(name) || nominated?.includes(name) === true) continue
    if (name === 'content-type') contentType = value
    else if (name === 'content-length') contentLength = Number(value)
    else if (name === 'date') hasDate = true
    fields.push(name, value)
  }
  return { fields, contentType, contentLength, hasDate, location, cacheControl, isEncoded }
}

/** Adds Usher's own fields to those of `toAnswerHead`. */
export function addExtra(fields: string[], extra: readonly string[]): void {
  // No cache may store a response that sets a cookie (SECURITY rule 59).
  if (extra.includes('set-cookie')) fields[indexOfField(fields, 'cache-control') + 1] = 'no-store'
  for (let i = 0; i + 1 < extra.length; i += 2) {
    const name = extra[i] as string
    // One of the fixed ones.
    const at = name === 'cross-origin-resource-policy' ? indexOfField(fields, name) : -1
    if (at === -1) fields.push(name, extra[i + 1] as string)
    else fields[at + 1] = extra[i + 1] as string
  }
}

/** For a body whose length changes on the way. */
export function dropLength(head: ResponseHead): void {
  const at = indexOfField(head.fields, 'content-length')
  if (at !== -1) head.fields.splice(at, 2)
  head.contentLength = -1
}

function findNominated(connection: string): readonly string[] | null {
  const value = connection.toLowerCase()
  if (value === 'keep-alive' || value === 'close') return null
  return value.split(',').map((token) => token.trim())
}

/** The Cache-Control of a response for one user, which no shared cache may store (SECURITY rule 59). */
export function toPrivate(value: string): string {
  if (value === '') return 'private'
  if (value === 'no-cache') return 'private, no-cache'
  const kept = value
    .split(',')
    .map((directive) => directive.trim())
    .filter((directive) => !/^(?:public|private|s-maxage|$)/i.test(directive))
  return ['private', ...kept].join(', ')
}

/** The types of nearly all documents, recognised without the patterns below. */
const DOCUMENTS: ReadonlyMap<string, Grammar> = new Map([
  ['application/json', 'json'],
  ['text/xml;charset=utf-8', 'xml']
])
// Everything else is or may be text, and is scrubbed. Of a list of types, browsers choose differently.
const BINARY =
  /^[ \t]*(?:image|video|audio|font)\/(?!svg|(?:x-|vnd\.(?:apple\.)?)?mpegurl|(?:x-)?scpls|x-ms-(?:asx|w[amv]x)|[^;,]*[+/](?:xml|json))[^,]*$/i
const BINARY_PART = /^[ \t]*application\/(?:octet-stream|zip|pdf|epub\+zip|x-matroska)\b[^,]*$/i
// Every encoding of the Encoding Standard contains ASCII as it is, except UTF-16, which some of these labels mean.
const NOT_ASCII =
  /charset[ \t]*=[ \t]*(?:["'][ \t]*)?(?:cs)?(?:utf-?(?:7|16|32)|ucs-?[24]|iso-10646|(unicode))/gi

/** Whether a response may contain text, and so a token. Media can be any bytes; an API response cannot. */
export function isTextual(contentType: string, isMedia: boolean): boolean {
  if (DOCUMENTS.has(contentType)) return true
  return !BINARY.test(contentType) && !(isMedia && BINARY_PART.test(contentType))
}

/** Whether the scrubber can read the text: it looks for tokens in ASCII (SECURITY rule 57). */
export function isScrubbable(contentType: string): boolean {
  if (DOCUMENTS.has(contentType)) return true
  const lower = contentType.toLowerCase()
  // `unicode-1-1-utf-8` is UTF-8.
  const utf8 = Math.max(lower.lastIndexOf('utf-8'), lower.lastIndexOf('utf8'))
  for (const { 1: unicode, index } of lower.matchAll(NOT_ASCII))
    if (unicode === undefined || index > utf8) return false
  return true
}

/** The grammar of a textual body. Every event of an event stream is a JSON text. */
export function toGrammar(contentType: string): Grammar {
  const known = DOCUMENTS.get(contentType)
  if (known !== undefined) return known
  if (/^[^;,]*(?:[/+-]json|\/event-stream)\b/i.test(contentType)) return 'json'
  if (/^[^;,]*[/+]xml\b/i.test(contentType)) return 'xml'
  // Subtitles and playlists have many types; a document that has none of the above has no type at all.
  return /^[ \t]*(?:$|application\/octet-stream\b)/i.test(contentType) ? 'untyped' : 'text'
}
