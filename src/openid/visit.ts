import type { IncomingMessage } from 'node:http'
import type { UnsealedSession } from '../session/cookie/sessions.ts'
import type { Settled } from '../session/standing.ts'

/** Who makes a request, in addition to the request that the library reads. */
export interface Visit {
  readonly requestId: string
  /** The session of this browser; null if nobody is signed in. */
  readonly read: UnsealedSession | null
  /** Whether that session may act now. */
  readonly standing: Settled
  /** Signs the session out; returns the Set-Cookie value that clears the cookie. */
  readonly signOut: () => string
}

/** Visits by request: the library passes nothing else along. */
export interface Visits {
  set(request: IncomingMessage, visit: Visit): void
  of(request: IncomingMessage): Visit
}

export function createVisits(): Visits {
  const visits = new WeakMap<IncomingMessage, Visit>()
  return {
    set: (request, visit) => void visits.set(request, visit),
    of(request) {
      const visit = visits.get(request)
      if (visit === undefined) throw new TypeError('a request without a visit')
      return visit
    }
  }
}
