import type { Config } from '../../config/config.ts'
import { CLOCK_SKEW_MS } from '../../domain/clock.ts'
import type { ProblemCode } from '../../domain/problems.ts'
import { createRecentMap } from '../../domain/recent-map.ts'
import { type Seal, tagOf } from '../../seal/seal.ts'
import type { Recheck } from '../check/recheck.ts'
import type { LiveSession, LiveSessions } from '../live/live-sessions.ts'
import type { Revocations } from '../live/revocation.ts'
import type { Session } from '../session.ts'
import { COOKIE_MAX_BYTES, findCookie } from './cookie.ts'
import { createDoorkeeper } from './doorkeeper.ts'
import { sessionCodec } from './sealed-session.ts'

/** An open session as one cookie value tells it; cached, so treat it as read-only. */
export interface OpenSession {
  readonly open: true
  readonly live: LiveSession
  /** The session as it stood in the cookie. */
  readonly sealed: Session
  readonly newestKey: boolean
  /** Epoch ms at which this value ends, by whichever limit comes first. */
  readonly limitAt: number
}

/** Not signed in, and why. `clear`: there is a cookie to be cleared. */
export interface ClosedSession {
  readonly open: false
  readonly code: Extract<ProblemCode, `USHER_SESSION_${string}`>
  readonly clear: boolean
}

export type SessionRead = OpenSession | ClosedSession

export type UnsealResult = 'ok' | 'malformed' | 'unknown_key' | 'forged' | 'expired'

export interface Sessions {
  /** Who a Cookie header signs in. Synchronous; a cache hit does no cryptography and no parsing. */
  read(cookieHeader: string | undefined): SessionRead
  /** The same for a sealed value by itself, as a service received it. */
  open(value: string): SessionRead
  /** The cookie value of a session; throws RangeError where it does not fit a cookie. */
  seal(session: Session): string
  /** Whether an open session has ended since it was read. */
  hasEnded(read: OpenSession): boolean
  /** A new value where one is due (sliding, an older key, changed data), else null; none for one that has ended. */
  renew(read: OpenSession): string | null
  /** Ends the session here, at once and for every copy of its cookie. */
  end(session: Session): void
  readonly live: LiveSessions
}

export interface SessionsOptions {
  readonly config: Pick<Config, 'sessionIdleMs' | 'sessionMaxMs'>
  readonly cookieName: string
  readonly seal: Seal
  readonly revocations: Revocations
  readonly live: LiveSessions
  readonly recheck: Recheck
  readonly onUnseal: (kid: string, result: UnsealResult) => void
  readonly now: () => number
  readonly max?: number
}

/** Opened cookies remembered, from their second use on; some 4 KB each, so 20 MB at most. */
const MAX_OPEN = 5000
/** A session slides once in this part of its idle lifetime, but no more often than once a minute. */
const SLIDE_PART = 20
const SLIDE_MIN_MS = 60_000

const REQUIRED: ClosedSession = { open: false, code: 'USHER_SESSION_REQUIRED', clear: false }
const INVALID: ClosedSession = { open: false, code: 'USHER_SESSION_INVALID', clear: true }
/** Of a clock that may be behind as well: refused until it is right, and not taken away. */
const EARLY: ClosedSession = { ...INVALID, clear: false }
const EXPIRED: ClosedSession = { open: false, code: 'USHER_SESSION_EXPIRED', clear: true }
const REVOKED: ClosedSession = { open: false, code: 'USHER_SESSION_REVOKED', clear: true }

