import type { LiveSession } from '../live/live-sessions.ts'
import type { CallBudget } from './call-budget.ts'

export interface CheckQueue {
  /** Queues a session for a check, unless it is queued already or the queue is full. */
  add(live: LiveSession): void
  /**
   * The same, ahead of sessions that nobody waits for, and even when the queue is full. Resolves when the check is
   * over, or after `waitMs`: then the check goes on, and `onTimeout` is called unless plex.tv has answered.
   */
  join(live: LiveSession): Promise<void>
}

export interface CheckQueueOptions {
  /** `mark`: what `mark()` returned when the session began to wait. Never rejects. */
  readonly check: (live: LiveSession, mark: number) => Promise<void>
  readonly mark: () => number
  readonly budget: Pick<CallBudget, 'isFree' | 'waitMs'>
  readonly waitMs: number
  readonly onTimeout: (live: LiveSession) => void
}

const PARALLEL = 4
/** Sessions in the queue, some 1 KB each; a session that finds it full tries again with its next request. */
const MAX_WAITING = 20_000

interface Place {
  readonly live: LiveSession
  readonly done: Promise<void>
  readonly resolve: () => void
  readonly mark: number
  started: boolean
  /** A request waits for it. */
  isAwaited: boolean
  timer: NodeJS.Timeout | null
}

/**
 * Checks sessions within the budget: one at a time per account, a few at a time in all. Those that a request waits for
 * come first, in turn; then the others, longest unasked first.
 */
export function createCheckQueue({ check, mark, budget, waitMs, onTimeout }: CheckQueueOptions): CheckQueue {
  const busyAccounts = new Set<number>()
  const waiting = new Map<LiveSession, Place>()
  const awaited = new Set<Place>()
  let running = 0
  let timer: NodeJS.Timeout | null = null

  function enter(live: LiveSession, isAwaited: boolean): Place {
    let place = waiting.get(live)
    if (place === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>()
      place = { live, done: promise, resolve, mark: mark(), started: false, isAwaited: false, timer: null }
      live.pending = true
      waiting.set(live, place)
    }
    if (isAwaited && !place.isAwaited) {
      place.isAwaited = true
      if (!place.started) awaited.add(place)
    }
    next()
    return place
  }

  function next(): void {
    while (running < PARALLEL) {
      const place = pick()
      if (place === null) break
      start(place)
    }
    if (timer !== null || running >= PARALLEL || waiting.size === running) return
    const ms = budget.waitMs(awaited.size > 0)
    // The rest belong to accounts with a check in progress: when it ends, the next one starts.
    if (ms === 0) return
    timer = setTimeout(() => {
      timer = null
      next()
    }, ms)
    timer.unref()
  }

  function pick(): Place | null {
    if (awaited.size > 0 && budget.isFree(true)) {
      for (const place of awaited) if (!busyAccounts.has(place.live.session.account.id)) return place
    }
    if (!budget.isFree(false)) return null
    let oldest: Place | null = null
    for (const place of waiting.values()) {
      if (place.started || busyAccounts.has(place.live.session.account.id)) continue
      if (oldest === null || place.live.askedAt < oldest.live.askedAt) oldest = place
    }
    return oldest
  }

  function start(place: Place): void {
    const { live } = place
    const accountId = live.session.account.id
    busyAccounts.add(accountId)
    awaited.delete(place)
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

  return {
    add(live) {
      if (!live.pending && waiting.size < MAX_WAITING) enter(live, false)
    },
    join(live) {
      const place = enter(live, true)
      const { checkedAt } = live.session
      place.timer ??= setTimeout(() => {
        // plex.tv may have answered already, and only the ping that follows is in progress.
        if (live.session.checkedAt === checkedAt) onTimeout(live)
        place.resolve()
      }, waitMs).unref()
      return place.done
    }
  }
}
