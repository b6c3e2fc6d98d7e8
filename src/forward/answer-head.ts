import type { Coding } from '../compress/coding.ts'
import { fieldOf } from '../fetch/header-fields.ts'
import { type Scrubber, scrubWhole } from '../scrub/scrubber.ts'
import { toBytes } from '../scrub/span.ts'
import { findCoding, matchTag } from './encoded-head.ts'
import { decodeField, toAsciiField } from './field-text.ts'
import type { ForwardCall, ForwardContext, ForwardPrincipal } from './forward-call.ts'
import { Chain, createAddressMark, createHandOn } from './hand-on.ts'
import { toLocalLocation } from './location.ts'
import { cachePicture, isPicture, isStamped, isUnchanged } from './picture-caching.ts'
import {
  dropLength,
  isScrubbable,
  isTextual,
  type ResponseHead,
  toGrammar,
  toPrivate,
  toResponseHead
} from './response-headers.ts'

export interface AnswerHead {
  /** 304 also for a picture that the caller has already. */
  readonly status: number
  readonly head: ResponseHead
  /** Null if the body cannot contain a token. */
  readonly scrubber: Scrubber | null
  /** How the body is to be compressed; null if it leaves as it is. */
  readonly coding: Coding | null
}

/** No token is shorter; Plex's have 20. */
const TOKEN_MIN_CHARS = 12
const TOKEN_BYTES = toBytes(/[\w+.~%-]/)

/**
 * The head to send to the client. Null if the response may not pass: a redirect to elsewhere, or a text that cannot be
 * scrubbed because it is partial, encoded or in UTF-16 (SECURITY rules 43, 57).
 */
export function toAnswerHead(
  context: ForwardContext,
  call: ForwardCall,
  status: number,
  answer: readonly string[]
): AnswerHead | null {
  const { principal } = call
  const head = toResponseHead(answer, context.fixed)
  const textual = status !== 304 && isTextual(head.contentType, call.class === 'media')
  // After a sign-out, the browser's back button must show no document of the account. Pictures may stay cached.
  const picture = !textual && (isPicture(head.contentType) || (status === 304 && isStamped(call.path)))
  head.fields.push('cache-control', textual ? 'no-store' : toCacheControl(head, picture, status, call.path))
  scrubFields(head.fields, context.fixed.length, principal)
  if (status >= 300 && head.location !== null) {
    const location = toLocalLocation(decodeField(head.location), call.origin + call.path, context.mount)
    if (location === null) return null
    // toLocalLocation removes parameters; a token may also be elsewhere in the URL.
    head.fields.push('location', scrubText(location, principal))
  }
  if (status === 304 && context.compressors !== null) matchTag(call, head)
  const handOn = textual && call.handOn !== null ? handOnOf(context, call, head, call.handOn) : null
  const coding = textual && context.compressors !== null ? findCoding(call, status, head) : null
  if (picture && isUnchanged(call, status, head)) return { status: 304, head, scrubber: null, coding: null }
  if (!textual || call.method === 'HEAD') return { status, head, scrubber: null, coding: null }
  const isReadable = status !== 206 && !head.isEncoded && isScrubbable(head.contentType)
  if (!isReadable) return null
  const scrubber = principal.createScrubber(toGrammar(head.contentType))
  return { status, head, scrubber: handOn === null ? scrubber : new Chain(scrubber, handOn), coding }
}

/** The token of the address goes into the addresses of a playlist, whose length is then unknown. */
function handOnOf(
  context: ForwardContext,
  call: ForwardCall,
  head: ResponseHead,
  token: string
): Scrubber | null {
  const mark = createAddressMark(context.mount, call.request.url ?? '/', token)
  const handOn = createHandOn(head.contentType, call.path, mark)
  if (handOn !== null) dropLength(head)
  return handOn
}

function toCacheControl(head: ResponseHead, picture: boolean, status: number, path: string): string {
  return picture ? cachePicture(head, status, path) : toPrivate(head.cacheControl)
}

/**
 * Whether the response is part of a text, where a token may be cut in two (SECURITY rule 57). The text is then
 * requested again without Range; clients accept the 200 (RFC 9110 §14.2).
 */
export function isPieceOfText(
  { method, class: kind }: ForwardCall,
  status: number,
  answer: readonly string[]
): boolean {
  if (status !== 206 || method !== 'GET') return false
  return isTextual(fieldOf(answer, 'content-type') ?? '', kind === 'media')
}

/** Masks tokens in every field that passes, and re-expresses bytes above ASCII (SECURITY rules 56, 89). */
function scrubFields(fields: string[], from: number, principal: ForwardPrincipal): void {
  for (let i = from; i < fields.length; i += 2) {
    const value = fields[i + 1] as string
    if (isSuspect(value)) fields[i + 1] = toAsciiField(fields[i] as string, scrubText(value, principal))
  }
}

/**
 * Whether a field's value may contain a token, so many of its characters in a row, or a byte above ASCII. Most are short,
 * or dates. Not a regular expression, which took 0.7 µs for the fields of a response, 2 % of a request.
 */
function isSuspect(value: string): boolean {
  let inRow = 0
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (TOKEN_BYTES[code] === 1) {
      inRow++
      if (inRow === TOKEN_MIN_CHARS) return true
    } else if (code > 0x7e || (code < 0x20 && code !== 0x09)) return true
    else inRow = 0
  }
  return false
}

function scrubText(text: string, principal: ForwardPrincipal): string {
  return scrubWhole(principal.createScrubber('text'), Buffer.from(text, 'latin1')).toString('latin1')
}
