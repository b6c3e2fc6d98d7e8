import { errors } from 'undici'
import { PROBLEMS, Problem, type ProblemCode, type UpstreamTarget } from '../domain/problems.ts'

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

/** The abort reason of a call whose deadline has passed. */
export function createDeadline(): Error {
  return Object.assign(new Error('deadline passed'), { code: 'USHER_DEADLINE' })
}

/**
 * The problem for a failed call: timed out, invalid, or else unreachable. Its cause names only the failure, because a
 * parser's error contains bytes of the response.
 */
export function toTransportProblem(error: unknown, target?: UpstreamTarget): Problem {
  if (error instanceof Problem) return error
  const code = codeOf(error)
  const cause = Object.assign(new Error(code || (error instanceof Error ? error.name : 'failed')), { code })
  const kind = kindOf(error, code)
  return new Problem(kind, {
    cause,
    ...(target && { target, detail: PROBLEMS[kind].detail.replace('The upstream', NAMES[target.service]) })
  })
}

type TransportCode = Extract<ProblemCode, `USHER_UPSTREAM_${'TIMEOUT' | 'INVALID' | 'UNREACHABLE'}`>

const NAMES: Readonly<Record<UpstreamTarget['service'], string>> = {
  'plex.tv': 'plex.tv',
  pms: 'The media server'
}

function kindOf(error: unknown, code: string): TransportCode {
  if (TIMEOUTS.has(code)) return 'USHER_UPSTREAM_TIMEOUT'
  if (error instanceof errors.HTTPParserError || MALFORMED.has(code)) return 'USHER_UPSTREAM_INVALID'
  return 'USHER_UPSTREAM_UNREACHABLE'
}

/** Whether no byte of the request was sent: no connection was made, or it closed before anything was written. */
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

/** What a failure most likely means for the operator who set the address; for the log. */
export function explainFailure(problem: Problem): string {
  const code = codeOf(problem.cause)
  const words = Object.entries(EXPLANATIONS).find(([codes]) => codes.split(' ').includes(code))?.[1]
  if (words !== undefined) return words
  if (problem.upstream !== undefined)
    return `what answers there is no media server (${problem.upstream.status})`
  if (problem.code !== 'USHER_UPSTREAM_INVALID') return code || problem.detail
  const isGeneral = problem.detail === PROBLEMS.USHER_UPSTREAM_INVALID.detail
  return isGeneral ? 'what answers there is no media server' : problem.detail
}

const EXPLANATIONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens at this port',
  ENOTFOUND: 'there is no such host name',
  EAI_AGAIN: 'the name server does not answer',
  'EHOSTUNREACH ENETUNREACH EADDRNOTAVAIL': 'there is no way to this address',
  'UND_ERR_CONNECT_TIMEOUT UND_ERR_HEADERS_TIMEOUT ETIMEDOUT USHER_DEADLINE': 'there is no answer in time',
  'UND_ERR_SOCKET ECONNRESET EPIPE': 'it closes the connection; it may want https:',
  'ERR_SSL_WRONG_VERSION_NUMBER ERR_SSL_PACKET_LENGTH_TOO_LONG EPROTO':
    'it does not speak TLS; it may want http:',
  'DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN UNABLE_TO_VERIFY_LEAF_SIGNATURE UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    'its certificate is signed by nobody known; USHER_PMS_CA_FILE can name its authority',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  USHER_ADDRESS_REFUSED: 'its address is inside this network; see USHER_PRIVATE_SERVERS'
}