/** Sessions by cookie: a bounded cache by value in front of the seal. Limits and revocation are asked every time. */
export function createSessions(options: SessionsOptions): Sessions {
  const { config, cookieName, seal, revocations, live, recheck, onUnseal, now, max = MAX_OPEN } = options
  /** By the tag of the value, which nobody can choose; what else it holds is compared. */
  const opened = createRecentMap<string, { readonly value: string; readonly read: OpenSession }>(max)
  const doorkeeper = createDoorkeeper(2 * max)
  const slideMs = Math.min(
    Math.max(config.sessionIdleMs / SLIDE_PART, SLIDE_MIN_MS),
    config.sessionIdleMs / 2
  )

  /**
   * The settings of today bind the cookies of yesterday too (SECURITY rule 18), and with them the streams and tokens of
   * their sessions. The absolute end stays: a revocation has to outlast what the settings of tomorrow may say.
   */
  function withinSettings(told: Session): Session {
    const { seenAt, signedInAt } = told
    const limitAt = Math.min(seenAt + config.sessionIdleMs, signedInAt + config.sessionMaxMs)
    return told.idleExpiresAt <= limitAt ? told : { ...told, idleExpiresAt: limitAt }
  }

  function unseal(value: string, time: number): OpenSession | ClosedSession {
    const unsealed = seal.unseal('session', value)
    if (typeof unsealed === 'string') {
      onUnseal('unknown', unsealed)
      return INVALID
    }
    const told = sessionCodec.decode(unsealed.value)
    const isEarly = told !== null && Math.max(told.seenAt, told.signedInAt) > time + CLOCK_SKEW_MS
    if (told === null || isEarly) {
      onUnseal(unsealed.kid, 'malformed')
      return isEarly ? EARLY : INVALID
    }
    const session = withinSettings(told)
    const limitAt = Math.min(session.expiresAt, session.idleExpiresAt)
    if (time >= limitAt) {
      onUnseal(unsealed.kid, 'expired')
      return EXPIRED
    }
    onUnseal(unsealed.kid, 'ok')
    if (revocations.isRevoked(session)) return REVOKED
    const state = live.glance(session)
    const isKept = doorkeeper.admits(value)
    // What comes once takes no room, unless those that come beside it have to know of its check.
    if (isKept || recheck.isDue(state)) live.keep(state)
    const read: OpenSession = {
      open: true,
      live: state,
      sealed: session,
      newestKey: unsealed.newest,
      limitAt
    }
    if (isKept) opened.set(tagOf(value), { value, read })
    return read
  }

  function open(value: string): SessionRead {
    const time = now()
    const kept = opened.get(tagOf(value))
    const read = kept?.value === value ? kept.read : unseal(value, time)
    if (!read.open) return read
    if (time >= read.limitAt) {
      opened.delete(tagOf(value))
      return EXPIRED
    }
    if (revocations.isRevoked(read.sealed)) {
      opened.delete(tagOf(value))
      return REVOKED
    }
    recheck.touch(read.live, time)
    return read
  }

  function sealSession(session: Session): string {
    const value = seal.seal('session', sessionCodec.encode(session))
    if (cookieName.length + 1 + value.length > COOKIE_MAX_BYTES)
      throw new RangeError('the session does not fit a cookie')
    return value
  }

  function trySeal(session: Session): string | null {
    try {
      return sealSession(session)
    } catch (error) {
      if (error instanceof RangeError) return null
      throw error
    }
  }

  return {
    live,
    open,
    read(cookieHeader) {
      const value = findCookie(cookieHeader, cookieName)
      if (value === undefined) return REQUIRED
      return value === null || value === '' ? INVALID : open(value)
    },
    seal: sealSession,
    hasEnded: (read) => revocations.isRevoked(read.sealed),
    renew(read) {
      if (revocations.isRevoked(read.sealed)) return null
      const time = now()
      const { live: state, sealed, newestKey } = read
      const current = state.session
      const changed = current.role !== sealed.role || current.serverToken !== sealed.serverToken
      const old = time - sealed.seenAt >= slideMs || current.checkedAt - sealed.checkedAt >= slideMs
      if (newestKey && !changed && !old) return null
      const known = state.sealed
      // What another request had sealed a moment ago serves this one too.
      if (known !== null && known.session === current && time - current.seenAt < slideMs) return known.value
      const renewed = withinSettings({ ...current, seenAt: time, idleExpiresAt: current.expiresAt })
      const value = trySeal(renewed)
      // Grown past a cookie since the sign-in: the old one serves on until its own end.
      if (value === null) return null
      state.session = renewed
      state.sealed = { value, session: renewed }
      return value
    },
    end(session) {
      revocations.revoke({ kind: 'session', id: session.id, until: session.expiresAt + CLOCK_SKEW_MS })
    }
  }
}
