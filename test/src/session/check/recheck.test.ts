import { setImmediate as tick } from 'node:timers/promises'
import t from 'tap'
import { Problem } from '../../../../src/domain/problems.ts'
import type { Account } from '../../../../src/plex/account.ts'
import type { Resource } from '../../../../src/plex/resources.ts'
import { createRecheck, type Recheck, type RecheckOptions } from '../../../../src/session/check/recheck.ts'
import {
  createLiveSessions,
  type LiveSession,
  type LiveSessions
} from '../../../../src/session/live/live-sessions.ts'
import { createRevocations, type Revocations } from '../../../../src/session/live/revocation.ts'
import { NEVER_CHECKED } from '../../../../src/session/session.ts'
import { createStandings, type Standings } from '../../../../src/session/standing.ts'
import { createClock, DAY, HOUR, MINUTE, NOW, sampleSession } from '../sample.ts'

import { ACCOUNT, BOUNDLESS, MACHINE, server } from './resource-sample.ts'

interface Answer {
  readonly account: Account
  readonly resources: readonly Resource[]
  readonly isWhole?: boolean
}

interface RecheckStand {
  readonly clock: ReturnType<typeof createClock>
  readonly recheck: Recheck
  readonly standings: Standings
  readonly live: LiveSessions
  readonly revocations: Revocations
  readonly calls: string[]
  readonly ended: string[]
  readonly outages: unknown[]
  /** Accounts by token, where it is not the usual one. */
  readonly accounts: Map<string, number>
  answer: () => Promise<Answer>
  pong: () => Promise<void>
}

function recheckStand(
  config: Partial<RecheckOptions['config']> = {},
  machineId: string | null = MACHINE,
  budget = BOUNDLESS
): RecheckStand {
  const clock = createClock()
  const revocations = createRevocations({ now: clock.now })
  const live = createLiveSessions()
  const result: Omit<RecheckStand, 'recheck' | 'standings'> = {
    clock,
    live,
    revocations,
    calls: [],
    ended: [],
    outages: [],
    accounts: new Map(),
    answer: async () => ({ account: ACCOUNT, resources: [server()] }),
    pong: async () => undefined
  }
  const recheck = createRecheck({
    tellsAccounts: false,
    config: {
      access: 'server',
      allowedAccounts: [],
      requireTwoFactor: 'none',
      recheckMs: 15 * MINUTE,
      outageGraceMs: DAY,
      ...config
    },
    plexTv: {
      account: async (token) => {
        result.calls.push(token)
        const { account } = await result.answer()
        return { ...account, id: result.accounts.get(token) ?? account.id }
      },
      async resourceList() {
        const { resources, isWhole = true } = await result.answer()
        return { resources, isWhole }
      },
      async ping(token) {
        result.calls.push(`ping ${token}`)
        await result.pong()
      }
    },
    budget,
    roll: null,
    remembersEnds: false,
    machineId: () => machineId,
    hasEnded: (session) => revocations.isRevoked(session),
    end(session, reason) {
      if (revocations.isRevoked(session)) return
      revocations.revoke({ kind: 'session', id: session.id, until: session.expiresAt })
      result.ended.push(reason)
    },
    onOutage: (error) => result.outages.push(error),
    waitMs: 10_000,
    now: clock.now
  })
  const standings = createStandings({ recheck, revocations, now: clock.now })
  return Object.assign(result, { recheck, standings })
}

t.test(
  'the re-check waits for its interval, and sooner only for a session of before this start',
  async (t) => {
    const stand = recheckStand()
    const { clock, recheck, live, calls } = stand
    const fresh = live.of(sampleSession())
    recheck.touch(fresh)
    clock.advance(15 * MINUTE - 1)
    recheck.touch(fresh)
    t.strictSame(calls, [])
    clock.advance(1)
    recheck.touch(fresh)
    recheck.touch(fresh)
    t.equal(fresh.pending, true)
    await recheck.run(fresh)
    t.strictSame(calls, ['sample-account-token'], 'once')
    t.match(fresh, { pending: false, stale: false, session: { checkedAt: NOW + 15 * MINUTE } })
    recheck.touch(fresh)
    t.equal(calls.length, 1)
    const older = live.of(sampleSession({ checkedAt: NOW - 1 }))
    recheck.touch(older)
    t.equal(older.pending, true, 'first sight after a restart')
    await recheck.run(older)
    t.equal(calls.length, 2)
    recheck.touch(older)
    t.equal(older.pending, false)
  }
)

