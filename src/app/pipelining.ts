import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests of one socket that wait behind the one under way; browsers and proxies do not pipeline at all. */
const MAX_WAITING = 16
/** Pause between two requests of a socket that had more waiting: it gets what it asked for, and takes nobody's turn. */
const FLOOD_PAUSE_MS = 1

interface Waiting {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** The requests of one socket that came before the response ahead of them had left. */
interface Line {
  readonly waiting: Waiting[]
  /** More than MAX_WAITING have waited at once. */
  isFlood: boolean
}

const LINE: unique symbol = Symbol('line')

interface HttpSocket extends Socket {
  /** What Node keeps on a socket: the response under way. */
  readonly _httpMessage?: ServerResponse | null
  [LINE]?: Line
}

/**
 * Takes the pipelined requests of a socket one after the other, a turn of the event loop for each, and does not read on
 * while many wait (SECURITY rule 70): their sender is slowed down by TCP, and nobody else. A request that is not behind
 * another has its socket at once, and costs one comparison.
 */
export function serializePipelines(server: Server): void {
  const listeners = server.listeners('request') as RequestListener[]
  server.removeAllListeners('request')
  const handle: RequestListener = (request, response) => {
    for (const listener of listeners) listener.call(server, request, response)
  }
  server.on('request', (request, response) => {
    if (response.socket !== null) handle(request, response)
    else wait(request.socket, { request, response }, handle)
  })
}

function wait(socket: HttpSocket, waiting: Waiting, handle: RequestListener): void {
  let line = socket[LINE]
  if (line === undefined) {
    line = { waiting: [], isFlood: false }
    socket[LINE] = line
  }
  line.waiting.push(waiting)
  if (line.waiting.length === 1) socket._httpMessage?.once('close', () => next(socket, line, handle))
  if (line.waiting.length !== MAX_WAITING + 1) return
  line.isFlood = true
  // Node resumes a socket after every request that it has parsed.
  socket.on('resume', pauseAgain)
  socket.pause()
}

/** The response ahead has left: a turn of the loop later the next request is handled. */
function next(socket: HttpSocket, line: Line, handle: RequestListener): void {
  if (line.isFlood) setTimeout(handleFirst, FLOOD_PAUSE_MS, socket, line, handle)
  else setImmediate(handleFirst, socket, line, handle)
}

function handleFirst(socket: HttpSocket, line: Line, handle: RequestListener): void {
  const first = line.waiting.shift()
  if (first === undefined) return
  if (line.waiting.length === MAX_WAITING / 2 && socket.listeners('resume').includes(pauseAgain)) {
    socket.off('resume', pauseAgain)
    socket.resume()
  }
  const { request, response } = first
  // The socket has closed.
  if (response.destroyed || socket.destroyed) {
    line.waiting.length = 0
    return
  }
  if (line.waiting.length > 0) response.once('close', () => next(socket, line, handle))
  handle(request, response)
}

function pauseAgain(this: Socket): void {
  this.pause()
}
