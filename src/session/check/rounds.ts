import type { LiveSessions } from '../live/live-sessions.ts'
import { CONFIRM_MS, type Recheck } from './recheck.ts'
import type { Roll } from './roll.ts'

export interface Rounds {
  start(): void
  close(): void
}

export interface RoundsOptions {
  readonly roll: Roll
  readonly recheck: Pick<Recheck, 'apply'>
  readonly live: Pick<LiveSessions, 'all'>
  readonly onOutage: (error: unknown) => void
  readonly recheckMs: number
  readonly now: () => number
}

/** Rounds in one USHER_RECHECK. Each of them queues the sessions whose token is due. */
const PARTS = 15
const LEAST_MS = 1000
const MOST_MS = 60_000

/**
 * Applies the owner's lists to all live sessions. It asks for new lists when they are old, and asks again some seconds
 * later when somebody is missing, because one answer may be a mistake.
 */
export function createRounds({ roll, recheck, live, onOutage, recheckMs, now }: RoundsOptions): Rounds {
  let timer: NodeJS.Timeout | undefined
  let confirmation: NodeJS.Timeout | null = null

  function look(): void {
    let isSomebodyMissing = false
    for (const each of live.all()) {
      recheck.apply(each)
      const { denial } = each
      if (denial !== null && denial.saidAt === roll.at) isSomebodyMissing = true
    }
    if (!isSomebodyMissing || confirmation !== null) return
    confirmation = setTimeout(() => {
      confirmation = null
      roll.refresh().catch(onOutage)
    }, CONFIRM_MS)
    confirmation.unref()
  }

  function round(): void {
    if (roll.isFresh(now())) look()
    // Nobody is signed in, so there is nothing to ask.
    else if (!live.all()[Symbol.iterator]().next().done) roll.refresh().catch(onOutage)
  }

  roll.listen(look)
  return {
    start() {
      timer = setInterval(round, Math.min(Math.max(recheckMs / PARTS, LEAST_MS), MOST_MS))
      timer.unref()
    },
    close() {
      clearInterval(timer)
      if (confirmation !== null) clearTimeout(confirmation)
    }
  }
}
