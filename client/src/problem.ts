import type { Problem, ProblemCode } from './api.ts'

/** A problem that Usher responded with. Switch on `code`: its list is closed. */
export class UsherError extends Error {
  override readonly name = 'UsherError'
  readonly code: ProblemCode
  readonly status: number
  /** The same id as in the server's log. */
  readonly requestId: string
  /** Seconds until a retry makes sense; undefined when Usher did not say. */
  readonly retryAfter: number | undefined

  constructor(problem: Pick<Problem, 'code' | 'detail' | 'requestId' | 'status'>, retryAfter?: number) {
    super(problem.detail)
    this.code = problem.code
    this.status = problem.status
    this.requestId = problem.requestId
    this.retryAfter = retryAfter
  }
}

/** The error in a response. That of a proxy in between has no code of Usher's, and counts as Usher being unreachable. */
export async function toError(response: Response): Promise<UsherError> {
  const { status } = response
  const retryAfter = Number(response.headers.get('retry-after')) || undefined
  const type = response.headers.get('content-type') ?? ''
  const body = type.includes('json') ? ((await response.json().catch(() => null)) as Problem | null) : null
  if (/^USHER_/.test(String(body?.code))) return new UsherError({ ...(body as Problem), status }, retryAfter)
  const code = status === 401 ? 'USHER_SESSION_REQUIRED' : 'USHER_UPSTREAM_UNREACHABLE'
  return new UsherError({ code, detail: `The server answered ${status}.`, requestId: '', status }, retryAfter)
}