t.test('one re-check at a time for an account, four in all', async (t) => {
  const stand = recheckStand()
  const { recheck, live, calls } = stand
  const waiting: (() => void)[] = []
  stand.answer = () => {
    const { promise, resolve } = Promise.withResolvers<Answer>()
    waiting.push(() => resolve({ account: ACCOUNT, resources: [server()] }))
    return promise
  }
  const of = (account: number, token: string) => {
    stand.accounts.set(token, account)
    return live.of(
      sampleSession({ accountToken: token, account: { ...sampleSession().account, id: account } })
    )
  }
  const sessions = [of(1, '1a'), of(1, '1b'), ...[2, 3, 4, 5, 6].map((account) => of(account, `${account}a`))]
  const done = sessions.map((each) => recheck.run(each))
  const again = recheck.run(sessions[0] as LiveSession)
  t.equal(again, done[0], 'one under way is joined')
  await tick()
  t.strictSame(calls, ['1a', '2a', '3a', '4a'])
  // Two questions each: the account and its resources.
  for (const answer of waiting.splice(0, 2)) answer()
  await done[0]
  await tick()
  t.strictSame(calls, ['1a', '2a', '3a', '4a', '1b'])
  while (waiting.length > 0) {
    for (const answer of waiting.splice(0)) answer()
    await tick()
    await tick()
  }
  await Promise.all(done)
  t.strictSame(calls, ['1a', '2a', '3a', '4a', '1b', '5a', '6a'])
})

t.test('rule 23: a dead token ends a session at once; an outage of any kind keeps it, stale', async (t) => {
  const dead = new Problem('USHER_SESSION_REVOKED')
  for (const [error, end] of [
    [dead, 'token_dead'],
    [new Problem('USHER_UPSTREAM_UNREACHABLE'), null],
    [new Problem('USHER_UPSTREAM_TIMEOUT'), null],
    [new Problem('USHER_UPSTREAM_INVALID'), null],
    [new Problem('USHER_PLEX_LIMITED', { retryAfter: 5 }), null],
    [new TypeError('a defect of ours'), null]
  ] as const) {
    const stand = recheckStand()
    const live = stand.live.of(sampleSession())
    stand.answer = () => Promise.reject(error)
    await stand.recheck.run(live)
    t.strictSame(stand.ended, end === null ? [] : [end])
    t.equal(live.stale, end === null)
    t.strictSame(stand.outages, end === null ? [error] : [])
  }
})

/** Another server, so that the list is not empty. */
const ELSEWHERE = server({ machineIdentifier: 'e'.repeat(40) })

t.test('rule 94: access is lost when plex.tv says so twice, some seconds apart', async (t) => {
  for (const [stand, resources] of [
    [recheckStand(), [ELSEWHERE]],
    [recheckStand({ requireTwoFactor: 'all' }), [server()]],
    [recheckStand({ access: 'anyone' }), [ELSEWHERE]]
  ] as const) {
    const { clock, recheck, standings, live, ended, calls } = stand
    const session = live.of(sampleSession())
    stand.answer = async () => ({ account: ACCOUNT, resources })
    clock.advance(15 * MINUTE)
    await recheck.run(session)
    t.strictSame(ended, [])
    t.equal(standings.of(session), 'denied', 'until then access is refused')
    t.equal(session.session.checkedAt, NOW, 'and nothing counts as granted')
    recheck.touch(session)
    t.equal(session.pending, false, 'not in the same breath')
    clock.advance(4999)
    await recheck.run(session)
    t.strictSame(ended, [], 'one mistake may be told twice at once')
    clock.advance(1)
    const asked = calls.length
    t.equal(standings.of(session), 'unproven')
    t.equal(await standings.settle(session), 'ended')
    t.equal(calls.length, asked + 1)
    t.strictSame(ended, ['access_lost'])
  }
})

