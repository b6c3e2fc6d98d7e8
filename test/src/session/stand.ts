import t from 'tap'
import type { Seal } from '../../../src/seal/seal.ts'
import type { Recheck } from '../../../src/session/check/recheck.ts'
import { createSessions, type Sessions, type UnsealedSession } from '../../../src/session/cookie/sessions.ts'
import {
  createLiveSessions,
  type LiveSession,
  type LiveSessions
} from '../../../src/session/live/live-sessions.ts'
import { createRevocations, type Revocations } from '../../../src/session/live/revocation.ts'
import { createStreams, type Streams } from '../../../src/session/live/streams.ts'
import type { Session } from '../../../src/session/session.ts'
import { createStandings, type Standings } from '../../../src/session/standing.ts'
import { createClock, DAY, NAMES, sampleSeal } from './sample.ts'

export interface Stand {
  readonly clock: ReturnType<typeof createClock>
  readonly sessions: Sessions
  readonly seal: Seal
  readonly revocations: Revocations
  readonly live: LiveSessions
  readonly standings: Standings
  readonly streams: Streams
  readonly touched: LiveSession[]
  readonly unseals: string[]
  /** Unseals the session's cookie. */
  open(session: Session): UnsealedSession
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
  const live = createLiveSessions(max === undefined ? {} : { max })
  const touched: LiveSession[] = []
  const recheck: Recheck = {
    isDue: () => due,
    touch: (session) => void touched.push(session),
    run: async () => undefined,
    ask: async () => undefined,
    apply: () => undefined,
    mustWait: () => false,
    isPastGrace: () => false
  }
  const standings = createStandings({ recheck, revocations, now: clock.now })
  const streams = createStreams({ revocations, standings, now: clock.now })
  t.teardown(() => streams.close())
  const unseals: string[] = []
  const sessions = createSessions({
    config: { sessionIdleMs: idleMs, sessionMaxMs: maxMs },
    cookieName: NAMES.session,
    seal,
    revocations,
    live,
    recheck,
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
    standings,
    streams,
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
