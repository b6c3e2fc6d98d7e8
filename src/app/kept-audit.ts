import { type Audit, createAudit, type KeptEvent } from '../observe/audit.ts'
import type { Logger } from '../observe/logger.ts'
import { EVENTS } from '../people/people.ts'
import { createSealedJson } from '../people/sealed-json.ts'
import type { Seal } from '../seal/seal.ts'
import type { Store } from '../store/store.ts'

/** Audit events that the store keeps; as many wait while it is away, or while many happen at once. */
const MOST_EVENTS = 10_000
const RETRY_MS = 5000

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
  const waiting: KeptEvent[] = []
  let isWriting = false
  let isRetryDue = false

  function retryLater(): void {
    if (isRetryDue) return
    isRetryDue = true
    const timer = setTimeout(() => {
      isRetryDue = false
      if (!isWriting) void write()
    }, RETRY_MS)
    timer.unref()
  }

  async function write(): Promise<void> {
    isWriting = true
    // An event may be noted while the store is being made.
    await null
    try {
      for (let event = waiting[0]; event !== undefined; event = waiting[0]) {
        await store().append(EVENTS, sealed.write(event), MOST_EVENTS)
        // Unless it has made room for others in the meantime.
        if (waiting[0] === event) waiting.shift()
      }
    } catch {
      // Away.
      retryLater()
    } finally {
      isWriting = false
    }
  }

  return createAudit({
    log,
    keep(event) {
      waiting.push(event)
      if (waiting.length > MOST_EVENTS) waiting.shift()
      if (!isWriting) void write()
    },
    now
  })
}
