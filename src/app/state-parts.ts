import type { Config } from '../config/config.ts'
import type { Audit } from '../observe/audit.ts'
import type { Logger } from '../observe/logger.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Seal } from '../seal/seal.ts'
import type { Revocations } from '../session/live/revocation.ts'
import type { NameSeal } from '../store/redis-names.ts'
import { createState, type State } from '../store/state.ts'
import { createKeptAudit } from './kept-audit.ts'

export interface StatePartsOptions {
  readonly config: Config
  readonly log: Logger
  readonly metrics: Pick<Metrics, 'sharedStoreUp' | 'storeSeconds'>
  readonly revocations: Revocations
  readonly seal: Seal
  /** Called when the shared store can be used, for the first time or again. */
  readonly onUp: () => void
  readonly now: () => number
  /** How long a call to the shared store waits for its answer; default a second. */
  readonly storeTimeoutMs?: number
}

/** The store, and the audit events that it keeps and may cause. */
export function createStateParts(options: StatePartsOptions): {
  readonly state: State
  readonly audit: Audit
} {
  const { config, log, metrics, revocations, seal, onUp, now, storeTimeoutMs } = options
  metrics.sharedStoreUp.set(1)
  const audit = createKeptAudit({ log, store: () => state.store, seal, now })
  const state = createState({
    config,
    revocations,
    nameSeal: nameSealOf(seal),
    log,
    onChange(up) {
      metrics.sharedStoreUp.set(up ? 1 : 0)
      if (up) onUp()
    },
    onAway: (service, reason) => audit.note(`upstream.degraded/${service}`, { service, reason }),
    onCall: ({ operation, outcome, seconds }) =>
      metrics.storeSeconds.observe({ operation, outcome }, seconds),
    onEmpty: () => log.warn({}, 'the shared store came back empty: what was in it alone is forgotten'),
    now,
    ...(storeTimeoutMs !== undefined && { commandTimeoutMs: storeTimeoutMs })
  })
  return { state, audit }
}

function nameSealOf(seal: Seal): NameSeal {
  return {
    seal: (value) => seal.seal('names', value),
    unseal(text) {
      const unsealed = seal.unseal('names', text)
      if (typeof unsealed === 'string' || typeof unsealed.value !== 'string') return null
      return { value: unsealed.value, newest: unsealed.newest }
    }
  }
}
