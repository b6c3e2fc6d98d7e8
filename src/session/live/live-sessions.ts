import { createRecentMap } from '../../domain/recent-map.ts'
import type { Session } from '../session.ts'
import type { SessionClient } from './session-client.ts'
import type { Stream } from './streams.ts'

/** What this instance knows of one session beyond its cookie; mutable, one object per session id. */
export interface LiveSession {
  /** The newest data: a re-check may have found another role or server token than the cookie has. */
  session: Session
  /** plex.tv could not be reached at the last attempt. */
  stale: boolean
  /** A re-check is under way or waiting. */
  pending: boolean
  /** When plex.tv last answered to the session's own token, epoch ms. */
  askedAt: number
  /** Its own token is to be asked about access too, whatever the owner's lists say. */
  asksItself: boolean
  /** No re-check before this, epoch ms: the pause after a failed one. */
  retryAt: number
  /** What plex.tv said since it last granted access; null while access is granted. */
  denial: Denial | null
  /** The newest cookie value, so that parallel requests share one. */
  renewed: { readonly value: string; readonly session: Session } | null
  /** The newest key of the ring that a value of it was sealed with; null until one was opened here. */
  kid: string | null
  /** When a request last came with it, epoch ms. */
  usedAt: number
  /** The browser behind it, for those who look at their devices; null until a request shows it. */
  client: SessionClient | null
  /** Ids of the apps that it entered, as this instance has seen. */
  apps: Set<string> | null
  /** Null until there is one: most sessions never have any. */
  streams: Set<Stream> | null
}

/** plex.tv says that an account has no access. */
export interface Denial {
  /** Epoch ms of the first answer that can be believed; null while every one was empty or did not parse whole. */
  readonly saidAt: number | null
}

export interface LiveSessions {
  /** The live session, created when the session is first seen here. */
  of(session: Session): LiveSession
  /** The same, but a session that is first seen is not remembered, because it may not come again. */
  glance(session: Session): LiveSession
  keep(live: LiveSession): void
  /** Every live session, the ended ones too. */
  all(): Iterable<LiveSession>
  find(id: string): LiveSession | undefined
  /** The known sessions of an account and of the profiles it opened. Looks at every session: not for every request. */
  ofAccount(accountId: number): readonly Session[]
}

/** Sessions remembered; some 2 KB each. A forgotten one starts again from its cookie. */
const MAX_SESSIONS = 50_000

/** The sessions that this instance has seen lately. */
export function createLiveSessions({ max = MAX_SESSIONS }: { readonly max?: number } = {}): LiveSessions {
  const sessions = createRecentMap<string, LiveSession>(max)

  function glance(session: Session): LiveSession {
    const known = sessions.get(session.id)
    if (known === undefined) return createLiveSession(session)
    known.session = merge(known.session, session)
    return known
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
    all: () => sessions.values(),
    ofAccount: (accountId) =>
      [...sessions.values()]
        .map(({ session }) => session)
        .filter(({ account, homeAdmin }) => account.id === accountId || homeAdmin?.accountId === accountId)
  }
}

/** The state of a session that is seen for the first time. */
export function createLiveSession(session: Session): LiveSession {
  return {
    session,
    stale: false,
    pending: false,
    askedAt: session.signedInAt,
    asksItself: false,
    retryAt: 0,
    denial: null,
    renewed: null,
    kid: null,
    usedAt: session.seenAt,
    client: null,
    apps: null,
    streams: null
  }
}

/** Combines the newest check and the newest sight; the same object where the cookie has nothing new. */
function merge(known: Session, seen: Session): Session {
  const isChecked = seen.checkedAt > known.checkedAt
  const isSeen = seen.seenAt > known.seenAt
  if (!isChecked && !isSeen) return known
  const { seenAt, idleExpiresAt } = isSeen ? seen : known
  return { ...(isChecked ? seen : known), seenAt, idleExpiresAt }
}