t.test('an account that the settings no longer allow ends at once', async (t) => {
  const stand = recheckStand({ allowedAccounts: [{ id: 1 }] })
  await stand.recheck.run(stand.live.of(sampleSession()))
  t.strictSame(stand.ended, ['access_lost'])
})

t.test('rule 94: an empty or odd list ends nobody, however often it comes', async (t) => {
  for (const odd of [
    { resources: [], isWhole: true },
    { resources: [ELSEWHERE], isWhole: false }
  ]) {
    const stand = recheckStand()
    const { clock, standings, live, ended, recheck } = stand
    const good = stand.answer
    const session = live.of(sampleSession())
    stand.answer = async () => ({ account: ACCOUNT, ...odd })
    clock.advance(15 * MINUTE)
    await recheck.run(session)
    for (let count = 0; count < 50; count += 1) {
      t.equal(standings.of(session), 'denied')
      clock.advance(MINUTE)
      t.equal(await standings.settle(session), 'denied')
    }
    t.strictSame(ended, [])
    // A list that can be believed has to come twice as well.
    stand.answer = async () => ({ account: ACCOUNT, resources: [ELSEWHERE] })
    clock.advance(MINUTE)
    t.equal(await standings.settle(session), 'denied')
    stand.answer = good
    clock.advance(MINUTE)
    t.equal(await standings.settle(session), 'good', 'and it is in again with the first good answer')
    t.equal(session.denial, null)
  }
})

t.test('a denial before the next re-check is due is confirmed soon, also for open streams', async (t) => {
  const stand = recheckStand()
  const { clock, standings, live, ended, recheck } = stand
  const session = live.of(sampleSession())
  stand.answer = async () => ({ account: ACCOUNT, resources: [ELSEWHERE] })
  await recheck.run(session)
  t.equal(standings.mayStream(session), true, 'one answer breaks no stream')
  clock.advance(5000)
  t.equal(standings.mayStream(session), true)
  t.equal(session.pending, true)
  await recheck.run(session)
  t.strictSame(ended, ['access_lost'])
  t.equal(standings.mayStream(session), false)
})

t.test(
  'rule 95: what is overdue by more than another USHER_RECHECK waits while plex.tv answers',
  async (t) => {
    const stand = recheckStand()
    const { clock, recheck, standings, live } = stand
    const good = stand.answer
    const session = live.of(sampleSession())
    clock.advance(30 * MINUTE)
    t.equal(standings.of(session), 'good', 'a re-check that is due runs in the background')
    clock.advance(1)
    t.equal(standings.of(session), 'unproven')
    t.equal(await standings.settle(session), 'good')
    t.equal(standings.of(session), 'good')

    stand.answer = () => Promise.reject(new Problem('USHER_UPSTREAM_UNREACHABLE'))
    clock.advance(20 * 60 * MINUTE)
    const [first, other] = [session, live.of(sampleSession())]
    t.equal(await standings.settle(first), 'good', 'an outage lets the last good answer hold')
    t.equal(first.stale, true)
    clock.advance(MINUTE - 1)
    t.equal(standings.of(other), 'good', 'for others too: they would wait in vain')
    clock.advance(1)
    t.equal(standings.of(other), 'unproven', 'but not for longer than a minute after the last failure')
    await recheck.run(first)
    t.equal(standings.of(other), 'good')
    stand.answer = good
    clock.advance(38_000)
    await recheck.run(first)
    t.equal(standings.of(other), 'unproven', 'plex.tv answers again, so the answer is waited for')
    stand.answer = () => Promise.reject(new Problem('USHER_SESSION_REVOKED'))
    t.equal(await standings.settle(other), 'ended')
  }
)

