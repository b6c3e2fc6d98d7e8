import { fieldOf } from '../fetch/header-fields.ts'
import { type Scrubber, scrubWhole } from '../scrub/scrubber.ts'
import { decodeField, toAsciiField } from './field-text.ts'
import type { ForwardCall, ForwardContext, ForwardPrincipal } from './forward-call.ts'
import { toLocalLocation } from './location.ts'
import {
  isScrubbable,
  isTextual,
  type ResponseHead,
  toGrammar,
  toPrivate,
  toResponseHead
} from './response-headers.ts'

export interface AnswerHead {
  readonly head: ResponseHead
  /** What the body goes through; null where it is none that could hold a token. */
  readonly scrubber: Scrubber | null
}

/** A value that may hold a token, or bytes that HTTP does not carry; most values are short, or dates. */
const SUSPECT = /[\w+.~%-]{12}|[^\t\x20-\x7e]/

/**
 * The head of an answer as the client gets it, or null where the answer may not pass: it leads elsewhere, or its text
 * cannot be scrubbed, as it is a piece of one, encoded, or not ASCII at bottom (SECURITY rules 43, 57).
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
  // After a sign-out the browser's history and cache must show no document of the account's; pictures may stay.
  head.fields.push('cache-control', textual ? 'no-store' : toPrivate(head.cacheControl))
  scrubFields(head.fields, context.fixed.length, principal)
  if (status >= 300 && head.location !== null) {
    const location = toLocalLocation(decodeField(head.location), call.origin + call.path, context.mount)
    if (location === null) return null
    // A token may stand in it in other places than a parameter of its own.
    head.fields.push('location', scrubText(location, principal))
  }
  if (!textual || call.method === 'HEAD') return { head, scrubber: null }
  const isReadable = status !== 206 && !head.isEncoded && isScrubbable(head.contentType)
  return isReadable ? { head, scrubber: principal.createScrubber(toGrammar(head.contentType)) } : null
}

/**
 * Whether the answer is a piece of a text, in which a token could be cut in two (SECURITY rule 57). The text is asked
 * for again, whole: RFC 9110 §14.2 lets a server ignore a Range, and clients take the 200.
 */
export function isPieceOfText(
  { method, class: kind }: ForwardCall,
  status: number,
  answer: readonly string[]
): boolean {
  if (status !== 206 || method !== 'GET') return false
  return isTextual(fieldOf(answer, 'content-type') ?? '', kind === 'media')
}

/** Every field that passes may repeat what was asked, and with it a token (SECURITY rules 56, 89). */
function scrubFields(fields: string[], from: number, principal: ForwardPrincipal): void {
  for (let i = from; i < fields.length; i += 2) {
    const value = fields[i + 1] as string
    if (SUSPECT.test(value)) fields[i + 1] = toAsciiField(fields[i] as string, scrubText(value, principal))
  }
}

function scrubText(text: string, principal: ForwardPrincipal): string {
  return scrubWhole(principal.createScrubber('text'), Buffer.from(text, 'latin1')).toString('latin1')
}
