import type { Grant } from '../config/config.ts'
import { Problem } from '../domain/problems.ts'
import type { Recheck } from '../session/check/recheck.ts'
import type { Sessions } from '../session/cookie/sessions.ts'
import { createLiveSession, type LiveSession, type LiveSessions } from '../session/live/live-sessions.ts'
import { type Standings, toStandingProblem } from '../session/standing.ts'
import type { Assertions } from './assertion.ts'
import { createDetachedSessions } from './detached.ts'
import { OAuthError } from './oauth-error.ts'
import type { Owner } from './owner.ts'
import type { Service } from './services.ts'
import type { TokenRequest } from './token-request.ts'

/** In whose name a token is issued (RFC 8693 §2.1). */
export interface Subject {
  readonly owner: boolean
  /** Read its session each time: a re-check may replace role and server token. */
  readonly live: LiveSession
}

export interface Subjects {
  /** Throws unauthorized_client without the grants, invalid_grant for an ended subject, 503 for one past its grace. */
  find(service: Service, request: TokenRequest): Promise<Subject>
}

export interface SubjectsOptions {
  readonly sessions: Pick<Sessions, 'open'>
  readonly live: Pick<LiveSessions, 'find'>
  readonly recheck: Pick<Recheck, 'touch'>
  readonly standings: Pick<Standings, 'settle'>
  readonly assertions: Assertions
  readonly owner: Owner
}

export function createSubjects(options: SubjectsOptions): Subjects {
  const { sessions, live: known, recheck, standings, assertions, owner } = options
  const detached = createDetachedSessions()

  function open({ type, token }: NonNullable<TokenRequest['subject']>, service: Service): LiveSession {
    if (type === 'session') {
      const read = sessions.open(token)
      if (!read.open) throw new Problem(read.code)
      return read.live
    }
    const session = assertions.open(token, service.id)
    if (typeof session === 'string') throw new Problem(session)
    const live = known.find(session.id) ?? detached(session)
    recheck.touch(live)
    return live
  }

  return {
    async find(service, request) {
      // Before the subject is read, so that a service without the grant learns nothing about it.
      for (const grant of grantsFor(request)) {
        if (!service.has(grant)) {
          throw new OAuthError('unauthorized_client', 'The service lacks the required grant.')
        }
      }
      if (request.subject === null) return { owner: true, live: createLiveSession(await owner.session()) }
      const live = open(request.subject, service)
      const problem = toStandingProblem(await standings.settle(live))
      if (problem !== null) throw problem
      return { owner: false, live }
    }
  }
}

function grantsFor({ subject, type }: TokenRequest): readonly Grant[] {
  if (type === 'transient') return [subject === null ? 'transient:owner' : 'transient:session']
  return subject === null ? ['scoped', 'transient:owner'] : ['scoped']
}
