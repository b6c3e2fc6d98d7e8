import type { Config } from '../../config/config.ts'
import { CLOCK_SKEW_MS, spread } from '../../domain/clock.ts'
import { isTokenDead, Problem, type ProblemCode } from '../../domain/problems.ts'
import type { Account } from '../../plex/account.ts'
import type { PlexTv } from '../../plex/plex-tv.ts'
import type { EndReason } from '../end.ts'
import type { LiveSession } from '../live/live-sessions.ts'
import { NEVER_CHECKED, type Session, withAccount } from '../session.ts'
import {
  type AdmissionRules,
  admit,
  isAllowed,
  requireListed,
  requireSecondFactor,
  withAdmission
} from './admission.ts'
import type { CallBudget } from './call-budget.ts'
import { createCheckQueue } from './check-queue.ts'
import { createPings } from './pings.ts'
import { createPlexOutage } from './plex-outage.ts'
import type { Roll } from './roll.ts'
import { AWAY_MS, createSchedule, RETRY_MS } from './schedule.ts'

/** Why a re-check ends a session. */
export type RecheckEnd = Extract<EndReason, 'token_dead' | 'access_lost'>

export interface Recheck {
  /** Whether `touch` would start one. */
  isDue(live: LiveSession): boolean
  /** Starts a re-check in the background if one is due. Otherwise it costs two comparisons: it is on the hot path. */
  touch(live: LiveSession, time?: number): void
  /** Checks now, or joins a check in progress; resolves when it is over, whatever its outcome, or after `waitMs`. */
  run(live: LiveSession): Promise<void>
  /** The same, but always asks plex.tv with the session's own token, whatever the owner's lists say. */
  ask(live: LiveSession): Promise<void>
  /** Applies the newest lists to a session, and queues it if its own token must be asked. */
  apply(live: LiveSession): void
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
  /** Whether apps are told names and addresses, so that they are read anew with every call of a session's own token. */
  readonly tellsAccounts: boolean
  readonly plexTv: Pick<PlexTv, 'account' | 'resourceList' | 'ping'>
  /** The deployment's machineIdentifier; null if sessions choose their server. */
  readonly machineId: () => string | null
  readonly budget: CallBudget
  /** Who has access, by the owner's lists; null if each session is asked for by itself. */
  readonly roll: Roll | null
  /** Whether ends survive a restart: then a session from before this start needs no check because of it. */
  readonly remembersEnds: boolean
  /** Whether a session has ended here already; if so it is not checked. */
  readonly hasEnded: (session: Session) => boolean
  /** Ends a session. `askedAt`: when plex.tv was asked, epoch ms; its answer says nothing about later sign-ins. */
  readonly end: (session: Session, reason: RecheckEnd, askedAt: number) => void
  /** Called for every check that could not be completed, which ends no session. */
  readonly onOutage: (error: unknown) => void
  /** The longest that a request waits for a check, queued or in progress: as long as the time-out of plex.tv. */
  readonly waitMs: number
  readonly now: () => number
}

