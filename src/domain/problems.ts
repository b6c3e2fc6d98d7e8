/** The upstream response behind a problem: who sent it and its numbers, never its text. */
export interface UpstreamAnswered {
  readonly service: 'plex.tv' | 'pms'
  readonly status: number
  /** plex.tv's own numeric code, null where it gave none. */
  readonly code: number | null
}

/** Where a call went that got no answer, for the log alone. */
export interface UpstreamTarget {
  readonly service: 'plex.tv' | 'pms'
  /** Host and port; null where a session chose the server. */
  readonly host: string | null
}

interface ProblemKind {
  readonly status: number
  readonly title: string
  readonly detail: string
}

/** Every problem code, with its status and a fixed text that is safe to show. docs/errors.md has the remedies. */
export const PROBLEMS = {
  USHER_INVALID_REQUEST: {
    status: 400,
    title: 'Invalid request',
    detail: 'The request is malformed, or is missing something that this path requires.'
  },
  USHER_SESSION_REQUIRED: {
    status: 401,
    title: 'Sign-in required',
    detail: 'There is no session cookie. Sign in first.'
  },
  USHER_SESSION_INVALID: {
    status: 401,
    title: 'Session invalid',
    detail:
      'The session cookie was altered, belongs to another deployment, or was sealed with a retired key. Sign in again.'
  },
  USHER_SESSION_EXPIRED: {
    status: 401,
    title: 'Session expired',
    detail: 'The session reached its idle or absolute limit. Sign in again.'
  },
  USHER_SESSION_REVOKED: {
    status: 401,
    title: 'Session ended',
    detail: 'The session was ended, here or at Plex. Sign in again.'
  },
  USHER_CREDENTIALS_REJECTED: {
    status: 401,
    title: 'Credentials rejected',
    detail: 'Plex did not accept this login and password.'
  },
  USHER_VERIFICATION_REQUIRED: {
    status: 401,
    title: 'Verification code required',
    detail: 'This account uses two-factor authentication. Send the current code as verificationCode.'
  },
  USHER_VERIFICATION_REJECTED: {
    status: 401,
    title: 'Verification code rejected',
    detail: 'Plex did not accept this verification code.'
  },
  USHER_EMAIL_REQUIRED: {
    status: 401,
    title: 'E-mail address required',
    detail: 'This account signs in with its e-mail address, not with its username.'
  },
  USHER_SERVER_ACCESS_DENIED: {
    status: 403,
    title: 'No access',
    detail: 'This account has no access to the server, or lacks the role that is required.'
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
    detail: 'The PIN of this profile is missing or wrong.'
  },
  USHER_CROSS_SITE: {
    status: 403,
    title: 'Cross-site request refused',
    detail: 'The request does not come from an allowed origin.'
  },
  USHER_PATH_DENIED: {
    status: 403,
    title: 'Path not allowed',
    detail: 'This role may not use this method and path.'
  },
  USHER_BROWSER_REFUSED: {
    status: 403,
    title: 'Browser refused',
    detail: 'The internal listener does not answer browsers.'
  },
  USHER_NOT_FOUND: { status: 404, title: 'Not found', detail: 'There is nothing at this path.' },
  USHER_METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'Method not allowed',
    detail: 'This path does not support this method.'
  },
  USHER_UPSTREAM_REFUSED: {
    status: 400,
    title: 'Refused by the media server',
    detail: 'The media server refused this request.'
  },
  USHER_PIN_UNKNOWN: {
    status: 404,
    title: 'No sign-in in progress',
    detail: 'This browser has no sign-in in progress, or it has expired. Start again.'
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
    title: 'Invalid upstream response',
    detail: 'The upstream sent a response that Usher does not accept.'
  },
  USHER_BUSY: {
    status: 503,
    title: 'Too much at once',
    detail: 'This account has as many requests under way as it may. Try again in a moment.'
  },
  USHER_UPSTREAM_UNREACHABLE: {
    status: 503,
    title: 'Upstream unreachable',
    detail: 'The upstream cannot be reached. Nobody was signed out. Try again later.'
  },
  USHER_PLEX_LIMITED: {
    status: 503,
    title: 'Rate limited by plex.tv',
    detail: 'plex.tv limits requests from this address. Wait as long as Retry-After says.'
  },
  USHER_UPSTREAM_TIMEOUT: {
    status: 504,
    title: 'Upstream timed out',
    detail: 'The upstream did not answer in time.'
  },
  /** A defect of Usher: the cause is logged once and never sent. */
  USHER_INTERNAL: {
    status: 500,
    title: 'Internal error',
    detail: 'Usher failed. The log has the cause under this requestId.'
  }
} as const satisfies Record<string, ProblemKind>

export type ProblemCode = keyof typeof PROBLEMS

export interface ProblemOptions {
  /** For USHER_UPSTREAM_REFUSED, which keeps the media server's 4xx. */
  readonly status?: number
  /** A fixed text from this code base; never upstream text, a URL or user input. */
  readonly detail?: string
  /** Seconds. */
  readonly retryAfter?: number
  readonly upstream?: UpstreamAnswered
  readonly target?: UpstreamTarget
  /** Who was refused, where a sign-in had found out; for the log alone. */
  readonly accountId?: number
  /** That account's name, for the page that explains the refusal. It is in no body and no log. */
  readonly accountName?: string
  readonly cause?: unknown
}

/** The only error that becomes a response: a code from the closed list, and a text that is safe to show. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly status: number
  readonly title: string
  readonly detail: string
  readonly retryAfter: number | undefined
  readonly upstream: UpstreamAnswered | undefined
  readonly target: UpstreamTarget | undefined
  readonly accountId: number | undefined
  readonly accountName: string | undefined

  constructor(code: ProblemCode, options: ProblemOptions = {}) {
    super(options.detail ?? PROBLEMS[code].detail, { cause: options.cause })
    this.code = code
    this.status = options.status ?? PROBLEMS[code].status
    this.title = PROBLEMS[code].title
    this.detail = this.message
    this.retryAfter = options.retryAfter
    this.upstream = options.upstream
    this.target = options.target
    this.accountId = options.accountId
    this.accountName = options.accountName
  }
}

/** Whether plex.tv said that a token is dead: the only upstream response that ends a session at once. */
export function isTokenDead(error: unknown): error is Problem {
  return error instanceof Problem && error.code === 'USHER_SESSION_REVOKED'
}
