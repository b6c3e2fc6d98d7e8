import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { PROBLEM_TYPE, toBody } from '../../plugins/problems.ts'
import { Problem } from '../domain/problems.ts'

const REFUSED: unique symbol = Symbol('refused')

/** What Node keeps on a socket: the response under way. Its own handler of such errors asks for it too. */
interface HttpSocket extends Socket {
  _httpMessage?: (ServerResponse & { readonly req: IncomingMessage }) | null
  [REFUSED]?: true
}

/** Answers what Node's HTTP parser refused. There is no request, and so no id. */
export function refuseClient(
  error: Error & { readonly code?: string },
  socket: HttpSocket,
  fixed: Readonly<Record<string, string>>
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  // Node reports every further piece of what it no longer reads.
  if (socket[REFUSED] === true) return
  socket[REFUSED] = true
  answerInTurn(error, socket, fixed)
}

/**
 * A response under way is finished first, and whatever waits behind it: nothing is written into it (SECURITY rule
 * 87).
 */
function answerInTurn(
  error: Error & { readonly code?: string },
  socket: HttpSocket,
  fixed: Readonly<Record<string, string>>
): void {
  const response = socket._httpMessage ?? null
  if (response === null) {
    write(error, socket, fixed)
  } else if (response.req.complete) {
    // The error is in a later request.
    response.once('close', () => {
      if (socket.writable) setImmediate(answerInTurn, error, socket, fixed)
    })
  } else if (response.headersSent) {
    // The error is in the request whose response is under way: it cannot be reported any more.
    socket.destroy()
  } else {
    write(error, socket, fixed)
  }
}

function write(
  { code }: { readonly code?: string },
  socket: Socket,
  fixed: Readonly<Record<string, string>>
): void {
  const [status, reason] =
    code === 'HPE_HEADER_OVERFLOW'
      ? [431, 'Request Header Fields Too Large']
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? [408, 'Request Timeout']
        : [400, 'Bad Request']
  const problem = new Problem('USHER_INVALID_REQUEST', { status: Number(status) })
  const body = JSON.stringify(toBody(problem, '-'))
  const headers = {
    ...fixed,
    connection: 'close',
    'content-type': PROBLEM_TYPE,
    'content-length': Buffer.byteLength(body)
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n${body}`)
  // end() alone would leave the socket open for as long as the client does not close it (SECURITY rule 53).
  socket.destroySoon()
}