/** The least time between two denials that together end a session. */
export const CONFIRM_MS = 5000
/** The refusals of `admit` that depend on what plex.tv answered. */
const DENIALS: readonly ProblemCode[] = ['USHER_SERVER_ACCESS_DENIED', 'USHER_TWO_FACTOR_REQUIRED']
/** The background re-check of tokens and access, within the budget: one at a time per account, a few in all. */
export function createRecheck(options: RecheckOptions): Recheck {
  const { config, plexTv, budget, roll, remembersEnds, machineId, hasEnded, end, onOutage, waitMs, now } =
    options
  const outage = createPlexOutage(now)
  const pings = createPings(options)
  const { isDue, isPingDue, isUnasked, mustWait, isPastGrace, isOfBeforeStart } = createSchedule({
    config,
    budget,
    outage,
    remembersEnds,
    usesRoll,
    now
  })
  const queue = createCheckQueue({
    check,
    mark: () => outage.unanswered,
    budget,
    waitMs,
    onTimeout: (live) => keep(live, now())
  })

  function usesRoll(): boolean {
    return roll !== null && roll.isUsable !== false
  }

  async function check(live: LiveSession, unansweredThen: number): Promise<void> {
    const { session } = live
    const at = now()
    // While plex.tv hangs, each call takes its whole time-out: a session that waited for one does not make another.
    const isAsked = unansweredThen !== outage.unanswered && outage.isAway(at, AWAY_MS)
    if (isAsked || outage.isPaused(at)) return keep(live, at)
    if (hasEnded(session)) return
    const { asksItself } = live
    live.asksItself = false
    try {
      if (usesRoll() && !asksItself) await checkByRoll(live)
      else await checkItself(live, at)
    } catch (error) {
      if (isTokenDead(error)) end(session, 'token_dead', at)
      // This follows from the settings, so no second answer of plex.tv is needed.
      else if (error instanceof Problem && error.code === 'USHER_ACCOUNT_BLOCKED')
        end(session, 'access_lost', at)
      else fail(live, at, error)
    }
  }

  async function checkItself(live: LiveSession, at: number): Promise<void> {
    const { session } = live
    const { accountToken, clientIdentifier } = session
    budget.spend(2)
    const [account, { resources, isWhole }] = await Promise.all([
      plexTv.account(accountToken, clientIdentifier),
      plexTv.resourceList(accountToken, clientIdentifier)
    ])
    requireSame(account, session)
    outage.end()
    live.stale = false
    const chosen = machineId() ?? session.server?.machineIdentifier ?? null
    const admission = findAdmission(() => admit(config, account, resources, chosen))
    if (admission === null || (session.server !== null && admission.server === null)) {
      deny(live, at, isWhole && resources.length > 0)
      return
    }
    live.session = withAccount(withAdmission(live.session, admission, at), account)
    live.denial = null
    await pings.keepAlive(live, at)
  }

  async function checkByRoll(live: LiveSession): Promise<void> {
    const isUnproven = isOfBeforeStart(live)
    if (roll !== null && (isUnconfirmed(live) || !roll.isFresh(now()))) await roll.refresh()
    if (hasEnded(live.session)) return
    if (!settleByRoll(live)) return checkItself(live, now())
    outage.end()
    live.stale = false
    if (live.denial === null && (isUnproven || isPingDue(live, now()))) await ping(live, now())
  }

  /** Lists that deny access are asked for once more. */
  function isUnconfirmed({ session, denial }: LiveSession): boolean {
    if (roll === null || denial === null || denial.saidAt === null || roll.answer(session) === 'ask')
      return false
    return roll.at < denial.saidAt + CONFIRM_MS
  }

  /** Whether the lists decide about a session; what they say is then applied. */
  function settleByRoll(live: LiveSession): boolean {
    if (roll === null || !usesRoll() || roll.at === 0) return false
    const { session } = live
    const answer = roll.answer(session)
    if (answer === 'ask') return false
    if (answer === 'missing' || !isAllowed(config.access, answer.role)) {
      deny(live, roll.at, true)
      return true
    }
    const { server, serverToken } = session
    live.session = withAdmission(session, { role: answer.role, server, serverToken }, roll.at)
    live.denial = null
    return true
  }

  /** Applies the current lists, if there are any, without waiting. True if plex.tv need not be asked. */
  function isSettled(live: LiveSession, time: number): boolean {
    if (roll?.isFresh(time) !== true || live.asksItself || isOfBeforeStart(live)) return false
    if (hasEnded(live.session)) return true
    const isNew = live.session.checkedAt < roll.at || live.session.checkedAt > time + CLOCK_SKEW_MS
    if (isNew && live.denial === null) settleByRoll(live)
    return !isDue(live, time) && live.denial === null
  }

  async function ping(live: LiveSession, at: number): Promise<void> {
    const account = await pings.ask(live, at)
    outage.end()
    if (account === null) return
    requireSame(account, live.session)
    live.session = withAccount(live.session, account)
    requireListed(config, account)
    const isSecured =
      findAdmission(() => requireSecondFactor(config, account, live.session.role) ?? true) !== null
    if (isSecured) return
    deny(live, at, true)
    // The lists do not know of second factors, and would let the session in again.
    live.asksItself = true
  }

  /** A mixed-up answer must not give one account the role and server token of another. */
  function requireSame(account: Account, session: Session): void {
    if (account.id !== session.account.id) throw new Problem('USHER_UPSTREAM_INVALID')
  }

  /** Null if the account may not sign in. */
  function findAdmission<T>(decide: () => T): T | null {
    try {
      return decide()
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
    // An answer that is not believed is not asked for again every few seconds.
    live.retryAt =
      isBelievable && saidAt !== null ? saidAt + CONFIRM_MS : at + (isFirst ? CONFIRM_MS : pauseMs())
  }

  function fail(live: LiveSession, at: number, error: unknown): void {
    outage.learn(error, at)
    keep(live, at)
    onOutage(error)
  }

  function keep(live: LiveSession, at: number): void {
    live.stale = true
    live.retryAt = at + pauseMs()
  }

  function pauseMs(): number {
    return spread(Math.min(config.recheckMs, RETRY_MS))
  }

  function touch(live: LiveSession, time = now()): void {
    if (!live.pending && isDue(live, time) && !isSettled(live, time)) queue.add(live)
  }

  return {
    isDue: (live) => isDue(live, now()),
    touch,
    run(live) {
      const time = now()
      return !isUnasked(live, time) && isSettled(live, time) ? Promise.resolve() : queue.join(live)
    },
    ask(live) {
      live.asksItself = true
      return queue.join(live)
    },
    apply(live) {
      if (hasEnded(live.session) || live.session.checkedAt === NEVER_CHECKED) return
      if (!isOfBeforeStart(live) && !live.asksItself && settleByRoll(live)) live.stale = false
      touch(live)
    },
    mustWait,
    isPastGrace
  }
}
