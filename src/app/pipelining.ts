import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Responses of one socket that wait behind the one under way; browsers and proxies do not pipeline at all. */
const MAX_WAITING = 16

const WAITING: unique symbol = Symbol('waiting responses')

interface CountedSocket extends Socket {
  [WAITING]?: number
}

/**
 * Bounds the requests under way on one socket (SECURITY rule 70): while too many wait behind the first, the socket is
 * not read, so that their sender is slowed down by TCP. What was read before is answered; that is one read of 64 KB.
 * A response that need not wait has its socket at once, and costs one comparison.
 */
export function boundPipelining(server: Server): void {
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    if (response.socket === null) count(socket, response)
  })
}

function count(socket: CountedSocket, response: ServerResponse): void {
  const waiting = (socket[WAITING] ?? 0) + 1
  socket[WAITING] = waiting
  response.once('close', () => uncount(socket))
  if (waiting !== MAX_WAITING + 1) return
  // Node resumes a socket after every request that it has parsed.
  socket.on('resume', pauseAgain)
  socket.pause()
}

function uncount(socket: CountedSocket): void {
  const waiting = (socket[WAITING] ?? 1) - 1
  socket[WAITING] = waiting
  if (waiting !== MAX_WAITING / 2 || !socket.listeners('resume').includes(pauseAgain)) return
  socket.off('resume', pauseAgain)
  socket.resume()
}

function pauseAgain(this: Socket): void {
  this.pause()
}
