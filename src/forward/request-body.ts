import type { IncomingMessage } from 'node:http'
import { type Readable, Transform, type TransformCallback } from 'node:stream'
import { collectBytes } from '../domain/collected-bytes.ts'
import { Problem } from '../domain/problems.ts'
import type { ClassLoad } from './loads.ts'
import { type BodyCheck, isForm } from './parameters.ts'

/** The largest body for every caller; reports and play queues are tiny. */
const BODY_MAX_BYTES = 64 * 1024
/** The largest body on an administrative path, such as a poster. */
const LARGE_MAX_BYTES = 16 * 1024 * 1024

/** Whether a request announces a body: RFC 9112 §6.3, a Content-Length above zero or any Transfer-Encoding. */
export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length']
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

/**
 * What to send on; until it is there the request counts as waiting. Throws the problem of a body that is too large or
 * may not pass, and where it breaks off.
 */
export async function takeBody(
  request: IncomingMessage,
  large: boolean,
  check: BodyCheck | null,
  load: Pick<ClassLoad, 'waiting'>
): Promise<Buffer | Readable> {
  const contentType = request.headers['content-type'] ?? ''
  check?.requireType(contentType)
  const isCheckedForm = check !== null && isForm(contentType)
  if (Number(request.headers['content-length'] ?? 0) > (large ? LARGE_MAX_BYTES : BODY_MAX_BYTES))
    throw tooLarge()
  if (large && !isCheckedForm) return streamBody(request)
  load.waiting += 1
  try {
    const body = await collectBody(request)
    return isCheckedForm ? Buffer.from(check.checkForm(body.toString('latin1')), 'latin1') : body
  } finally {
    load.waiting -= 1
  }
}

/**
 * The whole of a small body. A client that sends slowly must not hold a connection to the media server meanwhile: there
 * are a few for everybody (SECURITY rule 53).
 */
async function collectBody(request: IncomingMessage): Promise<Buffer> {
  const body = collectBytes()
  for await (const piece of request.iterator({ destroyOnReturn: false })) {
    body.add(piece as Buffer)
    if (body.length > BODY_MAX_BYTES) throw tooLarge()
  }
  return body.take()
}

/**
 * A large body as a stream of its own, with back-pressure, that fails past its limit. Not the request itself: undici
 * destroys what it reads from, and with it the socket that the answer goes to.
 */
function streamBody(request: IncomingMessage): Transform {
  let bytes = 0
  const limited = new Transform({
    transform(chunk: Buffer, _encoding, callback: TransformCallback) {
      bytes += chunk.length
      if (bytes > LARGE_MAX_BYTES) callback(tooLarge())
      else callback(null, chunk)
    }
  })
  request.on('error', (error) => limited.destroy(error))
  request.on('close', () => {
    if (!request.complete) limited.destroy(new Error('the request broke off'))
  })
  // Read and drop the rest, so that a client that is still sending receives the response.
  limited.on('close', () => request.resume())
  return request.pipe(limited)
}

function tooLarge(): Problem {
  return new Problem('USHER_INVALID_REQUEST', { status: 413, detail: 'The body is too large.' })
}
