import { type Audit, createAudit, type KeptEvent } from '../observe/audit.ts'
import type { Logger } from '../observe/logger.ts'
import { EVENTS } from '../people/people.ts'
import { createSealedJson } from '../people/sealed-json.ts'
import type { Seal } from '../seal/seal.ts'
import type { Store } from '../store/store.ts'

/** Audit events that the store keeps. */
const MOST_EVENTS = 10_000
/** Events that wait for a store that is away; the oldest are dropped. The log has them all. */
const MOST_WAITING = 500

export interface KeptAuditOptions {
  readonly log: Logger
  /** Asked for with the first event: the store itself may report one. */
  readonly store: () => Store
  readonly seal: Seal
  readonly now: () => number
}

/** Audit events for the log, and the newest of them in the store. What the store cannot take now, it gets later. */
export function createKeptAudit({ log, store, seal, now }: KeptAuditOptions): Audit {
  const sealed = createSealedJson(seal)
  let waiting: KeptEvent[] = []
  let isWriting = false

  async function write(): Promise<void> {
    isWriting = true
    // An event may be noted while the store is being made.
    await null
    while (waiting.length > 0) {
      const [event, ...later] = waiting
      if (event === undefined) break
      waiting = later
      try {
        await store().append(EVENTS, sealed.write(event), MOST_EVENTS)
      } catch {
        waiting = [event, ...waiting].slice(-MOST_WAITING)
        break
      }
    }
    isWriting = false
  }

  return createAudit({
    log,
    keep(event) {
      waiting.push(event)
      if (waiting.length > MOST_WAITING) waiting.shift()
      if (!isWriting) void write()
    },
    now
  })
}
