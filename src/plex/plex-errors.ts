import { Problem, type ProblemCode } from '../domain/problems.ts'
import { parseAnswer } from './answer.ts'
import { isFields, toFields, toInteger, toList } from './fields.ts'
import type { UpstreamAnswer } from './upstream.ts'

/** The kind of call: the same 401 rejects a password in one and a token in another. */
export type PlexCall = 'sign-in' | 'pin' | 'token' | 'switch'

export interface PlexError {
  readonly status: number
  /** plex.tv's numeric code; null if there is none. */
  readonly code: number | null
  /**
   * 422 with the literal text "Invalid token", the only error without a code (reference/plex.md#error-codes).
   */
  readonly invalidToken: boolean
}

const BY_CODE: Readonly<Record<number, ProblemCode>> = {
  1003: 'USHER_PLEX_LIMITED',
  1020: 'USHER_PIN_UNKNOWN',
  1028: 'USHER_VERIFICATION_REJECTED',
  1029: 'USHER_VERIFICATION_REQUIRED',
  1030: 'USHER_EMAIL_REQUIRED',
  // plex.tv has locked the address that all users of this deployment share.
  1031: 'USHER_PLEX_LIMITED',
  1041: 'USHER_HOME_PIN_REJECTED'
}

/** An error of plex.tv, from its JSON or XML envelope. Any other body leaves only the status. */
export function readPlexError(answer: UpstreamAnswer): PlexError {
  const [first] = errorsOf(answer)
  const code = isFields(first) ? toInteger(first['code']) : null
  const text = isFields(first) ? (first['message'] ?? first['#text']) : first
  const invalidToken = answer.status === 422 && text === 'Invalid token'
  return { status: answer.status, code, invalidToken }
}

/**
 * The problem for an error response of plex.tv. A token counts as dead (USHER_SESSION_REVOKED) only on 401, 498 or 422
 * "Invalid token" for a call that carried one.
 */
export function toPlexProblem(answer: UpstreamAnswer, call: PlexCall): Problem {
  const error = readPlexError(answer)
  const code = problemCode(error, call)
  const upstream = { service: answer.service, status: error.status, code: error.code }
  if (code !== 'USHER_PLEX_LIMITED') return new Problem(code, { upstream })
  return new Problem(code, { upstream, retryAfter: toRetryAfter(answer.retryAfter) })
}

function problemCode({ status, code, invalidToken }: PlexError, call: PlexCall): ProblemCode {
  if (status >= 500) return 'USHER_UPSTREAM_UNREACHABLE'
  if (status === 429) return 'USHER_PLEX_LIMITED'
  const known = code === null ? undefined : BY_CODE[code]
  if (known && status >= 400) return known
  if (call === 'sign-in' && status === 401 && code === 1001) return 'USHER_CREDENTIALS_REJECTED'
  if (call === 'pin' && status === 410) return 'USHER_PIN_UNKNOWN'
  if (call === 'switch' && status === 404) return 'USHER_NOT_FOUND'
  const isTokenDead = status === 401 || status === 498 || invalidToken
  if (isTokenDead && (call === 'token' || call === 'switch')) return 'USHER_SESSION_REVOKED'
  return 'USHER_UPSTREAM_INVALID'
}

/**
 * Seconds, at most an hour. plex.tv's 429 was never seen to have Retry-After, so the default is a minute
 * (reference/plex.md#rate-limits).
 */
function toRetryAfter(header: string): number {
  const seconds = toInteger(header) ?? 0
  return seconds >= 1 && seconds <= 3600 ? seconds : 60
}

function errorsOf(answer: UpstreamAnswer): readonly unknown[] {
  try {
    const { errors, error } = toFields(parseAnswer(answer))
    // XML nests <error> in <errors>; JSON has a list.
    return toList(isFields(errors) ? errors['error'] : (errors ?? error))
  } catch {
    // HTML of a gateway, or no body: only the status is known.
    return []
  }
}
