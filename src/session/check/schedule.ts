import type { Config } from '../../config/config.ts'
import { CLOCK_SKEW_MS } from '../../domain/clock.ts'
import type { LiveSession } from '../live/live-sessions.ts'
import { NEVER_CHECKED } from '../session.ts'
import type { CallBudget } from './call-budget.ts'
import { PING_MS } from './pings.ts'
import type { PlexOutage } from './plex-outage.ts'

/** When a session is to be checked. All of it is on the hot path. */
export interface Schedule {
  isDue(live: LiveSession, time: number): boolean
  /** Where the owner's lists decide about access, a session's own token is asked separately. */
  isPingDue(live: LiveSession, time: number): boolean
  /** Whether its last ping is more than a day ago: then a request waits for the next one. */
  isUnasked(live: LiveSession, time: number): boolean
  mustWait(live: LiveSession, time: number): boolean
  isPastGrace(live: LiveSession, time: number): boolean
  /** Whether only its own token can say that a session was not ended before this start. */
  isOfBeforeStart(live: LiveSession): boolean
}

export interface ScheduleOptions {
  readonly config: Pick<Config, 'recheckMs' | 'outageGraceMs'>
  readonly budget: Pick<CallBudget, 'isFree'>
  readonly outage: Pick<PlexOutage, 'isAway' | 'isPaused'>
  readonly remembersEnds: boolean
  readonly usesRoll: () => boolean
  readonly now: () => number
}

/** Between attempts during an outage; jittered so that sessions do not retry in step. */
export const RETRY_MS = 30_000
/** How long plex.tv counts as away after any failed check: longer than the pause until the next attempt. */
export const AWAY_MS = 2 * RETRY_MS
/** The same for a session past its grace, which gets nothing until then. */
const AWAY_PAST_GRACE_MS = 5000

export function createSchedule(options: ScheduleOptions): Schedule {
  const { config, budget, outage, remembersEnds, usesRoll, now } = options
  // A session from before this start is checked when first seen: this process does not know what was revoked before.
  let startedAt = now()

  function isPingDue(live: LiveSession, time: number): boolean {
    return usesRoll() && time - live.askedAt >= config.recheckMs && live.session.checkedAt !== NEVER_CHECKED
  }

  function isUnasked(live: LiveSession, time: number): boolean {
    return usesRoll() && time - live.askedAt > PING_MS && live.session.checkedAt !== NEVER_CHECKED
  }

  function isResting({ retryAt }: LiveSession, time: number): boolean {
    return time < retryAt && retryAt <= time + config.recheckMs + CLOCK_SKEW_MS
  }

  function isPastGrace({ session }: LiveSession, time: number): boolean {
    return time - session.checkedAt > config.outageGraceMs
  }

  return {
    isDue(live, time) {
      const { checkedAt } = live.session
      // The clock may have been set back: without this, no session would be checked until it caught up, or all would
      // be checked without end.
      startedAt = Math.min(startedAt, time)
      const isAhead = checkedAt > time + CLOCK_SKEW_MS && checkedAt !== NEVER_CHECKED
      const isOld = time - checkedAt >= config.recheckMs || checkedAt < startedAt || isAhead
      const isWanted = isOld || live.denial !== null || isPingDue(live, time)
      return isWanted && !outage.isPaused(time) && !isResting(live, time)
    },
    isPingDue,
    isUnasked,
    mustWait(live, time) {
      const { checkedAt } = live.session
      if (checkedAt < startedAt && !live.stale) return true
      const age = time - checkedAt
      // If the budget cannot cover all sessions in time, the rest are asked later, and waited for after a day.
      const isOverdue = age > 2 * config.recheckMs && (usesRoll() || age > PING_MS || budget.isFree(true))
      const isPast = isPastGrace(live, time)
      const isWanted = isOverdue || isPast || live.denial !== null || isUnasked(live, time)
      if (!isWanted || outage.isPaused(time)) return false
      if (isPast) return !outage.isAway(time, AWAY_PAST_GRACE_MS)
      return !isResting(live, time) && !outage.isAway(time, AWAY_MS)
    },
    isPastGrace,
    isOfBeforeStart: ({ session }) => session.checkedAt < startedAt && !remembersEnds
  }
}
