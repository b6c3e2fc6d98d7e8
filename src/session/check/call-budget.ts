/** How often plex.tv is asked for re-checks, over all sessions of an instance. */
export interface CallBudget {
  /**
   * Whether a call may leave now: in the background, or for a request that waits, which borrows from the time ahead.
   */
  isFree(forWaiting: boolean): boolean
  /** Milliseconds until the next call may leave. */
  waitMs(forWaiting: boolean): number
  spend(calls: number): void
}

const CALL_MS = 1000
/** How far ahead waiting requests may spend; the background pauses afterwards to make up for it. */
const AHEAD_MS = 60_000

/**
 * One call a second: plex.tv limits addresses, and everybody behind Usher shares its address. A burst of requests that
 * wait may run a minute ahead, so that a small deployment does not notice the budget after a start.
 */
export function createCallBudget({ now }: { readonly now: () => number }): CallBudget {
  /** When the budget covers the calls made so far, epoch ms. */
  let paidAt = 0

  function waitMs(forWaiting: boolean): number {
    const time = now()
    // A clock that was set back must not stop the re-checks.
    if (paidAt > time + 2 * AHEAD_MS) paidAt = time
    return Math.max(0, paidAt - time - (forWaiting ? AHEAD_MS - CALL_MS : 0))
  }

  return {
    isFree: (forWaiting) => waitMs(forWaiting) === 0,
    waitMs,
    spend(calls) {
      paidAt = Math.max(paidAt, now()) + calls * CALL_MS
    }
  }
}
