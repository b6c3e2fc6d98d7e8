import type { Problem } from '../domain/problems.ts'
import type { Logger } from './logger.ts'

/**
 * Writes the log line of a request that failed through no fault of the client: an upstream failure as a warning, a
 * defect of Usher as an error with its cause. Client errors are in the response and the request line.
 */
export function logRequestFailure(
  log: Pick<Logger, 'error' | 'warn'>,
  reqId: string,
  problem: Problem
): void {
  const { status, code, target, upstream, cause } = problem
  // Busy is what one account does to itself: no upstream failed, and a metric counts it.
  if (status < 500 || code === 'USHER_BUSY') return
  const fields = { reqId, code, ...target, upstream, err: cause }
  if (code === 'USHER_INTERNAL') log.error(fields, 'request failed')
  else log.warn(fields, 'upstream failed')
}
