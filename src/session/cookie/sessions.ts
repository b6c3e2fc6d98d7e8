import type { Config } from '../../config/config.ts'
import { CLOCK_SKEW_MS } from '../../domain/clock.ts'
import type { ProblemCode } from '../../domain/problems.ts'
import { createRecentMap } from '../../domain/recent-map.ts'
import { type Seal, tagOf } from '../../seal/seal.ts'
import type { Recheck } from '../check/recheck.ts'
import type { LiveSession, LiveSessions } from '../live/live-sessions.ts'
import type { Revocations } from '../live/revocation.ts'
import type { Session } from '../session.ts'
import { COOKIE_MAX_BYTES, findCookie, findCookies } from './cookie.ts'
import { createDoorkeeper } from './doorkeeper.ts'
import { sessionCodec } from './sealed-session.ts'

/** What one cookie value unseals to; cached, so treat it as read-only. */
export interface UnsealedSession {
  readonly open: true
  readonly live: LiveSession
  /** The session as the value contains it; `live` may be newer. */
  readonly asSealed: Session
  readonly newestKey: boolean
  /** When this value expires, by whichever limit comes first, epoch ms. */
  readonly limitAt: number
}

/** Not signed in, and why. `clear`: the browser has a cookie that should be cleared. */
export interface NoSession {
  readonly open: false
  readonly code: Extract<ProblemCode, `USHER_SESSION_${string}`>
  readonly clear: boolean
}

export type SessionRead = UnsealedSession | NoSession

export type UnsealResult = 'ok' | 'malformed' | 'unknown_key' | 'forged' | 'expired'

