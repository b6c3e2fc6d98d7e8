import { Problem } from '../domain/problems.ts'
import type { Recheck } from './check/recheck.ts'
import type { LiveSession } from './live/live-sessions.ts'
import type { Revocable, Revocations } from './live/revocation.ts'

/**
 * Whether a session may act now. `denied`: plex.tv last said that the account has no access, and has yet to say so a
 * second time. `past-grace`: plex.tv has been away for longer than USHER_OUTAGE_GRACE. Both keep the session.
 */
export type Settled = 'good' | 'denied' | 'past-grace' | 'ended'

/** `unproven`: plex.tv must be asked first; `settle` waits for its answer. */
export type Standing = Settled | 'unproven'

export interface Standings {
  /** Synchronous: it is on the hot path. */
  of(live: LiveSession, time?: number): Standing
  /** The standing, after a re-check where one must be waited for. The wait is bounded by the time-out of plex.tv. */
  settle(live: LiveSession): Promise<Settled>
  /** Asks plex.tv in any case; `unknown` where it does not answer. */
  ask(live: LiveSession): Promise<Exclude<Settled, 'past-grace'> | 'unknown'>
  /** Whether a session was revoked or has expired. Asked again after every wait (SECURITY rules 20 and 85). */
  hasEnded(session: Revocable & Lifetime, time?: number): boolean
  /**
   * Whether a session's open streams may go on: until it ends, or until plex.tv is known to be away for longer than
   * the grace. It starts a re-check that is due, because a client that only listens makes no request that would.
   */
  mayStream(live: LiveSession, time?: number): boolean
}

interface Lifetime {
  readonly expiresAt: number
  readonly idleExpiresAt: number
}

export interface StandingsOptions {
  readonly recheck: Pick<Recheck, 'touch' | 'run' | 'ask' | 'mustWait' | 'isPastGrace'>
  readonly revocations: Pick<Revocations, 'isRevoked'>
  readonly now: () => number
}

/** The one place that decides whether a session may act; callers map the answer to a status. */
export function createStandings({ recheck, revocations, now }: StandingsOptions): Standings {
  function hasEnded(session: Revocable & Lifetime, time = now()): boolean {
    return time >= session.expiresAt || time >= session.idleExpiresAt || revocations.isRevoked(session)
  }

  /** Without waiting again: after a check without an answer, the last good one counts, as in any outage. */
  function settled(live: LiveSession, time: number): Settled {
    if (hasEnded(live.session, time)) return 'ended'
    if (live.denial !== null) return 'denied'
    return recheck.isPastGrace(live, time) ? 'past-grace' : 'good'
  }

  function of(live: LiveSession, time = now()): Standing {
    const standing = settled(live, time)
    return standing !== 'ended' && recheck.mustWait(live, time) ? 'unproven' : standing
  }

  return {
    of,
    async settle(live) {
      const standing = of(live)
      if (standing !== 'unproven') return standing
      await recheck.run(live)
      return settled(live, now())
    },
    async ask(live) {
      await recheck.ask(live)
      const standing = settled(live, now())
      return standing === 'past-grace' || (standing === 'good' && live.stale) ? 'unknown' : standing
    },
    hasEnded,
    mayStream(live, time = now()) {
      if (hasEnded(live.session, time)) return false
      recheck.touch(live, time)
      return !(live.stale && recheck.isPastGrace(live, time))
    }
  }
}

/** For a call that carries a session's token: asks at the last moment before it leaves (SECURITY rule 85). */
export function endCheckOf(standings: Pick<Standings, 'hasEnded'>, live: LiveSession): () => Problem | null {
  return () => (standings.hasEnded(live.session) ? toStandingProblem('ended') : null)
}

/**
 * The problem that a standing means for a request to the media server; null if the session may act.
 */
export function toStandingProblem(standing: Settled): Problem | null {
  switch (standing) {
    case 'good':
      return null
    case 'denied':
      return new Problem('USHER_SERVER_ACCESS_DENIED')
    case 'past-grace':
      return new Problem('USHER_UPSTREAM_UNREACHABLE')
    case 'ended':
      return new Problem('USHER_SESSION_REVOKED')
  }
}
