import type { Config } from '../../config/config.ts'
import { CLOCK_SKEW_MS } from '../../domain/clock.ts'
import { isTokenDead, Problem, type ProblemCode } from '../../domain/problems.ts'
import type { Account } from '../../plex/account.ts'
import type { PlexTv } from '../../plex/plex-tv.ts'
import type { Resource } from '../../plex/resources.ts'
import type { EndReason } from '../end.ts'
import type { LiveSession } from '../live/live-sessions.ts'
import type { Session } from '../session.ts'
import { type Admission, type AdmissionRules, admit, withAdmission } from './admission.ts'
import { createCheckQueue } from './check-queue.ts'

/** Why a re-check ends a session. */
export type RecheckEnd = Extract<EndReason, 'token_dead' | 'access_lost'>

/** `checkedAt` of a session that no sign-in started: its token is the operator's own and is never signed out. */
export const NEVER_CHECKED = Number.MAX_SAFE_INTEGER

export interface Recheck {
  /** Whether `touch` would start one. */
  isDue(live: LiveSession): boolean
  /** Starts a re-check in the background where one is due. Costs two comparisons otherwise: it is on the hot path. */
  touch(live: LiveSession, time?: number): void
  /** Checks now, or joins a check in progress; resolves when it is over, whatever its outcome, or after `waitMs`. */
  run(live: LiveSession): Promise<void>
  /**
   * Whether `run` must be waited for before the session acts: its last check is from before this start, which may
   * have forgotten that the session was ended; or it is overdue by more than another USHER_RECHECK; or plex.tv has
   * just denied access. Not while plex.tv is known to be away: only an outage lets the last good answer hold. On the
   * hot path.
   */
  mustWait(live: LiveSession, time: number): boolean
  /** Whether the last good answer is too old to act on (USHER_OUTAGE_GRACE). On the hot path. */
  isPastGrace(live: LiveSession, time: number): boolean
}

export interface RecheckOptions {
  readonly config: AdmissionRules & Pick<Config, 'recheckMs' | 'outageGraceMs'>
  readonly plexTv: Pick<PlexTv, 'account' | 'resourceList' | 'ping'>
  /** The deployment's machineIdentifier; null where a session chooses its own server. */
  readonly machineId: () => string | null
  /** Whether a session has ended here already; it is not checked. */
  readonly hasEnded: (session: Session) => boolean
  /** Ends a session. `askedAt`: epoch ms at which plex.tv was asked; its answer says nothing of a sign-in since. */
  readonly end: (session: Session, reason: RecheckEnd, askedAt: number) => void
  /** Called for every attempt that could not be completed; it ends no session. */
  readonly onOutage: (error: unknown) => void
  /** The longest that a request waits for a check, queued or under way: the time-out of plex.tv itself. */
  readonly waitMs: number
  readonly now: () => number
}

/** Between attempts during an outage; jittered so that sessions do not retry in step. */
const RETRY_MS = 30_000
/** Between two denials of access that together are believed. */
const CONFIRM_MS = 5000
/** How long a failed check of any session says that plex.tv is away: longer than the pause until the next attempt. */
const AWAY_MS = 2 * RETRY_MS
/** The same for a session past its grace, which nothing is served to meanwhile. */
const AWAY_PAST_GRACE_MS = 5000
/** The longest pause that plex.tv may ask for. */
const MAX_PAUSE_MS = 3_600_000
/** Failures that concern every session, not one account. */
const AWAY: readonly ProblemCode[] = [
  'USHER_UPSTREAM_UNREACHABLE',
  'USHER_UPSTREAM_TIMEOUT',
  'USHER_PLEX_LIMITED'
]
/** The refusals of `admit` that rest on what plex.tv answered. */
const DENIALS: readonly ProblemCode[] = ['USHER_SERVER_ACCESS_DENIED', 'USHER_TWO_FACTOR_REQUIRED']
/**
 * plex.tv forgets tokens that lie unused for weeks; a ping a day keeps one alive (reference/plex.md#token-checks).
 */
const PING_MS = 86_400_000

