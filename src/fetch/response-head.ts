import { createFieldNames } from '../domain/field-names.ts'
import { isFieldValue } from '../domain/field-value.ts'
import { fieldOf } from './header-fields.ts'
import { malformed } from './lane-errors.ts'

/** How a body ends: there is none, after a number of bytes, after the last chunk, or with the connection. */
export type Framing = 'none' | 'length' | 'chunked' | 'close'

export interface LaneHead {
  readonly status: number
  /** Flat, in lower-case names; the values of a repeated field are joined by commas (RFC 9110 §5.3). */
  readonly fields: readonly string[]
  readonly framing: Framing
  /** Bytes of the body if `framing` is 'length'. */
  readonly length: number
  /** How long the connection may wait for its next request, in milliseconds; 0 if it must close. */
  readonly idleMs: number
}

/** Limit of a header section, its end included: that of Node's parser, and the size of a read buffer. */
export const HEAD_MAX_BYTES = 16 * 1024
/** Close an idle connection before the server does, so that no request is lost to the close. */
const IDLE_MAX_MS = 10_000
const IDLE_MARGIN_MS = 2000
/** More fields than any server sends; each is compared with those before it. */
const FIELDS_MAX = 256

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/
/** A token (RFC 9110 §5.6.2). */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Names that media servers send: these need no check and no lower-casing. */
const findKnown = createFieldNames([
  'accept-ranges',
  'cache-control',
  'connection',
  'content-disposition',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'date',
  'etag',
  'keep-alive',
  'last-modified',
  'server',
  'transfer-encoding',
  'vary',
  'x-plex-protocol'
])

/**
 * Reads a header section, without its final empty line, strictly by the grammar of RFC 9112. Throws if it could be
 * read in two ways. `isHead`: it answers a HEAD request.
 */
export function parseHead(bytes: Buffer, isHead: boolean): LaneHead {
  const text = bytes.toString('latin1')
  const statusEnd = lineEnd(text, 0)
  const [, minor, digits] = STATUS_LINE.exec(text.slice(0, statusEnd)) ?? []
  if (minor === undefined) throw malformed('status line')
  const status = Number(digits)
  const fields: string[] = []
  for (let at = statusEnd + 2; at <= text.length; ) {
    const end = lineEnd(text, at)
    addField(fields, text, at, end)
    if (fields.length > 2 * FIELDS_MAX) throw malformed('number of fields')
    at = end + 2
  }

  const contentLength = fieldOf(fields, 'content-length')
  const transferEncoding = fieldOf(fields, 'transfer-encoding')
  // RFC 9112 §6.1: both together, or a coding in HTTP/1.0, is how responses are smuggled.
  if (transferEncoding !== undefined && (contentLength !== undefined || minor === '0'))
    throw malformed('framing')
  // If repeated, either is a list here, which is not valid.
  if (transferEncoding !== undefined && !isChunked(transferEncoding)) throw malformed('transfer coding')
  if (contentLength !== undefined && !isLength(contentLength)) throw malformed('length')

  const length = contentLength === undefined ? 0 : Number(contentLength)
  const hasNoBody = isHead || status < 200 || status === 204 || status === 304
  const framing = hasNoBody
    ? 'none'
    : transferEncoding !== undefined
      ? 'chunked'
      : contentLength === undefined
        ? 'close'
        : length === 0
          ? 'none'
          : 'length'
  // A server that sends a body after HEAD, or after a 204 or 304 that announces one, may do so late: the next
  // response on this connection would be read out of it, and belong to somebody else (SECURITY rule 86).
  const isSuspect = isHead || (hasNoBody && (length > 0 || transferEncoding !== undefined))
  const saysClose = minor === '0' || hasToken(fieldOf(fields, 'connection'), 'close')
  // RFC 9110 §15.2: a 1xx response cannot announce the end of the connection.
  if (status < 200 && saysClose) throw malformed('interim answer')
  const closes = saysClose || framing === 'close' || isSuspect
  return { status, fields, framing, length, idleMs: closes ? 0 : toIdleMs(fieldOf(fields, 'keep-alive')) }
}

/** Where the line that starts at this index ends. */
function lineEnd(text: string, from: number): number {
  const at = text.indexOf('\r\n', from)
  return at === -1 ? text.length : at
}

/**
 * Adds the field line from `start` to `end`; throws if its name is not a token or its value has a forbidden
 * character.
 */
export function addField(fields: string[], text: string, start = 0, end = text.length): void {
  const colon = text.indexOf(':', start)
  if (colon <= start || colon >= end) throw malformed('field')
  const name = text.slice(start, colon)
  const key = findKnown(name) ?? toKey(name)
  const value = trim(text, colon + 1, end)
  // No folding either.
  if (!isFieldValue(value)) throw malformed('field')
  // Trailing white space is not part of a value, but not every parser of a length agrees.
  if (key === 'content-length' && isBlank(text.charCodeAt(end - 1))) throw malformed('length')
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== key) continue
    fields[i + 1] += `, ${value}`
    return
  }
  fields.push(key, value)
}

function toKey(name: string): string {
  if (!NAME.test(name)) throw malformed('field')
  return name.toLowerCase()
}

/** Without surrounding white space (RFC 9112 §5). Written by hand, because a backtracking pattern is quadratic here. */
function trim(text: string, from: number, to: number): string {
  let start = from
  let end = to
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09
const isChunked = (value: string): boolean => value.toLowerCase() === 'chunked'
// Fifteen digits are exact in a number, and a petabyte.
const isLength = (value: string): boolean => /^\d{1,15}$/.test(value)

function hasToken(value: string | undefined, token: string): boolean {
  if (value === undefined || value === 'keep-alive') return false
  return value.split(',').some((part) => part.trim().toLowerCase() === token)
}

function toIdleMs(keepAlive: string | undefined): number {
  if (keepAlive === undefined) return IDLE_MAX_MS
  const seconds = /\btimeout\s*=\s*(\d{1,6})/i.exec(keepAlive)?.[1]
  if (seconds === undefined) return IDLE_MAX_MS
  return Math.max(0, Math.min(IDLE_MAX_MS, Number(seconds) * 1000 - IDLE_MARGIN_MS))
}
