import type { LiveSession } from '../session/live/live-sessions.ts'
import type { RouteClass } from './policy-table.ts'

/**
 * What a scoped access token allows (reference/http.md#token-exchange), in the name of the session it came from.
 */
export interface ScopedAccess {
  readonly open: true
  readonly live: LiveSession
  /** The service that holds it; none holds a token for playback. */
  readonly serviceId?: string
  /** Whether its scope covers the class, and its resources the decoded path below /pms. */
  allows(routeClass: RouteClass, path: string): boolean
  readonly playback?: PlaybackBinding
}

/** What a token in an address is bound to (reference/http.md#casting). */
export interface PlaybackBinding {
  /** The token itself, which playlists hand on. */
  readonly token: string
  /** Whether the token is for this decoded path, and what is sent upstream for it. */
  plays(path: string, upstream: string): boolean
  /** The session that shows its streams, if this instance knows it. */
  listedWith(): LiveSession | undefined
}
