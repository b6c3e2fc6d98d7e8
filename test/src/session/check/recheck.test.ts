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
import { createClock, DAY, MINUTE, NOW, sampleSession } from '../sample.ts'

import { ACCOUNT, MACHINE, server } from './resource-sample.ts'

interface RecheckStand {
  readonly clock: ReturnType<typeof createClock>
  readonly recheck: Recheck
  readonly live: LiveSessions
  readonly revocations: Revocations
  readonly calls: string[]
  readonly ended: string[]
  readonly outages: unknown[]
  /** Accounts by token, where it is not the usual one. */
  readonly accounts: Map<string, number>
  answer: () => Promise<{ account: Account; resources: readonly Resource[] }>
  pong: () => Promise<void>
}

function recheckStand(
  config: Partial<RecheckOptions['config']> = {},
  machineId: string | null = MACHINE
): RecheckStand {
  const clock = createClock()
  const revocations = createRevocations({ now: clock.now })
  const live = createLiveSessions({ revocations, now: clock.now })
  t.teardown(() => live.close())
  const result: Omit<RecheckStand, 'recheck'> & { recheck?: Recheck } = {
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
      resources: async () => (await result.answer()).resources,
      async ping(token) {
        result.calls.push(`ping ${token}`)
        await result.pong()
      }
    },
    machineId: () => machineId,
    hasEnded: (session) => revocations.isRevoked(session),
    onEnd: (_session, reason) => result.ended.push(reason),
    onOutage: (error) => result.outages.push(error),
    waitMs: 10_000,
    now: clock.now
  })
  return Object.assign(result, { recheck })
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
    const { promise, resolve } = Promise.withResolvers<{ account: Account; resources: readonly Resource[] }>()
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

t.test(
  'rule 23: only a dead token or lost access ends a session; an outage of any kind keeps it, stale',
  async (t) => {
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
    const lost = recheckStand()
    lost.answer = async () => ({ account: ACCOUNT, resources: [] })
    await lost.recheck.run(lost.live.of(sampleSession()))
    t.strictSame(lost.ended, ['access_lost'])
    const policy = recheckStand({ requireTwoFactor: 'all' })
    await policy.recheck.run(policy.live.of(sampleSession()))
    t.strictSame(policy.ended, ['access_lost'])
  }
)

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
  const { clock, recheck, live } = stand
  const good = stand.answer
  const [proven, failed] = [NOW - 1, NOW - 2].map((checkedAt) => live.of(sampleSession({ checkedAt })))
  if (proven === undefined || failed === undefined) throw new Error('no sessions')
  t.equal(recheck.isUnproven(live.of(sampleSession())), false)
  t.equal(recheck.isUnproven(proven), true)
  clock.advance(MINUTE)
  await recheck.run(proven)
  t.equal(recheck.isUnproven(proven), false)
  stand.answer = () => Promise.reject(new Problem('USHER_UPSTREAM_UNREACHABLE'))
  await recheck.run(failed)
  t.match(failed, { stale: true })
  t.equal(recheck.isUnproven(failed), false, 'an outage keeps nobody out')
  t.equal(recheck.hasJustFailed(failed), true)
  clock.advance(38_000)
  t.equal(recheck.hasJustFailed(failed), false, 'for as long as the pause')
  await recheck.run(failed)
  stand.answer = good
  await recheck.run(failed)
  t.equal(recheck.hasJustFailed(failed), false)
})

t.test('while plex.tv asks to be left alone, whoever wants a check is kept without one', async (t) => {
  const stand = recheckStand()
  const { clock, recheck, live, calls } = stand
  const good = stand.answer
  stand.answer = () => Promise.reject(new Problem('USHER_PLEX_LIMITED', { retryAfter: 120 }))
  await recheck.run(live.of(sampleSession()))
  stand.answer = good
  const next = live.of(sampleSession({ checkedAt: NOW - 1 }))
  await recheck.run(next)
  t.equal(calls.length, 1)
  t.match(next, { stale: true })
  t.equal(recheck.isUnproven(next), false)
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
    const { clock, recheck, live, calls } = stand
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
    t.equal(recheck.isPastGrace(session), false)
    clock.advance(DAY)
    t.equal(recheck.isPastGrace(session), true)
    stand.answer = good
    await recheck.run(session)
    t.equal(recheck.isPastGrace(session), false)
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