t.test('whoever waits for a plex.tv that hangs goes on as in any outage', async (t) => {
  const clock = createClock()
  const revocations = createRevocations({ now: clock.now })
  const live = createLiveSessions()
  const hang = () => new Promise<never>(() => undefined)
  const recheck = createRecheck({
    tellsAccounts: false,
    config: {
      access: 'server',
      allowedAccounts: [],
      requireTwoFactor: 'none',
      recheckMs: 15 * MINUTE,
      outageGraceMs: DAY
    },
    plexTv: { account: hang, resourceList: hang, ping: hang },
    budget: BOUNDLESS,
    roll: null,
    remembersEnds: false,
    machineId: () => MACHINE,
    hasEnded: () => false,
    end: () => t.fail('no session ends'),
    onOutage: () => undefined,
    waitMs: 20,
    now: clock.now
  })
  const standings = createStandings({ recheck, revocations, now: clock.now })
  const session = live.of(sampleSession())
  clock.advance(HOUR)
  const keepAlive = setInterval(() => undefined, 1000)
  t.equal(await standings.settle(session), 'good')
  clearInterval(keepAlive)
  t.match(session, { stale: true, pending: true })
  t.equal(standings.of(session), 'good', 'and the next request does not wait again')
})

t.test('an answer about another account is an outage, and gives nobody its access', async (t) => {
  const stand = recheckStand()
  const live = stand.live.of(sampleSession({ role: 'shared', serverToken: 'mine' }))
  stand.accounts.set('sample-account-token', 1)
  stand.answer = async () => ({ account: ACCOUNT, resources: [server({ accessToken: 'another’s' })] })
  await stand.recheck.run(live)
  t.match(live, { stale: true, session: { role: 'shared', serverToken: 'mine', checkedAt: NOW } })
  t.match(stand.outages, [{ code: 'USHER_UPSTREAM_INVALID' }])
  t.strictSame(stand.ended, [])
})

t.test('a session of before this start is unproven until its first check is over', async (t) => {
  const stand = recheckStand()
  const { clock, recheck, standings, live } = stand
  const good = stand.answer
  const [proven, failed] = [NOW - 1, NOW - 2].map((checkedAt) => live.of(sampleSession({ checkedAt })))
  if (proven === undefined || failed === undefined) throw new Error('no sessions')
  t.equal(standings.of(live.of(sampleSession())), 'good')
  t.equal(standings.of(proven), 'unproven')
  clock.advance(MINUTE)
  await recheck.run(proven)
  t.equal(standings.of(proven), 'good')
  stand.answer = () => Promise.reject(new Problem('USHER_UPSTREAM_UNREACHABLE'))
  await recheck.run(failed)
  t.match(failed, { stale: true })
  t.equal(standings.of(failed), 'good', 'an outage keeps nobody out')
  stand.answer = good
  await recheck.run(failed)
  t.equal(standings.of(failed), 'good')
})

t.test('while plex.tv asks to be left alone, whoever wants a check is kept without one', async (t) => {
  const stand = recheckStand()
  const { clock, recheck, standings, live, calls } = stand
  const good = stand.answer
  stand.answer = () => Promise.reject(new Problem('USHER_PLEX_LIMITED', { retryAfter: 120 }))
  await recheck.run(live.of(sampleSession()))
  stand.answer = good
  const next = live.of(sampleSession({ checkedAt: NOW - 1 }))
  await recheck.run(next)
  t.equal(calls.length, 1)
  t.match(next, { stale: true })
  t.equal(standings.of(next), 'good')
  clock.advance(120_000)
  await recheck.run(next)
  t.match(next, { stale: false, session: { checkedAt: NOW + 120_000 } })
})

t.test('while plex.tv hangs, sessions that wait are kept without asking one by one', async (t) => {
  const stand = recheckStand()
  const { recheck, live, calls } = stand
  const good = stand.answer
  const of = (account: number) => {
    stand.accounts.set(String(account), account)
    return live.of(
      sampleSession({ accountToken: String(account), account: { ...sampleSession().account, id: account } })
    )
  }
  const sessions = Array.from({ length: 50 }, (_, account) => of(account))
  stand.answer = () => Promise.reject(new Problem('USHER_UPSTREAM_TIMEOUT'))
  await Promise.all(sessions.map((session) => recheck.run(session)))
  t.equal(calls.length, 4)
  t.ok(sessions.every(({ stale, pending }) => stale && !pending))
  t.equal(stand.outages.length, 4)
  stand.answer = good
  await Promise.all(sessions.map((session) => recheck.run(session)))
  t.equal(calls.length, 54)
  t.ok(sessions.every(({ stale }) => !stale))
  stand.answer = () => Promise.reject(new Problem('USHER_UPSTREAM_INVALID'))
  await Promise.all(sessions.slice(0, 10).map((session) => recheck.run(session)))
  t.equal(calls.length, 64, 'an odd answer for one account says nothing of the others')
})

