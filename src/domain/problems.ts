/** One upstream's answer behind a problem: never its text, only who answered and with which numbers. */
export interface UpstreamAnswered {
  readonly service: 'plex.tv' | 'pms'
  readonly status: number
  /** plex.tv's own numeric code, null where it gave none. */
  readonly code: number | null
}

interface ProblemKind {
  readonly status: number
  readonly title: string
  readonly detail: string
}

/** Every code this service answers with, its status and its fixed, safe words (docs/errors.md explains the remedies). */
export const PROBLEMS = {
  USHER_INVALID_REQUEST: {
    status: 400,
    title: 'Invalid request',
    detail: 'The request is not of the form this path takes.'
  },
  USHER_SESSION_REQUIRED: {
    status: 401,
    title: 'Sign-in required',
    detail: 'There is no session. Sign in first.'
  },
  USHER_SESSION_INVALID: {
    status: 401,
    title: 'Session invalid',
    detail: 'The session cookie was altered, is foreign, or was sealed with a retired key. Sign in again.'
  },
  USHER_SESSION_EXPIRED: {
    status: 401,
    title: 'Session expired',
    detail: 'The session reached its idle or absolute limit. Sign in again.'
  },
  USHER_SESSION_REVOKED: {
    status: 401,
    title: 'Session ended',
    detail: 'The session was signed out, here or at Plex. Sign in again.'
  },
  USHER_CREDENTIALS_REJECTED: {
    status: 401,
    title: 'Credentials rejected',
    detail: 'Plex did not accept this login and password.'
  },
  USHER_VERIFICATION_REQUIRED: {
    status: 401,
    title: 'Verification code required',
    detail: 'This account has two-factor authentication. Send its current code as verificationCode.'
  },
  USHER_VERIFICATION_REJECTED: {
    status: 401,
    title: 'Verification code rejected',
    detail: 'Plex did not accept this verification code.'
  },
  USHER_EMAIL_REQUIRED: {
    status: 401,
    title: 'E-mail address required',
    detail: 'This account signs in with its e-mail address only, not with the username.'
  },
  USHER_SERVER_ACCESS_DENIED: {
    status: 403,
    title: 'No access',
    detail: 'This account has no access to the server, or not the role this needs.'
  },
  USHER_ACCOUNT_BLOCKED: {
    status: 403,
    title: 'Account not admitted',
    detail: 'This account may not sign in here.'
  },
  USHER_TWO_FACTOR_REQUIRED: {
    status: 403,
    title: 'Two-factor authentication required',
    detail: 'Turn on two-factor authentication for this Plex account, then sign in again.'
  },
  USHER_HOME_PIN_REJECTED: {
    status: 403,
    title: 'Profile PIN rejected',
    detail: 'The PIN of this Home profile is missing or wrong.'
  },
  USHER_CROSS_SITE: {
    status: 403,
    title: 'Cross-site request refused',
    detail: 'The request does not come from an allowed origin.'
  },
  USHER_PATH_DENIED: {
    status: 403,
    title: 'Path not allowed',
    detail: 'This method and path are not open to this role.'
  },
  USHER_BROWSER_REFUSED: {
    status: 403,
    title: 'Browser refused',
    detail: 'The internal listener answers services only.'
  },
  USHER_NOT_FOUND: { status: 404, title: 'Not found', detail: 'There is nothing at this path.' },
  USHER_METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'Method not allowed',
    detail: 'This path does not take this method.'
  },
  USHER_UPSTREAM_REFUSED: {
    status: 400,
    title: 'Refused by the media server',
    detail: 'The media server refused this request.'
  },
  USHER_PIN_UNKNOWN: {
    status: 404,
    title: 'No sign-in under way',
    detail: 'This browser has no sign-in under way, or it has expired. Start again.'
  },
  USHER_UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: 'Unsupported media type',
    detail: 'Send the body as application/json.'
  },
  USHER_RATE_LIMITED: {
    status: 429,
    title: 'Too many requests',
    detail: 'Too many attempts. Wait as long as Retry-After says.'
  },
  USHER_UPSTREAM_INVALID: {
    status: 502,
    title: 'Upstream answer not understood',
    detail: 'The upstream gave an answer that cannot be understood.'
  },
  USHER_UPSTREAM_UNREACHABLE: {
    status: 503,
    title: 'Upstream unreachable',
    detail: 'The upstream cannot be reached. Nobody was signed out; try again later.'
  },
  USHER_PLEX_LIMITED: {
    status: 503,
    title: 'Limited by plex.tv',
    detail: 'plex.tv limits requests from here. Wait as long as Retry-After says.'
  },
  USHER_UPSTREAM_TIMEOUT: {
    status: 504,
    title: 'Upstream timed out',
    detail: 'The upstream did not answer in time.'
  },
  /** Ours to fix; its cause is logged once and never told. */
  USHER_INTERNAL: { status: 500, title: 'Internal error', detail: 'Something went wrong here.' }
} as const satisfies Record<string, ProblemKind>

export type ProblemCode = keyof typeof PROBLEMS

export interface ProblemOptions {
  /** Only for USHER_UPSTREAM_REFUSED, which keeps the media server's own 4xx. */
  readonly status?: number
  /** Fixed words of this code base; never upstream text, a URL or user input. */
  readonly detail?: string
  /** Seconds. */
  readonly retryAfter?: number
  readonly upstream?: UpstreamAnswered
  readonly cause?: unknown
}

/** The only error that becomes an answer: a code of the closed list and words that are safe to show. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly status: number
  readonly title: string
  readonly detail: string
  readonly retryAfter: number | undefined
  readonly upstream: UpstreamAnswered | undefined

  constructor(code: ProblemCode, options: ProblemOptions = {}) {
    super(options.detail ?? PROBLEMS[code].detail, { cause: options.cause })
    this.code = code
    this.status = options.status ?? PROBLEMS[code].status
    this.title = PROBLEMS[code].title
    this.detail = this.message
    this.retryAfter = options.retryAfter
    this.upstream = options.upstream
  }
}

/** Whether an error says that a token is dead at plex.tv: the one upstream answer that ends a session. */
export function isTokenDead(error: unknown): error is Problem {
  return error instanceof Problem && error.code === 'USHER_SESSION_REVOKED'
}
