import type { ForwardCall, ForwardContext } from './forward-call.ts'

/** After a retry that failed too, nothing is retried for so long. */
const PAUSE_MS = 5000
const JITTER_MS = 50

/** SECURITY rule 54: a safe request may be sent once more, if nothing of a response has arrived. */
export function mayRetry(context: ForwardContext, call: ForwardCall, error: Error): boolean {
  if (!call.repeatable || performance.now() < context.noRetryUntil) return false
  const code = 'code' in error ? error.code : null
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE'
}

export const retryDelayMs = (): number => Math.random() * JITTER_MS

/** A retry failed as well: the server is not there, and two requests for each would not help it. */
export function pauseRetries(context: ForwardContext): void {
  context.noRetryUntil = performance.now() + PAUSE_MS
}
