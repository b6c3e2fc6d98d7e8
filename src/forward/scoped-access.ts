import type { LiveSession } from '../session/live/live-sessions.ts'
import type { RouteClass } from './policy-table.ts'

/**
 * What a scoped access token allows (reference/http.md#token-exchange), in the name of the session it came from.
 */
export interface ScopedAccess {
  readonly open: true
  readonly live: LiveSession
  /** The service that holds it. */
  readonly serviceId: string
  /** Whether its scope covers the class, and its resources the decoded path below /pms. */
  allows(routeClass: RouteClass, path: string): boolean
}
