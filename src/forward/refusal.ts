import { Problem } from '../domain/problems.ts'
import type { ForwardCall, ForwardContext, ForwardOutcome } from './forward-call.ts'

/** The grammar of RFC 9110 §14.4, in which no token fits (SECURITY rule 56). */
const UNSATISFIED = /^bytes \*\/\d{1,20}$/

/**
 * Answers in place of an upstream that said 4xx or 5xx: never with its page (reference/http.md#pms). Returns the
 * outcome for the metric. A 401 is explained by plex.tv first, since it may mean a dead token or a server that knows
 * no better.
 */
export function refuse(
  context: ForwardContext,
  call: ForwardCall,
  status: number,
  contentRange: unknown
): ForwardOutcome {
  const { sink } = call
  const upstream = { service: context.service, status, code: null }
  if (status >= 500) {
    sink.send(new Problem('USHER_UPSTREAM_UNREACHABLE', { upstream }))
    return 'failed'
  }
  if (status === 401) {
    void call.principal.explainUnauthorized().then((problem) => {
      if (!sink.raw.destroyed) sink.send(problem)
    })
    return 'refused'
  }
  // RFC 9110 §15.5.17: a player learns the size from it.
  if (status === 416 && typeof contentRange === 'string' && UNSATISFIED.test(contentRange))
    sink.header('content-range', contentRange)
  sink.send(new Problem('USHER_UPSTREAM_REFUSED', { status, upstream }))
  return 'refused'
}

/**
 * The problem of what threw here: at a field of the upstream's that Node cannot write, else by a mistake of Usher's
 * own.
 */
export function toBreakdown(cause: unknown): Problem {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const isUnwritable = /^ERR_(?:INVALID_CHAR|HTTP_INVALID)/.test(code)
  return new Problem(isUnwritable ? 'USHER_UPSTREAM_INVALID' : 'USHER_INTERNAL', { cause })
}

/** The outcome, for the metric, of a call that ended in this problem. */
export function toOutcome(problem: Problem): ForwardOutcome {
  if (problem.code === 'USHER_UPSTREAM_TIMEOUT') return 'timeout'
  return problem.code === 'USHER_UPSTREAM_UNREACHABLE' ? 'unreachable' : 'invalid'
}