t.test(
  'an outage is retried with a pause and over with the first good answer; past the grace it is told',
  async (t) => {
    const stand = recheckStand()
    const { clock, recheck, standings, live, calls } = stand
    const session = live.of(sampleSession())
    const good = stand.answer
    stand.answer = () => Promise.reject(new Problem('USHER_UPSTREAM_UNREACHABLE'))
    clock.advance(15 * MINUTE)
    await recheck.run(session)
    recheck.touch(session)
    clock.advance(22_000)
    recheck.touch(session)
    t.equal(calls.length, 1, 'not before the pause is over')
    clock.advance(16_000)
    recheck.touch(session)
    await recheck.run(session)
    t.equal(calls.length, 2)
    t.equal(standings.of(session), 'good')
    clock.advance(DAY)
    t.equal(standings.of(session), 'unproven', 'plex.tv may be back by now')
    t.equal(await standings.settle(session), 'past-grace')
    const asked = calls.length
    t.equal(await standings.settle(session), 'past-grace')
    t.equal(calls.length, asked, 'a failure serves for some seconds: not every request waits')
    clock.advance(5000)
    stand.answer = good
    t.equal(await standings.settle(session), 'good')
    t.equal(session.stale, false)
    t.equal(calls.at(-1), 'ping sample-account-token', 'a token checked more than a day ago is kept alive')
  }
)

t.test('a token in daily use is pinged once a day, and so is the one that opens its Home', async (t) => {
  const stand = recheckStand()
  const { clock, recheck, live, calls } = stand
  const opener = { accountId: 7, uuid: 'u', token: 'sample-admin-token', clientIdentifier: 'c' }
  const kept = live.of(sampleSession({ homeAdmin: opener }))
  const pings = () => calls.filter((call) => call.startsWith('ping'))
  for (let quarter = 0; quarter < 4 * 24; quarter += 1) {
    await recheck.run(kept)
    clock.advance(15 * MINUTE)
  }
  t.strictSame(pings(), [], 'a fresh token needs none')
  const both = ['ping sample-account-token', 'ping sample-admin-token']
  stand.pong = () => Promise.reject(new Problem('USHER_UPSTREAM_INVALID'))
  await recheck.run(kept)
  t.strictSame(pings(), both)
  t.match(kept, { stale: false, session: { checkedAt: clock.now() } }, 'a failed ping is no failed check')
  stand.pong = () => Promise.reject(new Problem('USHER_SESSION_REVOKED'))
  await recheck.run(kept)
  t.strictSame(stand.ended, [], 'nor does it end what was good a moment ago')
  stand.pong = async () => undefined
  await recheck.run(kept)
  t.equal(pings().length, 6, 'until it succeeds')
  for (let quarter = 0; quarter < 4 * 24 - 1; quarter += 1) {
    clock.advance(15 * MINUTE)
    await recheck.run(kept)
  }
  t.equal(pings().length, 6)
  clock.advance(15 * MINUTE)
  await recheck.run(kept)
  t.equal(pings().length, 8, 'a day later again')
})

t.test(
  'rule 20: a session that was ended meanwhile is not asked about, and does not end again',
  async (t) => {
    const stand = recheckStand()
    const { recheck, live, calls, revocations } = stand
    const gone = live.of(sampleSession())
    revocations.revoke({ kind: 'session', id: gone.session.id, until: NOW + DAY })
    await recheck.run(gone)
    t.strictSame(calls, [])
    for (const outcome of [
      () => Promise.reject(new Problem('USHER_SESSION_REVOKED')),
      async () => ({ account: ACCOUNT, resources: [] })
    ]) {
      const leaving = live.of(sampleSession())
      stand.answer = () => {
        // The logout signed the token out, which is what plex.tv then says.
        revocations.revoke({ kind: 'session', id: leaving.session.id, until: NOW + DAY })
        return outcome()
      }
      await recheck.run(leaving)
      t.strictSame(stand.ended, [])
    }
  }
)

