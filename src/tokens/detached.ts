import { LRUCache } from 'lru-cache'
import type { LiveSession } from '../session/live/live-sessions.ts'
import type { Session } from '../session/session.ts'

/**
 * The live state of a session known only from a token. It stays out of the instance's own list: there it could take
 * the place of the whole session, which knows more, and be sealed into the browser's next cookie.
 */
export function createDetached(session: Session): LiveSession {
  return { session, stale: false, pending: false, retryAt: 0, sealed: null, streams: null }
}

/** Some 1 KB each; a forgotten one is made anew, and checked again where that is due. */
const MAX_SESSIONS = 5000

/**
 * Detached sessions by id. Each assertion brings the session anew: without this one that is due would be asked about at
 * plex.tv with every exchange, and each would wait for its own answer.
 */
export function createDetachedSessions(max = MAX_SESSIONS): (told: Session) => LiveSession {
  const sessions = new LRUCache<string, LiveSession>({ max })
  return (told) => {
    const known = sessions.get(told.id)
    if (known === undefined || told.checkedAt > known.session.checkedAt) {
      const live = createDetached(told)
      sessions.set(told.id, live)
      return live
    }
    const { idleExpiresAt } = told
    if (idleExpiresAt > known.session.idleExpiresAt) known.session = { ...known.session, idleExpiresAt }
    return known
  }
}