/** The background re-check of tokens and access: at most one at a time per account, a few at a time in all. */
export function createRecheck(options: RecheckOptions): Recheck {
  const { config, plexTv, machineId, hasEnded, end, onOutage, waitMs, now } = options
  // A session from before this start is checked when first seen: this process does not know what was revoked before.
  let startedAt = now()
  const keptAliveAt = new WeakMap<LiveSession, number>()
  /** Questions that plex.tv did not answer. */
  let unanswered = 0
  /** When the last one was asked, epoch ms; null once plex.tv answers again. */
  let awayAt: number | null = null
  /** plex.tv asked for a pause until then, epoch ms: it holds for every session, not only for the one that was told. */
  let pausedUntil = 0
  const queue = createCheckQueue({
    check,
    mark: () => unanswered,
    waitMs,
    onTimeout: (live) => keep(live, now())
  })

  function isDue(live: LiveSession, time: number): boolean {
    const { checkedAt } = live.session
    // The clock may have been set back: without this, no session would be checked until it caught up, or all would be
    // checked without end.
    startedAt = Math.min(startedAt, time)
    const isAhead = checkedAt > time + CLOCK_SKEW_MS && checkedAt !== NEVER_CHECKED
    const isOld = time - checkedAt >= config.recheckMs || checkedAt < startedAt || isAhead
    return (isOld || live.denial !== null) && !isPaused(time) && !isResting(live, time)
  }

  function isPaused(time: number): boolean {
    return time < pausedUntil && pausedUntil <= time + MAX_PAUSE_MS
  }

  function isResting({ retryAt }: LiveSession, time: number): boolean {
    return time < retryAt && retryAt <= time + config.recheckMs + CLOCK_SKEW_MS
  }

  /** Whether plex.tv was away for any session within the last `ms`. */
  function isAway(time: number, ms: number): boolean {
    return awayAt !== null && time >= awayAt && time - awayAt < ms
  }

  function mustWait(live: LiveSession, time: number): boolean {
    const { checkedAt } = live.session
    if (checkedAt < startedAt && !live.stale) return true
    const isOverdue = time - checkedAt > 2 * config.recheckMs
    const isPast = isPastGrace(live, time)
    if ((!isOverdue && !isPast && live.denial === null) || isPaused(time)) return false
    if (isPast) return !isAway(time, AWAY_PAST_GRACE_MS)
    return !isResting(live, time) && !isAway(time, AWAY_MS)
  }

  async function check(live: LiveSession, unansweredThen: number): Promise<void> {
    const { session } = live
    const { accountToken, clientIdentifier } = session
    const at = now()
    // While plex.tv hangs, each question takes its whole time-out: a session that waited for one does not ask another.
    if (unansweredThen !== unanswered || isPaused(at)) return keep(live, at)
    if (hasEnded(session)) return
    try {
      const [account, { resources, isWhole }] = await Promise.all([
        plexTv.account(accountToken, clientIdentifier),
        plexTv.resourceList(accountToken, clientIdentifier)
      ])
      // An answer mixed up on the way must not give one account the role and server token of another.
      if (account.id !== session.account.id) throw new Problem('USHER_UPSTREAM_INVALID')
      awayAt = null
      live.stale = false
      const chosen = machineId() ?? session.server?.machineIdentifier ?? null
      const admission = findAdmission(account, resources, chosen)
      if (admission === null || (session.server !== null && admission.server === null)) {
        deny(live, at, isWhole && resources.length > 0)
        return
      }
      live.session = withAdmission(live.session, admission, at)
      live.denial = null
      await keepAlive(live, at)
    } catch (error) {
      if (isTokenDead(error)) end(session, 'token_dead', at)
      // This follows from the settings, so it needs no second answer of plex.tv.
      else if (error instanceof Problem && error.code === 'USHER_ACCOUNT_BLOCKED')
        end(session, 'access_lost', at)
      else fail(live, at, error)
    }
  }

  /** Null where the account may not come in. */
  function findAdmission(
    account: Account,
    resources: readonly Resource[],
    chosen: string | null
  ): Admission | null {
    try {
      return admit(config, account, resources, chosen)
    } catch (error) {
      if (error instanceof Problem && DENIALS.includes(error.code)) return null
      throw error
    }
  }

  /**
   * plex.tv says that the account has no access. One answer may be a mistake, and plex.tv has been seen to answer with
   * an empty list: the session ends when two believable answers say so, some seconds apart (SECURITY rule 94).
   */
  function deny(live: LiveSession, at: number, isBelievable: boolean): void {
    const isFirst = live.denial === null
    let saidAt = live.denial?.saidAt ?? null
    if (isBelievable && saidAt !== null && at - saidAt >= CONFIRM_MS) {
      end(live.session, 'access_lost', at)
      return
    }
    if (isBelievable && (saidAt === null || saidAt > at)) saidAt = at
    live.denial = { saidAt }
    // Answers that cannot be believed are not asked for every few seconds.
    live.retryAt =
      isBelievable && saidAt !== null ? saidAt + CONFIRM_MS : at + (isFirst ? CONFIRM_MS : pauseMs())
  }

  function fail(live: LiveSession, at: number, error: unknown): void {
    if (error instanceof Problem && AWAY.includes(error.code)) {
      unanswered += 1
      awayAt = now()
    }
    if (error instanceof Problem && error.code === 'USHER_PLEX_LIMITED')
      pausedUntil = at + Math.min((error.retryAfter ?? 0) * 1000, MAX_PAUSE_MS)
    keep(live, at)
    onOutage(error)
  }

  /**
   * The session's own token, and the one that its next profile switch needs, which nothing else uses. A failed ping
   * says nothing about the session; the next check pings again.
   */
  async function keepAlive(live: LiveSession, at: number): Promise<void> {
    const { signedInAt, accountToken, clientIdentifier, homeAdmin } = live.session
    if (at - (keptAliveAt.get(live) ?? signedInAt) < PING_MS) return
    const pings = [plexTv.ping(accountToken, clientIdentifier)]
    if (homeAdmin !== null) pings.push(plexTv.ping(homeAdmin.token, homeAdmin.clientIdentifier))
    const [own] = await Promise.allSettled(pings)
    if (own?.status === 'fulfilled') keptAliveAt.set(live, at)
  }

  function keep(live: LiveSession, at: number): void {
    live.stale = true
    live.retryAt = at + pauseMs()
  }

  function pauseMs(): number {
    return Math.min(config.recheckMs, RETRY_MS) * (0.75 + Math.random() / 2)
  }

  function touch(live: LiveSession, time = now()): void {
    if (!live.pending && isDue(live, time)) queue.add(live)
  }

  function isPastGrace({ session }: LiveSession, time: number): boolean {
    return time - session.checkedAt > config.outageGraceMs
  }

  return {
    isDue: (live) => isDue(live, now()),
    touch,
    run: queue.join,
    mustWait,
    isPastGrace
  }
}
