import { createLruMap } from '../domain/lru-map.ts'
import { createLiveSession, type LiveSession } from '../session/live/live-sessions.ts'
import type { Session } from '../session/session.ts'

/** Some 1 KB each; a forgotten one is created and checked again. */
const MAX_SESSIONS = 5000

/**
 * The live sessions that are known only from assertions, by id. They stay out of the instance's own list: there one
 * could take the place of the whole session, which knows more, and be sealed into the browser's next cookie. They are
 * kept because each assertion brings its session anew, and each would be re-checked at plex.tv by itself.
 */
export function createDetachedSessions(max = MAX_SESSIONS): (session: Session) => LiveSession {
  const sessions = createLruMap<string, LiveSession>(max)
  return (session) => {
    const known = sessions.get(session.id)
    if (known === undefined || session.checkedAt > known.session.checkedAt) {
      const live = createLiveSession(session)
      sessions.set(session.id, live)
      return live
    }
    const { idleExpiresAt } = session
    if (idleExpiresAt > known.session.idleExpiresAt) known.session = { ...known.session, idleExpiresAt }
    return known
  }
}
