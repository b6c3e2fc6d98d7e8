import { Problem } from '../errors.ts'

const TIMEOUTS: ReadonlySet<string> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
  'USHER_DEADLINE'
])

const UNSENT: ReadonlySet<string> = new Set(['ECONNREFUSED', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

/** The reason a call is aborted with when its deadline passes. */
export function createDeadline(): Error {
  return Object.assign(new Error('deadline passed'), { code: 'USHER_DEADLINE' })
}

/** The problem behind a failed call: time-out, not understood, or else not reachable; never the error's text. */
export function toTransportProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  const code = codeOf(error)
  if (TIMEOUTS.has(code)) return new Problem('USHER_UPSTREAM_TIMEOUT', { cause: error })
  // HPE_* are the codes of the HTTP parser.
  if (code.startsWith('HPE_') || code === 'UND_ERR_HEADERS_OVERFLOW') {
    return new Problem('USHER_UPSTREAM_INVALID', { cause: error })
  }
  return new Problem('USHER_UPSTREAM_UNREACHABLE', { cause: error })
}

/** Whether not one byte of the request left: no connection was made, or it closed before anything was written. */
export function isUnsent(error: unknown): boolean {
  const code = codeOf(error)
  if (code !== 'UND_ERR_SOCKET') return UNSENT.has(code)
  return error instanceof Error && 'socket' in error && bytesWritten(error.socket) === 0
}

function bytesWritten(socket: unknown): unknown {
  return typeof socket === 'object' && socket !== null && 'bytesWritten' in socket
    ? socket.bytesWritten
    : null
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
