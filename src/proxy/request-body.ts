import type { IncomingMessage } from 'node:http'
import { Transform, type TransformCallback } from 'node:stream'
import { Problem } from '../errors.ts'

/** Bytes. Reports and play queues are tiny; a poster that the owner uploads is not. */
export const BODY_MAX_BYTES = 16 * 1024 * 1024

/** Whether a request announces a body: RFC 9112 §6.3, a Content-Length above zero or any Transfer-Encoding. */
export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length']
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

/**
 * The request's body as a stream of its own, with back-pressure, that fails past `maxBytes`. Not the request itself:
 * undici destroys what it reads from, and with it the socket that the answer goes to.
 */
export function limitBody(request: IncomingMessage, maxBytes: number): Transform {
  let bytes = 0
  const limited = new Transform({
    transform(chunk: Buffer, _encoding, callback: TransformCallback) {
      bytes += chunk.length
      if (bytes > maxBytes) callback(tooLarge())
      else callback(null, chunk)
    }
  })
  request.on('error', (error) => limited.destroy(error))
  request.on('close', () => {
    if (!request.complete) limited.destroy(new Error('the request broke off'))
  })
  // What is no longer wanted is read and dropped, so that the answer reaches a client that is still sending.
  limited.on('close', () => request.resume())
  return request.pipe(limited)
}

export function tooLarge(): Problem {
  return new Problem('USHER_INVALID_REQUEST', { status: 413, detail: 'The body is too large.' })
}