t.test('a limit of plex.tv pauses the re-checks of everybody, for as long as it says', async (t) => {
  const stand = recheckStand()
  const { clock, recheck, live, calls } = stand
  const [one, two] = [live.of(sampleSession()), live.of(sampleSession())]
  const good = stand.answer
  stand.answer = () => Promise.reject(new Problem('USHER_PLEX_LIMITED', { retryAfter: 120 }))
  clock.advance(15 * MINUTE)
  await recheck.run(one)
  stand.answer = good
  recheck.touch(two)
  clock.advance(119_000)
  for (const session of [one, two]) {
    recheck.touch(session)
    t.equal(session.pending, false)
  }
  t.equal(calls.length, 1)
  clock.advance(1000)
  recheck.touch(two)
  t.equal(two.pending, true)
  await recheck.run(two)
})

t.test('a clock that was set back keeps nobody from being checked', async (t) => {
  const stand = recheckStand()
  const { clock, recheck, live, calls } = stand
  const session = live.of(sampleSession())
  clock.advance(DAY)
  await recheck.run(session)
  stand.answer = () => Promise.reject(new Problem('USHER_UPSTREAM_UNREACHABLE'))
  await recheck.run(session)
  clock.advance(-DAY)
  recheck.touch(session)
  t.equal(session.pending, true)
  await recheck.run(session)
  t.equal(calls.filter((call) => !call.startsWith('ping')).length, 3)
  const [started, other] = [recheckStand(), sampleSession({ checkedAt: NOW - 1 })]
  started.clock.advance(-DAY)
  const seen = started.live.of(other)
  await started.recheck.run(seen)
  started.recheck.touch(seen)
  t.equal(seen.pending, false, 'and nobody is checked on and on')
})

t.test(
  'a re-check takes over the role and the server token of now, and keeps the chosen connection',
  async (t) => {
    const uri = 'https://chosen.example:32400'
    const stand = recheckStand({}, null)
    const live = stand.live.of(sampleSession({ server: { name: 'Old', machineIdentifier: MACHINE, uri } }))
    stand.answer = async () => ({
      account: ACCOUNT,
      resources: [server({ owned: false, accessToken: 'new', name: 'New' })]
    })
    await stand.recheck.run(live)
    t.match(live.session, { role: 'shared', serverToken: 'new', server: { name: 'New', uri } })
  }
)

t.test(
  'a re-check is due for what is old, or of before this start, and never for the owner token',
  async (t) => {
    const { clock, recheck, live } = recheckStand()
    t.equal(recheck.isDue(live.of(sampleSession())), false)
    t.equal(recheck.isDue(live.of(sampleSession({ checkedAt: NOW - 1 }))), true, 'of before this start')
    t.equal(recheck.isDue(live.of(sampleSession({ checkedAt: NEVER_CHECKED }))), false)
    t.equal(
      recheck.isDue(live.of(sampleSession({ checkedAt: NOW + 2 * MINUTE }))),
      true,
      'of a clock that was ahead'
    )
    t.equal(
      recheck.isDue(live.of(sampleSession({ checkedAt: NOW + MINUTE }))),
      false,
      'clocks may differ a little'
    )
    const session = live.of(sampleSession())
    clock.advance(15 * MINUTE)
    t.equal(recheck.isDue(session), true)
  }
)

t.test('an odd list is asked for again after seconds, and then with a pause', async (t) => {
  const stand = recheckStand()
  const { clock, recheck, live, standings } = stand
  const session = live.of(sampleSession())
  stand.answer = async () => ({ account: ACCOUNT, resources: [] })
  const isAskedAfter = async (ms: number) => {
    await recheck.run(session)
    clock.advance(ms)
    return standings.of(session) === 'unproven'
  }
  t.equal(await isAskedAfter(4999), false)
  clock.advance(1)
  t.equal(standings.of(session), 'unproven', 'five seconds after the first')
  t.equal(await isAskedAfter(22_000), false, 'half a minute after another, more or less')
  t.equal(await isAskedAfter(38_000), true)
  // One that can be believed is confirmed soon again.
  stand.answer = async () => ({ account: ACCOUNT, resources: [ELSEWHERE] })
  t.equal(await isAskedAfter(5000), true)
  stand.answer = async () => ({ account: ACCOUNT, resources: [] })
  t.equal(await isAskedAfter(22_000), false)
  t.strictSame(stand.ended, [])
})