export interface Sessions {
  /** The session in a Cookie header. Synchronous; a cache hit does no cryptography and no parsing. */
  read(cookieHeader: string | undefined): SessionRead
  /** The same for a sealed value alone, as a service receives it. */
  open(value: string): SessionRead
  /** The cookie value of a session; throws RangeError if it does not fit into a cookie. */
  seal(session: Session): string
  fits(session: Session): boolean
  /** A new value if one is due (sliding, an older key, changed data), else null; none for an ended session. */
  renew(read: UnsealedSession): string | null
  /** The key ring was replaced: what was opened or sealed with the old one counts no more. */
  forget(): void
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

/** Unsealed cookies remembered, from their second use on; some 4 KB each, so 20 MB at most. */
const MAX_OPEN = 5000
/** A session slides once in this part of its idle lifetime, but no more often than once a minute. */
const SLIDE_PART = 20
const SLIDE_MIN_MS = 60_000

const REQUIRED: NoSession = { open: false, code: 'USHER_SESSION_REQUIRED', clear: false }
const INVALID: NoSession = { open: false, code: 'USHER_SESSION_INVALID', clear: true }
/** This instance's clock may be behind: the value is refused until then, but the cookie is kept. */
const EARLY: NoSession = { ...INVALID, clear: false }
const EXPIRED: NoSession = { open: false, code: 'USHER_SESSION_EXPIRED', clear: true }
const REVOKED: NoSession = { open: false, code: 'USHER_SESSION_REVOKED', clear: true }

/** Sessions by cookie: a bounded cache by value in front of the seal. Limits and revocation are checked every time. */
export function createSessions(options: SessionsOptions): Sessions {
  const { config, cookieName, seal, revocations, live, recheck, onUnseal, now, max = MAX_OPEN } = options
  /** By the tag of the value, which cannot be chosen; the whole value is compared too. */
  const opened = createRecentMap<string, { readonly value: string; readonly read: UnsealedSession }>(max)
  const doorkeeper = createDoorkeeper(2 * max)
  const slideMs = Math.min(
    Math.max(config.sessionIdleMs / SLIDE_PART, SLIDE_MIN_MS),
    config.sessionIdleMs / 2
  )

  /**
   * Lowered limits bind values that were sealed before, and the streams and tokens of their sessions (SECURITY rule
   * 18). The absolute end stays as sealed, because a revocation is kept until then whatever the settings say later.
   */
  function withinSettings(session: Session): Session {
    const { seenAt, signedInAt } = session
    const limitAt = Math.min(seenAt + config.sessionIdleMs, signedInAt + config.sessionMaxMs)
    return session.idleExpiresAt <= limitAt ? session : { ...session, idleExpiresAt: limitAt }
  }

  function unseal(value: string, time: number): UnsealedSession | NoSession {
    const unsealed = seal.unseal('session', value)
    if (typeof unsealed === 'string') {
      onUnseal('unknown', unsealed)
      return INVALID
    }
    const decoded = sessionCodec.decode(unsealed.value)
    const isEarly = decoded !== null && Math.max(decoded.seenAt, decoded.signedInAt) > time + CLOCK_SKEW_MS
    if (decoded === null || isEarly) {
      onUnseal(unsealed.kid, 'malformed')
      return isEarly ? EARLY : INVALID
    }
    const session = withinSettings(decoded)
    const limitAt = Math.min(session.expiresAt, session.idleExpiresAt)
    if (time >= limitAt) {
      onUnseal(unsealed.kid, 'expired')
      return EXPIRED
    }
    onUnseal(unsealed.kid, 'ok')
    if (revocations.isRevoked(session)) return REVOKED
    const state = live.glance(session)
    if (unsealed.newest || state.kid === null) state.kid = unsealed.kid
    const isKept = doorkeeper.admits(value)
    // A value seen once is not kept, unless parallel requests must share its re-check.
    if (isKept || recheck.isDue(state)) live.keep(state)
    const read: UnsealedSession = {
      open: true,
      live: state,
      asSealed: session,
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
    if (revocations.isRevoked(read.asSealed)) {
      opened.delete(tagOf(value))
      return REVOKED
    }
    read.live.usedAt = time
    recheck.touch(read.live, time)
    return read
  }

  /** The one of several values that opens, if it is the only one (SECURITY rule 91); else why not. */
  function openOne(values: readonly string[]): SessionRead {
    // A value that names no key of this ring belongs to another deployment, whose cookie comes with every request.
    const ours = values.filter((value) => seal.ageOf(value) !== null)
    const reads = ours.map(open)
    const [good, ...others] = reads.filter((read) => read.open)
    if (good !== undefined) return others.length === 0 ? good : INVALID
    return reads.find((read) => read !== INVALID) ?? INVALID
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
    open,
    read(cookieHeader) {
      const value = findCookie(cookieHeader, cookieName)
      if (value === undefined) return REQUIRED
      if (value === '') return INVALID
      return value === null ? openOne(findCookies(cookieHeader ?? '', cookieName)) : open(value)
    },
    seal: sealSession,
    fits: (session) => trySeal(session) !== null,
    renew(read) {
      if (revocations.isRevoked(read.asSealed)) return null
      const time = now()
      const { live: state, asSealed, newestKey } = read
      const current = state.session
      const changed = current.role !== asSealed.role || current.serverToken !== asSealed.serverToken
      const old = time - asSealed.seenAt >= slideMs || current.checkedAt - asSealed.checkedAt >= slideMs
      if (newestKey && !changed && !old) return null
      const known = state.renewed
      // A value that a parallel request has just sealed serves this one too.
      if (known !== null && known.session === current && time - current.seenAt < slideMs) return known.value
      const renewed = withinSettings({ ...current, seenAt: time, idleExpiresAt: current.expiresAt })
      const value = trySeal(renewed)
      // It has outgrown a cookie since the sign-in: the old value is used until it expires.
      if (value === null) return null
      state.session = renewed
      state.renewed = { value, session: renewed }
      state.kid = seal.newest()
      return value
    },
    forget() {
      opened.clear()
      for (const state of live.all()) state.renewed = null
    }
  }
}
