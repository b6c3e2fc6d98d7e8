import type { IncomingMessage, Server } from 'node:http'
import { collectBytes, JOIN_BYTES } from '../domain/collected-bytes.ts'

/**
 * Joins the chunks of a request's body that arrive together. Node keeps two hundred bytes for each of them, and a client
 * may send every byte in a chunk of its own (SECURITY rule 53). Other bodies arrive by the read, and are left alone.
 */
export function joinChunks(server: Server): void {
  server.prependListener('request', (request: IncomingMessage) => {
    if (request.headers['transfer-encoding'] !== undefined) joinBody(request)
  })
}

function joinBody(request: IncomingMessage): void {
  const push = request.push.bind(request)
  const joined = collectBytes()

  function passJoined(): void {
    if (joined.length > 0 && !request.destroyed) push(joined.take())
  }

  /** Node's parser calls it for every chunk, and reads no more for now where it returns false. */
  request.push = (chunk: Buffer | null) => {
    if (chunk === null || chunk.length >= JOIN_BYTES) {
      passJoined()
      return push(chunk)
    }
    // A tick ends with every chunk, because it is native code that reads.
    if (joined.length === 0) setImmediate(passJoined)
    joined.add(chunk)
    if (joined.length >= JOIN_BYTES) passJoined()
    return request.readableLength < request.readableHighWaterMark
  }
}
