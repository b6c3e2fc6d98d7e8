import {
  type Coding,
  forbidsTransform,
  isCompressible,
  LEAST_BYTES,
  preferredCoding
} from '../compress/coding.ts'
import { compressWhole } from '../compress/compress.ts'
import { fieldOf, indexOfField } from '../fetch/header-fields.ts'
import type { ForwardCall } from './forward-call.ts'
import type { ResponseHead } from './response-headers.ts'

/** What no longer holds once the body is compressed. Ranges of a text are never served (SECURITY rule 57). */
const OF_PLAIN_BODY = ['content-length', 'accept-ranges']

/**
 * The coding for a textual body, whose head then names `Vary`; null if the body leaves as it is. A browser without
 * Fetch Metadata does not say whether another site caused a navigation: what it opens is not compressed, so that the
 * length of a text tells that site nothing.
 */
export function findCoding(call: ForwardCall, status: number, head: ResponseHead): Coding | null {
  if (!isCompressible(head.contentType) || forbidsTransform(head.cacheControl)) return null
  addVary(head.fields)
  if (call.method === 'HEAD' || call.class === 'event' || call.handOn !== null) return null
  if (head.isEncoded || status > 299 || status === 204 || status === 206) return null
  if (head.contentLength !== -1 && head.contentLength < LEAST_BYTES) return null
  const { headers } = call.request
  const accept = headers['accept-encoding']
  if (typeof accept !== 'string' || headers.range !== undefined) return null
  if (headers['sec-fetch-site'] === undefined && headers.accept?.includes('text/html') === true) return null
  return preferredCoding(accept)
}

/** Turns the fields of a plain body into those of a compressed one, of unknown length. */
export function encodeHead({ fields }: ResponseHead, coding: Coding): void {
  for (const name of OF_PLAIN_BODY) {
    const at = indexOfField(fields, name)
    if (at !== -1) fields.splice(at, 2)
  }
  const at = indexOfField(fields, 'etag')
  if (at !== -1) fields[at + 1] = weaken(fields[at + 1] as string)
  fields.push('content-encoding', coding)
}

/** A short text, compressed at once: the way through the thread pool would take longer. One character for each byte. */
export function encodeWhole(head: ResponseHead, coding: Coding, text: string): string {
  encodeHead(head, coding)
  return compressWhole(coding, Buffer.from(text, 'latin1'), 'small').toString('latin1')
}

/**
 * A 304 names the entity tag that its 200 had: the weak one, if that is what the caller has (RFC 9111 §4.3.4).
 */
export function matchTag(call: ForwardCall, head: ResponseHead): void {
  const at = indexOfField(head.fields, 'etag')
  const asked = call.request.headers['if-none-match']
  if (at === -1 || asked === undefined) return
  const weak = weaken(head.fields[at + 1] as string)
  if (asked.includes(weak)) head.fields[at + 1] = weak
}

/**
 * The entity tags of a condition as the media server knows them: it compares the tags of its plain bodies, and its
 * own weak tags match without the mark too (RFC 9110 §13.1.2).
 */
export function toPlainTags(condition: string): string {
  return condition.includes('W/"') ? condition.replace(/(^|,[ \t]*)W\/"/g, '$1"') : condition
}

function weaken(tag: string): string {
  return tag.startsWith('W/') ? tag : `W/${tag}`
}

function addVary(fields: string[]): void {
  const vary = fieldOf(fields, 'vary')
  if (vary === undefined || !/\*|\baccept-encoding\b/i.test(vary)) fields.push('vary', 'Accept-Encoding')
}
