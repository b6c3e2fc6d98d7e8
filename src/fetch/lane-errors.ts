import { errors } from 'undici'

// undici's classes, so that src/plex/upstream-errors.ts explains the failures of both clients.

/** A response that is not HTTP/1.1 as the lane accepts it; `what` names the part, never its bytes. */
export function malformed(what: string): Error {
  return new errors.HTTPParserError(`the ${what} of an answer is malformed`)
}

export function headTooLarge(): Error {
  return new errors.HeadersOverflowError()
}

/** A connection that ended before its response. */
export function brokenOff(): Error {
  return new errors.SocketError('other side closed')
}

export function timedOut(phase: 'connect' | 'head' | 'body'): Error {
  if (phase === 'connect') return new errors.ConnectTimeoutError()
  return phase === 'head' ? new errors.HeadersTimeoutError() : new errors.BodyTimeoutError()
}
