import { type Audit, createAudit } from '../observe/audit.ts'
import type { Logger } from '../observe/logger.ts'
import { EVENTS } from '../people/people.ts'
import { createSealedJson } from '../people/sealed-json.ts'
import type { Seal } from '../seal/seal.ts'
import type { State } from '../store/state.ts'

/** Audit events that the store keeps. */
const MOST_EVENTS = 10_000

export interface KeptAuditOptions {
  readonly log: Logger
  readonly state: Pick<State, 'store'>
  readonly seal: Seal
  readonly now: () => number
}

/** Audit events for the log, and the newest of them in the store. While that is away, the log alone has them. */
export function createKeptAudit({ log, state, seal, now }: KeptAuditOptions): Audit {
  const sealed = createSealedJson(seal)
  return createAudit({
    log,
    keep: (event) => void state.store.append(EVENTS, sealed.write(event), MOST_EVENTS).catch(() => undefined),
    now
  })
}
