import t from 'tap'
import type { Seal } from '../../../src/seal/seal.ts'
import type { Recheck } from '../../../src/session/check/recheck.ts'
import { createSessions, type OpenSession, type Sessions } from '../../../src/session/cookie/sessions.ts'
import {
  createLiveSessions,
  type LiveSession,
  type LiveSessions
} from '../../../src/session/live/live-sessions.ts'
import { createRevocations, type Revocations } from '../../../src/session/live/revocation.ts'
import type { Session } from '../../../src/session/session.ts'
import { createClock, DAY, NAMES, sampleSeal } from './sample.ts'

export interface Stand {
  readonly clock: ReturnType<typeof createClock>
  readonly sessions: Sessions
  readonly seal: Seal
  readonly revocations: Revocations
  readonly live: LiveSessions
  readonly touched: LiveSession[]
  readonly unseals: string[]
  /** Opens the sample's cookie. */
  open(session: Session): OpenSession
}

export interface StandOptions {
  readonly idleMs?: number
  readonly maxMs?: number
  readonly seal?: Seal
  readonly clock?: Stand['clock']
  readonly max?: number
  /** Whether sessions have to be checked. */
  readonly due?: boolean
}

export function stand(options: StandOptions = {}): Stand {
  const {
    idleMs = 7 * DAY,
    maxMs = 30 * DAY,
    seal = sampleSeal(),
    clock = createClock(),
    max,
    due = true
  } = options
  const revocations = createRevocations({ now: clock.now })
  const live = createLiveSessions({ revocations, now: clock.now, ...(max && { max }) })
  t.teardown(() => live.close())
  const touched: LiveSession[] = []
  const unseals: string[] = []
  const sessions = createSessions({
    config: { sessionIdleMs: idleMs, sessionMaxMs: maxMs },
    cookieName: NAMES.session,
    seal,
    revocations,
    live,
    recheck: {
      isDue: () => due,
      touch: (session: LiveSession) => touched.push(session)
    } as unknown as Recheck,
    onUnseal: (kid, result) => unseals.push(`${kid} ${result}`),
    now: clock.now,
    ...(max && { max })
  })
  return {
    clock,
    sessions,
    seal,
    revocations,
    live,
    touched,
    unseals,
    open(session) {
      const read = sessions.open(sessions.seal(session))
      if (!read.open) throw new Error(`closed: ${read.code}`)
      return read
    }
  }
}

export function cookie(value: string): string {
  return `other=1; ${NAMES.session}=${value}`
}
