import type { Logger } from '../observe/logger.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { ReportAttempt } from '../session/sign-in/attempt.ts'

/** What every attempt to sign in leaves: a count and an audit event. */
export function createReport(metrics: Metrics, log: Logger): ReportAttempt {
  return ({ method, result, accountId, attempt }) => {
    metrics.signIns.inc({ method, result })
    const line = {
      reqId: attempt.requestId,
      address: attempt.address,
      ...(accountId !== null && { accountId })
    }
    if (result === 'ok') log.info({ ...line, method }, 'signed in')
    else log.info({ ...line, method, code: result }, 'sign-in failed')
  }
}
