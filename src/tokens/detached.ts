import type { LiveSession } from '../session/live-sessions.ts'
import type { Session } from '../session/session.ts'

/**
 * The live state of a session known only from a token. It stays out of the instance's own list: there it could take
 * the place of the whole session, which knows more, and be sealed into the browser's next cookie.
 */
export function createDetached(session: Session): LiveSession {
  return { session, stale: false, pending: false, retryAt: 0, sealed: null, streams: new Set() }
}
