import type { Problem, ProblemCode } from './api.ts'

/** What Usher answered instead of what was asked for. Switch on `code`: its list is closed. */
export class UsherError extends Error {
  override readonly name = 'UsherError'
  readonly code: ProblemCode
  readonly status: number
  /** As the server's log has it. */
  readonly requestId: string
  /** Seconds until it is worth trying again; undefined where nothing is known. */
  readonly retryAfter: number | undefined

  constructor(problem: Pick<Problem, 'code' | 'detail' | 'requestId' | 'status'>, retryAfter?: number) {
    super(problem.detail)
    this.code = problem.code
    this.status = problem.status
    this.requestId = problem.requestId
    this.retryAfter = retryAfter
  }
}

/** The error in a response; one of a proxy in between, which knows no codes, counts as the server being away. */
export async function toError(response: Response): Promise<UsherError> {
  const { status } = response
  const retryAfter = Number(response.headers.get('retry-after')) || undefined
  const type = response.headers.get('content-type') ?? ''
  const body = type.includes('json')
    ? ((await response.json().catch(() => null)) as Partial<Problem> | null)
    : null
  const code = body?.code ?? (status === 401 ? 'USHER_SESSION_REQUIRED' : 'USHER_UPSTREAM_UNREACHABLE')
  const detail = body?.detail ?? `The server answered ${status}.`
  return new UsherError({ code, detail, requestId: body?.requestId ?? '', status }, retryAfter)
}
