import { errors } from 'undici'

// The classes of undici, so that one place explains the failures of both ways (plex/upstream-errors.ts).

/** An answer that is not HTTP/1.1 as the lane reads it; `what` names the part, never its bytes. */
export function malformed(what: string): Error {
  return new errors.HTTPParserError(`the ${what} of an answer is malformed`)
}

export function headTooLarge(): Error {
  return new errors.HeadersOverflowError()
}

/** A connection that ended before its answer did. */
export function brokenOff(): Error {
  return new errors.SocketError('other side closed')
}

export function timedOut(phase: 'connect' | 'head' | 'body'): Error {
  if (phase === 'connect') return new errors.ConnectTimeoutError()
  return phase === 'head' ? new errors.HeadersTimeoutError() : new errors.BodyTimeoutError()
}