t.test('a denial before the clock was set back is confirmed from its new time on', async (t) => {
  const stand = recheckStand()
  const { clock, recheck, live, ended } = stand
  const session = live.of(sampleSession())
  stand.answer = async () => ({ account: ACCOUNT, resources: [ELSEWHERE] })
  await recheck.run(session)
  clock.advance(-DAY)
  await recheck.run(session)
  t.strictSame(ended, [])
  clock.advance(5000)
  await recheck.run(session)
  t.strictSame(ended, ['access_lost'])
})

t.test('a check counts its two calls against what may be asked of plex.tv', async (t) => {
  const spent: number[] = []
  const stand = recheckStand({}, MACHINE, { ...BOUNDLESS, spend: (calls) => void spent.push(calls) })
  stand.clock.advance(HOUR)
  await stand.recheck.run(stand.live.of(sampleSession()))
  t.strictSame(spent, [2])
})

t.test('a session that has no server yet loses none', async (t) => {
  const stand = recheckStand({ access: 'anyone' }, null)
  const session = stand.live.of(sampleSession({ server: null, serverToken: null, role: 'none' }))
  stand.answer = async () => ({ account: ACCOUNT, resources: [ELSEWHERE] })
  await stand.recheck.run(session)
  t.match(session, { denial: null, stale: false, session: { role: 'none', server: null } })
})

t.test('a clock that was set back ends a pause and an outage alike', async (t) => {
  for (const code of ['USHER_PLEX_LIMITED', 'USHER_UPSTREAM_TIMEOUT'] as const) {
    const stand = recheckStand()
    const { clock, recheck, live, standings } = stand
    const [one, other] = [live.of(sampleSession()), live.of(sampleSession())]
    clock.advance(DAY / 2)
    stand.answer = () => Promise.reject(new Problem(code, { retryAfter: 3600 }))
    await recheck.run(one)
    t.equal(standings.of(other), 'good', 'plex.tv is away')
    clock.advance(-DAY / 4)
    t.equal(standings.of(other), 'unproven', code)
  }
})

t.test('plex.tv is believed to want a pause of an hour at most', async (t) => {
  const stand = recheckStand()
  const { clock, recheck, live } = stand
  const [one, other] = [live.of(sampleSession()), live.of(sampleSession())]
  clock.advance(15 * MINUTE)
  stand.answer = () => Promise.reject(new Problem('USHER_PLEX_LIMITED', { retryAfter: 90_000 }))
  await recheck.run(one)
  clock.advance(HOUR - 1)
  t.equal(recheck.isDue(other), false)
  clock.advance(1)
  t.equal(recheck.isDue(other), true)
})

t.test('a limit of plex.tv lets the last good answer of everybody hold', async (t) => {
  const stand = recheckStand()
  const { clock, recheck, live, standings } = stand
  const [one, other] = [live.of(sampleSession()), live.of(sampleSession())]
  clock.advance(HOUR)
  stand.answer = () => Promise.reject(new Problem('USHER_PLEX_LIMITED'))
  await recheck.run(one)
  t.equal(standings.of(other), 'good')
})

t.test('without the owner’s lists there is nothing to apply, and what is due is queued', async (t) => {
  const stand = recheckStand()
  const { clock, recheck, live } = stand
  const session = live.of(sampleSession())
  recheck.apply(session)
  t.match(session, { pending: false, session: { checkedAt: NOW } })
  clock.advance(15 * MINUTE)
  recheck.apply(session)
  t.equal(session.pending, true)
  await recheck.run(session)
  t.match(session, { stale: false, session: { checkedAt: clock.now() } })
})
