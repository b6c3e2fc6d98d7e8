import { indexOfField } from '../fetch/header-fields.ts'
import type { ForwardCall, ForwardContext, ForwardPrincipal, Scrubber } from './forward-call.ts'
import { toLocalLocation } from './location.ts'
import { isScrubbable, isTextual, type ResponseHead, toResponseHead } from './response-headers.ts'

export interface AnswerHead {
  readonly head: ResponseHead
  /** What the body goes through; null where it is none that could hold a token. */
  readonly scrubber: Scrubber | null
}

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
  if (status >= 300 && head.location !== null) {
    const location = toLocalLocation(head.location, call.origin + call.path, context.mount)
    if (location === null) return null
    // A token may stand in it in other places than a parameter of its own.
    head.fields.push('location', scrubText(location, principal))
  }
  // The one other field with a text of the server's own in it.
  const named = indexOfField(head.fields, 'content-disposition') + 1
  if (named > 0) head.fields[named] = scrubText(head.fields[named] as string, principal)
  if (call.method === 'HEAD' || status === 304 || !isTextual(head.contentType, call.class === 'media'))
    return { head, scrubber: null }
  const isReadable = status !== 206 && !head.isEncoded && isScrubbable(head.contentType)
  return isReadable ? { head, scrubber: principal.createScrubber() } : null
}

function scrubText(text: string, principal: ForwardPrincipal): string {
  const scrubber = principal.createScrubber()
  return Buffer.concat([scrubber.scrub(Buffer.from(text, 'latin1')), scrubber.flush()]).toString('latin1')
}
