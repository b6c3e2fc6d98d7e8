import type { Config } from '../../config/config.ts'
import { CLOCK_SKEW_MS } from '../../domain/clock.ts'
import { isTokenDead, Problem, type ProblemCode } from '../../domain/problems.ts'
import type { PlexTv } from '../../plex/plex-tv.ts'
import type { LiveSession } from '../live/live-sessions.ts'
import type { Session } from '../session.ts'
import { type AdmissionRules, admit, withAdmission } from './admission.ts'
import { createCheckQueue } from './check-queue.ts'

/** Why a re-check ended a session; labels of a metric. */
export type RecheckEnd = 'token_dead' | 'access_lost'

/** `checkedAt` of what no sign-in made: the token is the operator's own, and no answer about it may sign it out. */
export const NEVER_CHECKED = Number.MAX_SAFE_INTEGER

export interface Recheck {
  /** Whether `touch` would start one. */
  isDue(live: LiveSession): boolean
  /** Starts a re-check in the background where one is due. Costs two comparisons otherwise: it is on the hot path. */
  touch(live: LiveSession, time?: number): void
  /** Checks now, joining a check under way; resolves when it is over, however it went, or after `waitMs`. */
  run(live: LiveSession): Promise<void>
  /**
   * Whether nobody here can know if the session was ended before this start: wait for `run` once, after which it is
   * proven, ended, or as stale as in any outage. On the hot path too.
   */
  isUnproven(live: LiveSession): boolean
  /** Whether a check failed a moment ago: another one now would most likely wait in vain. */
  hasJustFailed(live: LiveSession): boolean
  /** Whether the last good answer is too old to act on (USHER_OUTAGE_GRACE). */
  isPastGrace(live: LiveSession): boolean
  /** The same for a session that only has streams open: starts what is due, and holds until it is known to fail. */
  mayStream(live: LiveSession): boolean
}

export interface RecheckOptions {
  readonly config: AdmissionRules & Pick<Config, 'recheckMs' | 'outageGraceMs'>
  readonly plexTv: Pick<PlexTv, 'account' | 'resources' | 'ping'>
  /** The deployment's machineIdentifier; null where a session chooses its own server. */
  readonly machineId: () => string | null
  /** Whether a session was ended here already; it is not asked about, and does not end twice. */
  readonly hasEnded: (session: Session) => boolean
  /** `askedAt`: epoch ms at which plex.tv was asked; it knows nothing of a sign-in since. */
  readonly onEnd: (session: Session, reason: RecheckEnd, askedAt: number) => void
  /** Told of every attempt that could not be completed; nobody is signed out by it. */
  readonly onOutage: (error: unknown) => void
  /** The longest that somebody waits for a check, in its turn or under way: as long as for plex.tv itself. */
  readonly waitMs: number
  readonly now: () => number
}

/** Between attempts during an outage; jittered so that sessions do not return in step. */
const RETRY_MS = 30_000
/** The longest pause that plex.tv is believed to want. */
const MAX_PAUSE_MS = 3_600_000
/** What says that plex.tv is away from everybody, not that it has no good answer for this one account. */
const AWAY: readonly ProblemCode[] = [
  'USHER_UPSTREAM_UNREACHABLE',
  'USHER_UPSTREAM_TIMEOUT',
  'USHER_PLEX_LIMITED'
]
/** What `admit` says; no other refusal means that an account may not come in. */
const LOST: readonly ProblemCode[] = [
  'USHER_SERVER_ACCESS_DENIED',
  'USHER_ACCOUNT_BLOCKED',
  'USHER_TWO_FACTOR_REQUIRED'
]
/**
 * plex.tv forgets tokens that lie unused for weeks; a ping a day keeps one alive (reference/plex.md#token-checks).
 */
const PING_MS = 86_400_000

