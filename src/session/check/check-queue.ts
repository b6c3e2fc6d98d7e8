import type { LiveSession } from '../live/live-sessions.ts'

export interface CheckQueue {
  /** Queues a session for a check, unless it is queued already or the queue is full. */
  add(live: LiveSession): void
  /**
   * The same, even when the queue is full. Resolves when the check is over, or after `waitMs`: then the check goes on,
   * and `onTimeout` is called unless plex.tv has answered.
   */
  join(live: LiveSession): Promise<void>
}

export interface CheckQueueOptions {
  /** `mark` is what `mark` gave when the session began to wait. Never rejects. */
  readonly check: (live: LiveSession, mark: number) => Promise<void>
  readonly mark: () => number
  readonly waitMs: number
  readonly onTimeout: (live: LiveSession) => void
}

const PARALLEL = 4
/** Sessions in the queue, some 1 KB each; one that is turned away tries again with its next request. */
const MAX_WAITING = 20_000

interface Place {
  readonly done: Promise<void>
  readonly resolve: () => void
  readonly mark: number
  started: boolean
  timer: NodeJS.Timeout | null
}

/** Checks sessions in turn: one at a time per account, a few at a time in all. */
export function createCheckQueue({ check, mark, waitMs, onTimeout }: CheckQueueOptions): CheckQueue {
  const busyAccounts = new Set<number>()
  const waiting = new Map<LiveSession, Place>()
  let running = 0

  function enter(live: LiveSession): Place {
    const known = waiting.get(live)
    if (known !== undefined) return known
    const { promise, resolve } = Promise.withResolvers<void>()
    const place: Place = { done: promise, resolve, mark: mark(), started: false, timer: null }
    live.pending = true
    waiting.set(live, place)
    next()
    return place
  }

  function next(): void {
    for (const [live, place] of waiting) {
      if (running >= PARALLEL) return
      const accountId = live.session.account.id
      if (busyAccounts.has(accountId) || place.started) continue
      busyAccounts.add(accountId)
      place.started = true
      running += 1
      void check(live, place.mark).finally(() => {
        running -= 1
        busyAccounts.delete(accountId)
        live.pending = false
        if (place.timer !== null) clearTimeout(place.timer)
        place.resolve()
        waiting.delete(live)
        next()
      })
    }
  }

  return {
    add(live) {
      if (!live.pending && waiting.size < MAX_WAITING) enter(live)
    },
    join(live) {
      const place = enter(live)
      const { checkedAt } = live.session
      place.timer ??= setTimeout(() => {
        // It may have been answered, and only the ping that follows is under way.
        if (live.session.checkedAt === checkedAt) onTimeout(live)
        place.resolve()
      }, waitMs).unref()
      return place.done
    }
  }
}
