import { createHash, randomBytes } from 'node:crypto'
import { CLOCK_SKEW_MS } from '../domain/clock.ts'
import { createLruMap } from '../domain/lru-map.ts'
import { Problem } from '../domain/problems.ts'
import type { Policy } from '../forward/policy.ts'
import type { ScopedAccess } from '../forward/scoped-access.ts'
import { array, createCodec, createLayout, integer, text } from '../seal/codec.ts'
import type { Seal } from '../seal/seal.ts'
import type { Recheck } from '../session/check/recheck.ts'
import { createLiveSession, type LiveSessions } from '../session/live/live-sessions.ts'
import type { Revocations } from '../session/live/revocation.ts'
import type { Session } from '../session/session.ts'
import { directoriesOf, type PlaybackKind, readPlaybackTarget } from './playback-target.ts'
import { isWithin } from './resource.ts'
import type { ScopedRefusal } from './scoped.ts'
import { fromReference, toReference } from './session-reference.ts'

/** Longer than any film, too short for a link that was passed on to be of much use. */
const TTL_MS = 6 * 3_600_000
/** Unsealed tokens in the cache, some 2 KB each. */
const MAX_OPEN = 5000
/** Tells such a token from one of a service before anything is unsealed. */
const PREFIX = 'play.'

const version1 = createLayout({
  id: text,
  /** Of the first address: it may be long, and every address of a playlist repeats the token. */
  start: text,
  transcode: text,
  issuedAt: integer,
  expiresAt: integer,
  subject: array
})

export const playbackCodec = createCodec<NonNullable<ReturnType<typeof version1.read>>>({
  version: 1,
  encode: version1.write,
  decoders: new Map([[1, version1.read]])
})

export interface PlaybackAddress {
  /** Path and query below /pms, with the token. */
  readonly address: string
  /** Epoch ms. */
  readonly expiresAt: number
}

export interface PlaybackTokens {
  isOne(text: string): boolean
  /** Seals a token for one film in the name of the session; throws a problem if the session may not play it. */
  issue(session: Session, path: string, kind: PlaybackKind): PlaybackAddress
  /** Synchronous; a cache hit does no cryptography. Limits and revocation are checked every time. */
  open(text: string): ScopedAccess | ScopedRefusal
  /** The keys were replaced: every token is looked at afresh. */
  forget(): void
}

export interface PlaybackTokensOptions {
  readonly seal: Seal
  readonly revocations: Pick<Revocations, 'isRevoked'>
  readonly recheck: Pick<Recheck, 'touch'>
  readonly live: Pick<LiveSessions, 'find'>
  readonly policy: Policy
  readonly now: () => number
}

interface Opened {
  readonly access: ScopedAccess
  readonly expiresAt: number
}

const refusal = (code: ScopedRefusal['code']): ScopedRefusal => ({ open: false, code, clear: false })
const INVALID = refusal('USHER_SESSION_INVALID')
const EXPIRED = refusal('USHER_SESSION_EXPIRED')
const REVOKED = refusal('USHER_SESSION_REVOKED')

/**
 * Tokens in addresses for devices without a cookie (reference/http.md#casting): for one film, with the rights of the
 * session that asked and dead with it.
 */
export function createPlaybackTokens(options: PlaybackTokensOptions): PlaybackTokens {
  const { seal, revocations, recheck, live: known, policy, now } = options
  const opened = createLruMap<string, Opened>(MAX_OPEN)

  function unseal(token: string): Opened | null {
    const unsealed = seal.unseal('playback', token.slice(PREFIX.length))
    if (typeof unsealed === 'string') return null
    const claims = playbackCodec.decode(unsealed.value)
    const session = claims === null ? null : fromReference(claims.subject)
    if (claims === null || session === null || claims.issuedAt > now() + CLOCK_SKEW_MS) return null
    const { id, start, expiresAt } = claims
    const below = directoriesOf(claims.transcode)
    // Streams that the token opened end when it expires.
    const idleExpiresAt = Math.min(session.idleExpiresAt, expiresAt)
    const live = createLiveSession({ ...session, idleExpiresAt, ...{ tokenId: id } })
    live.kid = unsealed.kid
    let lastStart: string | null = null
    const access: ScopedAccess = {
      open: true,
      live,
      allows: (routeClass) => routeClass === 'media',
      playback: {
        token,
        plays(path, upstream) {
          if (upstream === lastStart || (below.length > 0 && isWithin(path, below))) return true
          if (digest(upstream) !== start) return false
          lastStart = upstream
          return true
        },
        listedWith: () => known.find(session.id)
      }
    }
    return { access, expiresAt }
  }

  return {
    isOne: (token) => token.startsWith(PREFIX),

    issue(session, path, kind) {
      const { role, server } = session
      if (role === 'none' || server === null || session.serverToken === null)
        throw new Problem('USHER_SERVER_ACCESS_DENIED')
      const { machineIdentifier } = server
      const { start, transcode } = readPlaybackTarget(path, kind, { policy, role, machineIdentifier })
      const issuedAt = now()
      const expiresAt = Math.min(issuedAt + TTL_MS, session.expiresAt, session.idleExpiresAt)
      const claims = {
        id: randomBytes(9).toString('base64url'),
        start: digest(start),
        transcode,
        issuedAt,
        expiresAt,
        subject: toReference(session)
      }
      const token = PREFIX + seal.seal('playback', playbackCodec.encode(claims))
      return { address: `${start}${start.includes('?') ? '&' : '?'}X-Plex-Token=${token}`, expiresAt }
    },

    open(token) {
      const kept = opened.get(token) ?? unseal(token)
      if (kept === null) return INVALID
      const { access, expiresAt } = kept
      const isOver = now() >= expiresAt
      if (isOver || revocations.isRevoked(access.live.session)) {
        opened.delete(token)
        return isOver ? EXPIRED : REVOKED
      }
      opened.set(token, kept)
      recheck.touch(access.live)
      return access
    },
    forget: () => opened.clear()
  }
}

/** Half of a SHA-256: nobody who can choose both addresses gains anything by two that collide. */
function digest(upstream: string): string {
  return createHash('sha256').update(upstream).digest('base64url').slice(0, 22)
}
