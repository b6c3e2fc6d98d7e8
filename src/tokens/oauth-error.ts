import { Problem, type ProblemCode, type ProblemOptions } from '../domain/problems.ts'

/** RFC 6749 §5.2 and RFC 8707 §2. The last three come from RFC 6749 §4.1.2.1, because §5.2 has no code for them. */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'access_denied'
  | 'temporarily_unavailable'
  | 'server_error'

/** The problem code that is returned beside each OAuth code; its texts are used too. */
const PROBLEM_CODES: Readonly<Record<OAuthErrorCode, ProblemCode>> = {
  invalid_request: 'USHER_INVALID_REQUEST',
  invalid_client: 'USHER_CREDENTIALS_REJECTED',
  invalid_grant: 'USHER_SESSION_INVALID',
  unauthorized_client: 'USHER_PATH_DENIED',
  unsupported_grant_type: 'USHER_INVALID_REQUEST',
  invalid_scope: 'USHER_INVALID_REQUEST',
  invalid_target: 'USHER_INVALID_REQUEST',
  access_denied: 'USHER_PATH_DENIED',
  temporarily_unavailable: 'USHER_UPSTREAM_UNREACHABLE',
  server_error: 'USHER_INTERNAL'
}

/** A problem of the token endpoints, with its OAuth error code. */
export class OAuthError extends Problem {
  readonly error: OAuthErrorCode

  constructor(error: OAuthErrorCode, detail: string, options: ProblemOptions & { code?: ProblemCode } = {}) {
    const { code = PROBLEM_CODES[error], ...rest } = options
    // RFC 6749 §5.2: 400, but 401 for a client that could not be authenticated.
    super(code, { status: error === 'invalid_client' ? 401 : 400, detail, ...rest })
    this.error = error
  }
}

/** Maps any problem to an OAuth error. It keeps the status, except that an unusable subject is 400. */
export function toOAuthError(problem: Problem): OAuthError {
  if (problem instanceof OAuthError) return problem
  const { code, status, detail, retryAfter, upstream, target, cause } = problem
  const error = errorFor(code, status)
  return new OAuthError(error, detail, {
    code,
    status: error === 'invalid_grant' ? 400 : status,
    ...(retryAfter !== undefined && { retryAfter }),
    ...(upstream !== undefined && { upstream }),
    ...(target !== undefined && { target }),
    cause
  })
}

function errorFor(code: ProblemCode, status: number): OAuthErrorCode {
  if (
    code.startsWith('USHER_SESSION_') ||
    code === 'USHER_SERVER_ACCESS_DENIED' ||
    code === 'USHER_ACCOUNT_BLOCKED'
  )
    return 'invalid_grant'
  if (status === 403) return 'access_denied'
  if (status === 429 || status === 503 || status === 504) return 'temporarily_unavailable'
  return status >= 500 ? 'server_error' : 'invalid_request'
}
