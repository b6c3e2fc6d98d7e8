import t from 'tap'
import { createLiveSession } from '../../../src/session/live/live-sessions.ts'
import { createRevocations } from '../../../src/session/live/revocation.ts'
import { createStandings, endCheckOf, toStandingProblem } from '../../../src/session/standing.ts'
import { createClock, DAY, HOUR, NOW, sampleSession } from './sample.ts'

interface Answers {
  mustWait: boolean
  isPastGrace: boolean
}

function standingStand(changes: Partial<Answers> = {}) {
  const clock = createClock()
  const revocations = createRevocations({ now: clock.now })
  const answers: Answers = { mustWait: false, isPastGrace: false, ...changes }
  let runs = 0
  let touches = 0
  const stand = {
    clock,
    revocations,
    answers,
    live: createLiveSession(sampleSession()),
    /** What a check does. */
    onRun: (): void => undefined,
    runs: () => runs,
    touches: () => touches
  }
  const standings = createStandings({
    recheck: {
      touch: () => {
        touches += 1
      },
      run: async () => {
        runs += 1
        stand.onRun()
      },
      ask: async () => {
        runs += 1
        stand.onRun()
      },
      mustWait: () => answers.mustWait,
      isPastGrace: () => answers.isPastGrace
    },
    revocations,
    now: clock.now
  })
  return { ...stand, standings, stand }
}

t.test('a session that was revoked or has expired is ended, whatever else is true of it', async (t) => {
  for (const end of ['revoked', 'idle', 'expired'] as const) {
    const { clock, revocations, standings, live } = standingStand({ mustWait: true, isPastGrace: true })
    live.denial = { saidAt: NOW }
    t.equal(standings.hasEnded(live.session), false)
    if (end === 'revoked') revocations.revoke({ kind: 'session', id: live.session.id, until: NOW + DAY })
    else if (end === 'idle') clock.advance(live.session.idleExpiresAt - NOW)
    else live.session = { ...live.session, expiresAt: NOW }
    t.equal(standings.hasEnded(live.session), true)
    t.equal(standings.of(live), 'ended', end)
    t.equal(await standings.settle(live), 'ended')
    t.equal(standings.mayStream(live), false)
  }
  const { clock, standings, live } = standingStand()
  clock.advance(live.session.idleExpiresAt - NOW - 1)
  t.equal(standings.of(live), 'good', 'to the last millisecond')
})

t.test('a check that must be waited for comes before everything that may be out of date', async (t) => {
  const { answers, standings, live, runs, stand } = standingStand({ mustWait: true })
  for (const setUp of [
    () => undefined,
    () => {
      answers.isPastGrace = true
    },
    () => {
      live.denial = { saidAt: NOW }
    }
  ]) {
    setUp()
    t.equal(standings.of(live), 'unproven')
  }
  t.equal(runs(), 0, 'asking for the standing asks plex.tv nothing')
  stand.onRun = () => {
    live.denial = null
    answers.isPastGrace = false
  }
  t.equal(await standings.settle(live), 'good')
  t.equal(runs(), 1)
})

t.test('after a check in vain the last answer decides: nobody waits twice', async (t) => {
  const { answers, standings, live, runs } = standingStand({ mustWait: true })
  t.equal(await standings.settle(live), 'good')
  answers.isPastGrace = true
  t.equal(await standings.settle(live), 'past-grace')
  live.denial = { saidAt: null }
  t.equal(await standings.settle(live), 'denied')
  t.equal(runs(), 3)
})

t.test('where nothing is to be waited for plex.tv is not asked', async (t) => {
  const { answers, standings, live, runs } = standingStand()
  t.equal(await standings.settle(live), 'good')
  answers.isPastGrace = true
  t.equal(standings.of(live), 'past-grace')
  t.equal(await standings.settle(live), 'past-grace')
  live.denial = { saidAt: NOW }
  t.equal(await standings.settle(live), 'denied', 'plex.tv answered, and the answer was no')
  t.equal(runs(), 0)
})

t.test('a question that plex.tv does not answer leaves the standing unknown', async (t) => {
  const { answers, revocations, standings, live, runs } = standingStand()
  t.equal(await standings.ask(live), 'good')
  live.stale = true
  t.equal(await standings.ask(live), 'unknown')
  answers.isPastGrace = true
  t.equal(await standings.ask(live), 'unknown')
  live.denial = { saidAt: NOW }
  t.equal(await standings.ask(live), 'denied')
  revocations.revoke({ kind: 'session', id: live.session.id, until: NOW + HOUR })
  t.equal(await standings.ask(live), 'ended')
  t.equal(runs(), 5, 'asked each time')
})

t.test('streams go on through doubt and outage, and end past the grace', async (t) => {
  const { answers, standings, live, touches } = standingStand({ mustWait: true })
  live.denial = { saidAt: NOW }
  t.equal(standings.mayStream(live), true)
  t.equal(touches(), 1, 'a re-check that is due begins')
  answers.isPastGrace = true
  t.equal(standings.mayStream(live), true, 'until it is known that plex.tv is away')
  live.stale = true
  t.equal(standings.mayStream(live), false)
})

t.test('rule 85: what carries a token asks at the last moment whether its session has ended', async (t) => {
  const { revocations, standings, live } = standingStand()
  const check = endCheckOf(standings, live)
  t.equal(check(), null)
  revocations.revoke({ kind: 'session', id: live.session.id, until: NOW + HOUR })
  t.equal(check()?.code, 'USHER_SESSION_REVOKED')
})

t.test('each standing means one problem at the media server', async (t) => {
  t.equal(toStandingProblem('good'), null)
  t.equal(toStandingProblem('denied')?.code, 'USHER_SERVER_ACCESS_DENIED')
  t.equal(toStandingProblem('past-grace')?.code, 'USHER_UPSTREAM_UNREACHABLE')
  t.equal(toStandingProblem('ended')?.code, 'USHER_SESSION_REVOKED')
})
