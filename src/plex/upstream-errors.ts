import { errors } from 'undici'
import { Problem } from '../domain/problems.ts'

const TIMEOUTS: ReadonlySet<string> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
  'USHER_DEADLINE'
])

const MALFORMED: ReadonlySet<string> = new Set([
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
])

const UNSENT: ReadonlySet<string> = new Set(['ECONNREFUSED', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

/** The reason a call is aborted with when its deadline passes. */
export function createDeadline(): Error {
  return Object.assign(new Error('deadline passed'), { code: 'USHER_DEADLINE' })
}

/**
 * The problem behind a failed call: time-out, not understood, or else not reachable. Its cause names the failure
 * only: a parser's error holds the bytes it stumbled over, which are not for a log.
 */
export function toTransportProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  const code = codeOf(error)
  const cause = new Error(code || (error instanceof Error ? error.name : 'failed'))
  if (TIMEOUTS.has(code)) return new Problem('USHER_UPSTREAM_TIMEOUT', { cause })
  if (error instanceof errors.HTTPParserError || MALFORMED.has(code)) {
    return new Problem('USHER_UPSTREAM_INVALID', { cause })
  }
  return new Problem('USHER_UPSTREAM_UNREACHABLE', { cause })
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
