import { fieldOf, indexOfField } from '../fetch/header-fields.ts'
import type { ForwardCall } from './forward-call.ts'
import { type ResponseHead, toPrivate } from './response-headers.ts'

const DAY_S = 86_400

/**
 * The number behind a picture's name, in a path or in the parameter of a transcoder: it changes with the picture, so
 * such an address always names the same one.
 */
const STAMP =
  /(?:\/|%2f)(?:thumb|art|banner|poster|composite|clearLogo|parentThumb|grandparentThumb|squareArt)(?:\/|%2f)(\d{1,20})(?![^?&/%])/i

interface Lifetime {
  readonly maxAge: number
  /** How long a browser may still show it while it asks again (RFC 5861 §3). */
  readonly stale: number
}

const STAMPED: Lifetime = { maxAge: 7 * DAY_S, stale: 30 * DAY_S }
const OTHER: Lifetime = { maxAge: DAY_S / 24, stale: DAY_S }

/** Whether a response is a picture. An SVG is a text, and may hold anything. */
export function isPicture(contentType: string): boolean {
  return /^image\/(?!svg)/i.test(contentType)
}

/** Whether an address names one picture for ever. */
export function isStamped(path: string): boolean {
  return STAMP.test(path)
}

/**
 * Lets the browser of one person keep a picture, so that a wall of posters costs its second visit nothing: the
 * server's own lifetime if it names one, unless it forbids storing.
 */
export function cachePicture(head: ResponseHead, status: number, path: string): string {
  const value = head.cacheControl
  const stamp = STAMP.exec(path)?.[1] ?? null
  if (stamp !== null && status === 200 && fieldOf(head.fields, 'etag') === undefined) {
    // An entity tag is compared within one address only, and the size is part of that.
    head.fields.push('etag', `W/"${stamp}${head.contentLength === -1 ? '' : `-${head.contentLength}`}"`)
  }
  if (/\bno-store\b/i.test(value)) return toPrivate(value)
  const { maxAge, stale } = stamp === null ? OTHER : STAMPED
  const lasting = /\bmax-age\s*=\s*"?[1-9]/i.test(value) ? toPrivate(value) : `private, max-age=${maxAge}`
  return /\bstale-while-revalidate\b/i.test(value) ? lasting : `${lasting}, stale-while-revalidate=${stale}`
}

/**
 * Whether the caller has this picture already, by a tag that the media server does not know (RFC 9110 §13.1.2). The
 * head then is that of a 304.
 */
export function isUnchanged(call: ForwardCall, status: number, head: ResponseHead): boolean {
  if (status !== 200 || call.method !== 'GET') return false
  const asked = call.request.headers['if-none-match']
  const tag = asked === undefined ? undefined : fieldOf(head.fields, 'etag')
  if (asked === undefined || tag === undefined || !asked.includes(tag.replace(/^W\//, ''))) return false
  for (const name of ['content-length', 'content-type', 'accept-ranges']) {
    const at = indexOfField(head.fields, name)
    if (at !== -1) head.fields.splice(at, 2)
  }
  return true
}
