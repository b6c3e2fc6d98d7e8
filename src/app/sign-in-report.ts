import type { Audit } from '../observe/audit.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { ReportAttempt } from '../session/sign-in/attempt.ts'

/** What every attempt to sign in leaves: a count and an audit event. */
export function createReport(metrics: Metrics, audit: Audit): ReportAttempt {
  return ({ method, result, accountId, attempt }) => {
    metrics.signIns.inc({ method, result })
    const { address, requestId } = attempt
    const who = { address, method, ...(accountId !== null && { accountId }) }
    if (result === 'ok') audit.note('session.started', who, requestId)
    else audit.note('sign_in.refused', { ...who, code: result }, requestId)
  }
}
