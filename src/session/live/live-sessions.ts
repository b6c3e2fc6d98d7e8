import { createRecentMap } from '../../domain/recent-map.ts'
import type { StreamEnd, StreamKind } from '../../domain/streams.ts'
import type { Session } from '../session.ts'
import type { Revocations } from './revocation.ts'

/** What this instance knows of one session beyond its cookie; mutable, one object per session id. */
export interface LiveSession {
  /** The newest data: the re-check may have learned another role or server token than the cookie tells. */
  session: Session
  /** plex.tv could not be reached at the last attempt. */
  stale: boolean
  /** A re-check is under way or waiting. */
  pending: boolean
  /** No re-check before this, epoch ms: the back-off of an outage. */
  retryAt: number
  /** The newest sealed value, so that parallel requests do not each seal one. */
  sealed: { readonly value: string; readonly session: Session } | null
  /** Null until there is one: most sessions never have any. */
  streams: Set<Stream> | null
}

export interface Stream {
  readonly kind: StreamKind
  /** Ends the transfer so that the client sees it broken. */
  readonly abort: (why: StreamEnd) => void
}

export interface LiveSessions {
  /** The live state of this session, made when it is first seen here. */
  of(session: Session): LiveSession
  /** The same, but what is first seen is not remembered: for a session that may not come again. */
  glance(session: Session): LiveSession
  keep(live: LiveSession): void
  find(id: string): LiveSession | undefined
  /** The sessions known here of an account and of the profiles it opened; looks at every one, so not for every request. */
  ofAccount(accountId: number): readonly Session[]
  /** Registers a stream, which ends with its session; gives the release to call when it ends by itself. */
  addStream(live: LiveSession, kind: StreamKind, abort: (why: StreamEnd) => void): () => void
  readonly openStreams: Readonly<Record<StreamKind, number>>
  /** Breaks every open stream, at shutdown. */
  abortStreams(): void
  close(): void
}

export interface LiveSessionsOptions {
  readonly revocations: Revocations
  readonly now: () => number
  /**
   * Asked of each session with open streams at every sweep: whoever only listens makes no request that would
   * start a re-check, and must be out as soon as others.
   */
  readonly mayStream?: (live: LiveSession) => boolean
  /** Sessions remembered; some 2 KB each. A forgotten one starts again from its cookie. */
  readonly max?: number
}

const MAX_SESSIONS = 50_000
/** How often open streams are held against their session's end, which need not have an event of its own. */
const SWEEP_MS = 1000

/** The sessions this instance has seen lately, and the streams open in their name (SECURITY idea 9). */
export function createLiveSessions({
  revocations,
  now,
  mayStream = () => true,
  max = MAX_SESSIONS
}: LiveSessionsOptions): LiveSessions {
  const sessions = createRecentMap<string, LiveSession>(max)
  /** Kept apart from the bounded map: a session with open streams must be found however many others came. */
  const streaming = new Set<LiveSession>()
  const openStreams: Record<StreamKind, number> = { media: 0, events: 0, socket: 0 }

  function endStreams(live: LiveSession, why: StreamEnd): void {
    for (const stream of [...(live.streams ?? [])]) stream.abort(why)
  }

  function sweep(): void {
    const time = now()
    for (const live of streaming) {
      const { session } = live
      const isOver =
        time >= session.expiresAt || time >= session.idleExpiresAt || revocations.isRevoked(session)
      if (isOver) endStreams(live, 'session-ended')
      else if (!mayStream(live)) endStreams(live, 'past-grace')
    }
  }

  // Once for all that arrive together: a catch-up brings many, and each sweep looks at every stream.
  let due = false
  revocations.listen(() => {
    if (due) return
    due = true
    queueMicrotask(() => {
      due = false
      sweep()
    })
  })
  const timer = setInterval(sweep, SWEEP_MS)
  timer.unref()

  function glance(session: Session): LiveSession {
    const known = sessions.get(session.id)
    if (known !== undefined) {
      known.session = merge(known.session, session)
      return known
    }
    return { session, stale: false, pending: false, retryAt: 0, sealed: null, streams: null }
  }

  return {
    of(session) {
      const live = glance(session)
      sessions.set(session.id, live)
      return live
    },
    glance,
    keep: (live) => sessions.set(live.session.id, live),
    find: (id) => sessions.get(id),
    ofAccount: (accountId) =>
      [...sessions.values()]
        .map(({ session }) => session)
        .filter(({ account, homeAdmin }) => account.id === accountId || homeAdmin?.accountId === accountId),
    addStream(live, kind, abort) {
      const stream: Stream = { kind, abort }
      live.streams ??= new Set()
      const { streams } = live
      streams.add(stream)
      streaming.add(live)
      openStreams[kind] += 1
      return () => {
        if (!streams.delete(stream)) return
        openStreams[kind] -= 1
        if (streams.size === 0) streaming.delete(live)
      }
    },
    openStreams,
    abortStreams() {
      for (const live of streaming) endStreams(live, 'shutdown')
    },
    close: () => clearInterval(timer)
  }
}

/** What was checked last and what was seen last; the same object where the cookie tells nothing new. */
function merge(known: Session, told: Session): Session {
  const isChecked = told.checkedAt > known.checkedAt
  const isSeen = told.seenAt > known.seenAt
  if (!isChecked && !isSeen) return known
  const { seenAt, idleExpiresAt } = isSeen ? told : known
  return { ...(isChecked ? told : known), seenAt, idleExpiresAt }
}