/** The background re-check of tokens and access: at most one at a time per account, a few at a time in all. */
export function createRecheck(options: RecheckOptions): Recheck {
  const { config, plexTv, machineId, hasEnded, onEnd, onOutage, waitMs, now } = options
  // A session from before this start is checked when first seen: revocations of another life are not known here.
  let startedAt = now()
  const keptAliveAt = new WeakMap<LiveSession, number>()
  /** Questions that plex.tv did not answer. */
  let unanswered = 0
  /** plex.tv asked to be left alone until then, epoch ms: by everybody, not only by the session that heard it. */
  let pausedUntil = 0
  const queue = createCheckQueue({ check, mark: () => unanswered, waitMs })

  function isDue(live: LiveSession, time: number): boolean {
    const { checkedAt } = live.session
    // A clock that has been set back since: nobody would be checked until it has caught up, or all would on and on.
    startedAt = Math.min(startedAt, time)
    const isAhead = checkedAt > time + CLOCK_SKEW_MS && checkedAt !== NEVER_CHECKED
    const isOld = time - checkedAt >= config.recheckMs || checkedAt < startedAt || isAhead
    return isOld && !isPaused(time) && !isResting(live, time)
  }

  function isPaused(time: number): boolean {
    return time < pausedUntil && pausedUntil <= time + MAX_PAUSE_MS
  }

  function isResting({ retryAt }: LiveSession, time: number): boolean {
    return time < retryAt && retryAt <= time + config.recheckMs + CLOCK_SKEW_MS
  }

  async function check(live: LiveSession, unansweredThen: number): Promise<void> {
    const { session } = live
    const { accountToken, clientIdentifier } = session
    const at = now()
    // While plex.tv hangs, each question takes its whole time-out: those who waited for one do not ask another.
    if (unansweredThen !== unanswered || isPaused(at)) return keep(live, at)
    if (hasEnded(session)) return
    try {
      const [account, resources] = await Promise.all([
        plexTv.account(accountToken, clientIdentifier),
        plexTv.resources(accountToken, clientIdentifier)
      ])
      // Nobody's token becomes another's: an answer mixed up on the way must not give its role and server token.
      if (account.id !== session.account.id) throw new Problem('USHER_UPSTREAM_INVALID')
      const chosen = machineId() ?? session.server?.machineIdentifier ?? null
      const admission = admit(config, account, resources, chosen)
      live.session = withAdmission(live.session, admission, at)
      live.stale = false
      if (session.server !== null && admission.server === null) end(session, 'access_lost', at)
      else await keepAlive(live, at)
    } catch (error) {
      if (isTokenDead(error)) end(session, 'token_dead', at)
      else if (error instanceof Problem && LOST.includes(error.code)) end(session, 'access_lost', at)
      else {
        if (error instanceof Problem && AWAY.includes(error.code)) unanswered += 1
        if (error instanceof Problem && error.code === 'USHER_PLEX_LIMITED')
          pausedUntil = at + Math.min((error.retryAfter ?? 0) * 1000, MAX_PAUSE_MS)
        keep(live, at)
        onOutage(error)
      }
    }
  }

  /** A logout in the meantime is why the token was dead, and was told as such. */
  function end(session: Session, reason: RecheckEnd, at: number): void {
    if (!hasEnded(session)) onEnd(session, reason, at)
  }

  /**
   * The session's own token, and the one that its next profile switch needs, which nothing else uses. What this
   * answers says nothing of the session: where it fails, the next check has it to do again.
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
    live.retryAt = at + Math.min(config.recheckMs, RETRY_MS) * (0.75 + Math.random() / 2)
  }

  function touch(live: LiveSession, time = now()): void {
    if (!live.pending && isDue(live, time)) queue.add(live)
  }

  function isPastGrace(live: LiveSession): boolean {
    return now() - live.session.checkedAt > config.outageGraceMs
  }

  return {
    isDue: (live) => isDue(live, now()),
    touch,
    run: queue.join,
    isUnproven: (live) => live.session.checkedAt < startedAt && !live.stale,
    hasJustFailed: (live) => live.stale && isResting(live, now()),
    isPastGrace,
    mayStream(live) {
      touch(live)
      return !(live.stale && isPastGrace(live))
    }
  }
}
