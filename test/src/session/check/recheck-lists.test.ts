import { setImmediate as tick } from 'node:timers/promises'
import t from 'tap'
import { CLOCK_SKEW_MS } from '../../../../src/domain/clock.ts'
import { Problem } from '../../../../src/domain/problems.ts'
import type { Account } from '../../../../src/plex/account.ts'
import type { SharedUser } from '../../../../src/plex/shared-user.ts'
import { CONFIRM_MS, createRecheck, type RecheckOptions } from '../../../../src/session/check/recheck.ts'
import { createRoll } from '../../../../src/session/check/roll.ts'
import { createLiveSessions, type LiveSession } from '../../../../src/session/live/live-sessions.ts'
import { createRevocations } from '../../../../src/session/live/revocation.ts'
import { NEVER_CHECKED, type Session } from '../../../../src/session/session.ts'
import { createStandings } from '../../../../src/session/standing.ts'
import { createClock, DAY, HOUR, MINUTE, NOW, sampleSession } from '../sample.ts'
import { ACCOUNT, BOUNDLESS, MACHINE, RULES, server } from './resource-sample.ts'

const OWNER_TOKEN = 'owner-token'
const RECHECK_MS = 15 * MINUTE
/** Somebody who keeps access throughout, because an empty list is not believed. */
const SOMEBODY = 999

interface StandOptions {
  readonly config?: Partial<RecheckOptions['config']>
  readonly remembersEnds?: boolean
  readonly tellsAccounts?: boolean
}

/** One re-check and the owner's lists, without rounds: each test moves the clock and reads the lists itself. */
function listStand({ config = {}, remembersEnds = false, tellsAccounts = false }: StandOptions = {}) {
  const clock = createClock()
  const revocations = createRevocations({ now: clock.now })
  const live = createLiveSessions()
  const calls: string[] = []
  const ended: string[] = []
  const outages: unknown[] = []
  const stand = {
    people: [100] as number[],
    /** What the account's document says beside its id. */
    document: {} as Partial<Account>,
    /** Called with each call, before it is answered. */
    meanwhile: async (_call: string): Promise<void> => undefined
  }
  const idOf = (token: string) => (token === OWNER_TOKEN ? 1 : Number(/\d+/.exec(token)?.[0]))
  async function asked<T>(call: string, answer: () => T): Promise<T> {
    calls.push(call)
    await stand.meanwhile(call)
    return answer()
  }
  const plexTv: RecheckOptions['plexTv'] & Parameters<typeof createRoll>[0]['plexTv'] = {
    account: (token) => asked(`account ${token}`, () => ({ ...ACCOUNT, id: idOf(token), ...stand.document })),
    resourceList: (token) =>
      asked(`resources ${token}`, () => ({
        resources: [server({ owned: token === OWNER_TOKEN })],
        isWhole: true
      })),
    ping: (token) => asked(`ping ${token}`, () => undefined),
    sharedUserList: () =>
      asked('users', () => ({ users: [...stand.people, SOMEBODY].map(person), isWhole: true })),
    homeUserList: () => asked('home', () => ({ users: [], isWhole: true }))
  }
  const roll = createRoll({
    plexTv,
    owner: { token: OWNER_TOKEN, clientIdentifier: 'owner' },
    machineId: () => MACHINE,
    budget: BOUNDLESS,
    accountsHere: () => [...live.all()].map(({ session }) => session.account.id),
    onChange: () => undefined,
    onDoubt: () => undefined,
    recheckMs: RECHECK_MS,
    now: clock.now
  })
  const recheck = createRecheck({
    tellsAccounts,
    config: {
      ...RULES,
      recheckMs: RECHECK_MS,
      outageGraceMs: DAY,
      ...config
    },
    plexTv,
    budget: BOUNDLESS,
    roll,
    remembersEnds,
    machineId: () => MACHINE,
    hasEnded: (session) => revocations.isRevoked(session),
    end(session, reason) {
      revocations.revoke({ kind: 'session', id: session.id, until: session.expiresAt })
      ended.push(`${session.account.id} ${reason}`)
    },
    onOutage: (error) => void outages.push(error),
    waitMs: 10_000,
    now: clock.now
  })
  return Object.assign(stand, {
    clock,
    roll,
    recheck,
    calls,
    ended,
    outages,
    standings: createStandings({ recheck, revocations, now: clock.now }),
    /** A session that was just signed in, unless `changes` say otherwise. */
    signedIn: (accountId: number, changes: Partial<Session> = {}): LiveSession =>
      live.of(
        sampleSession({
          accountToken: `token-${accountId}`,
          account: { ...sampleSession().account, id: accountId },
          role: 'shared',
          signedInAt: clock.now(),
          checkedAt: clock.now(),
          ...changes
        })
      ),
    revoke: ({ session }: LiveSession) =>
      revocations.revoke({ kind: 'session', id: session.id, until: session.expiresAt }),
    /** New lists, and no trace of the calls that they took. */
    async readLists(): Promise<void> {
      await roll.refresh()
      calls.length = 0
    }
  })
}

function person(id: number): SharedUser {
  return { id, username: `user${id}`, title: `User ${id}`, home: false, servers: [MACHINE] }
}

/** Fails a call whose name begins so, as if plex.tv were away. */
function awayFor(start: string): (call: string) => Promise<void> {
  return async (call) => {
    if (call.startsWith(start)) throw new Problem('USHER_UPSTREAM_UNREACHABLE')
  }
}

/** A session whose account the lists have left a minute after the sign-in. */
async function denied(stand: ReturnType<typeof listStand>): Promise<LiveSession> {
  const live = stand.signedIn(100)
  stand.people = []
  stand.clock.advance(MINUTE)
  await stand.readLists()
  stand.recheck.apply(live)
  return live
}

t.test('new lists settle a session that is due, without a call', async (t) => {
  const stand = listStand()
  const { clock, recheck, calls } = stand
  const live = stand.signedIn(100)
  live.askedAt = NOW + HOUR
  clock.advance(10 * MINUTE)
  await stand.readLists()
  clock.advance(5 * MINUTE - 1)
  recheck.touch(live)
  t.equal(live.session.checkedAt, NOW, 'not before it is due')
  clock.advance(1)
  recheck.touch(live)
  t.match(live, { pending: false, denial: null, session: { checkedAt: NOW + 10 * MINUTE, role: 'shared' } })
  t.strictSame(calls, [])
})

t.test('lists as old as the interval settle nothing', async (t) => {
  const stand = listStand()
  const { clock, recheck, calls } = stand
  const live = stand.signedIn(100)
  await stand.readLists()
  clock.advance(RECHECK_MS)
  live.askedAt = clock.now()
  await recheck.run(live)
  t.strictSame(calls, ['users', 'home'], 'and a token that was asked lately is not pinged')
  t.equal(live.session.checkedAt, clock.now())
})

t.test('a session that is not due waits for nothing', async (t) => {
  const stand = listStand()
  const live = stand.signedIn(100)
  await stand.readLists()
  const { session } = live
  await stand.recheck.run(live)
  t.strictSame(stand.calls, [])
  t.equal(live.session, session, 'and is the same, because the lists say nothing new')
})

t.test('a session whose token is due is settled by the lists, and its token is pinged', async (t) => {
  const stand = listStand()
  const { clock, recheck, calls } = stand
  const live = stand.signedIn(100)
  clock.advance(RECHECK_MS)
  await stand.readLists()
  recheck.touch(live)
  t.equal(live.pending, true)
  await recheck.run(live)
  t.strictSame(calls, ['ping token-100'])
  t.match(live, { stale: false, askedAt: clock.now(), session: { checkedAt: clock.now() } })
})

t.test('rule 20: new lists change nothing of a session that ended', async (t) => {
  const stand = listStand({ remembersEnds: true })
  const { clock, recheck, calls, ended } = stand
  const live = stand.signedIn(100)
  const { session } = live
  stand.people = []
  clock.advance(RECHECK_MS)
  await stand.readLists()
  stand.revoke(live)
  recheck.touch(live)
  t.equal(live.pending, false, 'none is queued')
  await recheck.run(live)
  recheck.apply(live)
  t.match(live, { pending: false, denial: null })
  t.equal(live.session, session)
  t.strictSame([calls, ended], [[], []])
})

t.test('rule 20: a session that ends while the lists are read is asked nothing more', async (t) => {
  for (const people of [[], [100]]) {
    const stand = listStand()
    const { clock, recheck, calls, ended } = stand
    const live = stand.signedIn(100)
    stand.people = people
    clock.advance(RECHECK_MS)
    stand.meanwhile = async (call) => {
      if (call === 'users') stand.revoke(live)
    }
    await recheck.run(live)
    t.ok(calls.includes('users'))
    t.notOk(calls.includes('ping token-100'))
    t.match(live, { denial: null, session: { checkedAt: NOW } })
    t.strictSame(ended, [])
  }
})

t.test('a session of a clock that was ahead takes the time of the lists', async (t) => {
  const stand = listStand()
  const { recheck, calls } = stand
  const [ahead, near] = [
    stand.signedIn(100, { checkedAt: NOW + CLOCK_SKEW_MS + 1 }),
    stand.signedIn(100, { checkedAt: NOW + CLOCK_SKEW_MS })
  ]
  await stand.readLists()
  recheck.touch(ahead)
  t.match(ahead, { pending: false, session: { checkedAt: NOW } })
  await recheck.run(near)
  t.equal(near.session.checkedAt, NOW + CLOCK_SKEW_MS, 'clocks may differ a little')
  t.strictSame(calls, [])
})

t.test('a session of before this start is asked for by its own token, whatever new lists say', async (t) => {
  for (const remembersEnds of [false, true]) {
    const stand = listStand({ remembersEnds })
    const { recheck, calls } = stand
    const live = stand.signedIn(100, { checkedAt: NOW - 1 })
    live.stale = true
    await stand.readLists()
    recheck.apply(live)
    t.equal(live.pending, !remembersEnds)
    await recheck.run(live)
    t.strictSame(calls, remembersEnds ? [] : ['ping token-100'])
    t.match(live, { stale: false, session: { checkedAt: NOW } })
  }
})

t.test('new lists do not answer a session that waits to ask for itself', async (t) => {
  const stand = listStand()
  const { recheck, calls, clock } = stand
  const [first, second] = [stand.signedIn(100), stand.signedIn(100, { accountToken: 'other-100' })]
  await stand.readLists()
  const gate = Promise.withResolvers<void>()
  stand.meanwhile = (call) => (call === 'account token-100' ? gate.promise : Promise.resolve())
  const asked = recheck.ask(first)
  // The account has a check in progress, so that this one waits for its turn.
  const waits = recheck.ask(second)
  stand.people = []
  clock.advance(1000)
  await stand.roll.refresh()
  calls.length = 0
  recheck.apply(second)
  t.equal(second.denial, null)
  let isOver = false
  const joined = recheck.run(second).then(() => {
    isOver = true
  })
  await tick()
  t.equal(isOver, false, 'nor a request that waits for it')
  gate.resolve()
  await Promise.all([asked, waits, joined])
  t.strictSame(calls, ['account other-100', 'resources other-100'])
  t.match(second, { denial: null, asksItself: false, session: { checkedAt: clock.now() } })
})

t.test('whom no list speaks of is asked for by their own token', async (t) => {
  const stand = listStand()
  const { clock, recheck, calls } = stand
  const others = [stand.signedIn(200), stand.signedIn(201)]
  const live = stand.signedIn(100)
  t.equal(others.length, 2)
  // Two people at once are too many to believe.
  stand.people = []
  clock.advance(RECHECK_MS)
  await stand.readLists()
  recheck.apply(live)
  t.match(live, { pending: true, denial: null })
  await recheck.run(live)
  t.strictSame(calls, ['account token-100', 'resources token-100'])
  t.match(live, { stale: false, session: { checkedAt: clock.now() } })
})

t.test('before the first lists a session is neither settled nor denied by them', async (t) => {
  const stand = listStand()
  const live = stand.signedIn(100)
  live.stale = true
  stand.recheck.apply(live)
  t.match(live, { pending: false, stale: true, denial: null, session: { checkedAt: NOW } })
  t.strictSame(stand.calls, [])
})

t.test('applied lists end a failure of the last check', async (t) => {
  const stand = listStand()
  const { clock, recheck } = stand
  const live = stand.signedIn(100)
  live.stale = true
  clock.advance(1000)
  await stand.readLists()
  recheck.apply(live)
  t.match(live, { stale: false, pending: false, session: { checkedAt: NOW + 1000 } })
})

t.test('lists are not applied to a session that no sign-in started', async (t) => {
  const stand = listStand()
  const live = stand.signedIn(100, { checkedAt: NEVER_CHECKED })
  live.stale = true
  stand.people = []
  await stand.readLists()
  stand.recheck.apply(live)
  t.match(live, { stale: true, denial: null, pending: false, session: { checkedAt: NEVER_CHECKED } })
})

t.test('rule 94: lists that deny access are read once more, and then end the session', async (t) => {
  const stand = listStand()
  const { clock, recheck, calls, ended } = stand
  const live = await denied(stand)
  t.match(live, { denial: { saidAt: NOW + MINUTE }, pending: false })
  recheck.apply(live)
  t.match(live, { denial: { saidAt: NOW + MINUTE } }, 'the same lists say nothing more')
  clock.advance(CONFIRM_MS - 1)
  recheck.touch(live)
  t.equal(live.pending, false)
  await recheck.run(live)
  t.strictSame(calls.splice(0), ['users', 'home'], 'sooner only if somebody asks for it')
  t.strictSame(ended, [], 'and one mistake may be told twice at once')
  clock.advance(1)
  await recheck.run(live)
  t.strictSame(calls, ['users', 'home'], 'by the lists alone')
  t.strictSame(ended, ['100 access_lost'])
})

t.test(
  'rule 94: lists that were read in between are not read again, once they are late enough',
  async (t) => {
    for (const [ms, expected] of [
      [CONFIRM_MS - 1, ['users', 'home']],
      [CONFIRM_MS, []]
    ] as const) {
      const stand = listStand()
      const { clock, recheck, calls, ended } = stand
      const live = await denied(stand)
      clock.advance(ms)
      await stand.readLists()
      clock.advance(MINUTE)
      recheck.touch(live)
      t.equal(live.pending, true, 'a denial is left to a check, which reads them')
      await recheck.run(live)
      t.strictSame(calls, expected)
      t.strictSame(ended, ['100 access_lost'])
    }
  }
)

t.test('a denial that the lists no longer speak of is confirmed by the own token alone', async (t) => {
  const stand = listStand()
  const { clock, recheck, calls, ended } = stand
  const live = stand.signedIn(100)
  stand.people = []
  await stand.readLists()
  recheck.apply(live)
  t.not(live.denial, null)
  clock.advance(1000)
  // Two more are missing, so that the list is doubted.
  t.ok(stand.signedIn(200) && stand.signedIn(201))
  await stand.readLists()
  clock.advance(CONFIRM_MS)
  await recheck.run(live)
  t.strictSame(calls, ['account token-100', 'resources token-100'])
  t.match(live, { denial: null, session: { checkedAt: clock.now() } })
  t.strictSame(ended, [])
})

t.test('a denial is lifted by a check, not by the sight of new lists', async (t) => {
  const stand = listStand()
  const { clock, recheck, standings } = stand
  const live = await denied(stand)
  stand.people = [100]
  clock.advance(CONFIRM_MS)
  await stand.readLists()
  recheck.touch(live)
  t.equal(live.pending, true)
  await recheck.run(live)
  t.match(live, { denial: null, session: { checkedAt: clock.now() } })
  t.equal(standings.of(live), 'good')
})

t.test('rule 94: a withdrawn share is lost access where anyone may sign in, too', async (t) => {
  const stand = listStand({ config: { access: 'anyone' } })
  const { clock, recheck, ended } = stand
  const live = await denied(stand)
  t.match(live, { denial: { saidAt: NOW + MINUTE }, session: { role: 'shared', checkedAt: NOW } })
  clock.advance(CONFIRM_MS)
  await recheck.run(live)
  t.strictSame(ended, ['100 access_lost'])
})

t.test('while the owner’s token is dead, a check asks the session’s own alone', async (t) => {
  const stand = listStand()
  const { clock, recheck, calls, roll } = stand
  const live = stand.signedIn(100)
  stand.meanwhile = async (call) => {
    if (call.includes(OWNER_TOKEN)) throw new Problem('USHER_SESSION_REVOKED')
  }
  await stand.readLists()
  t.equal(roll.isUsable, false)
  clock.advance(RECHECK_MS)
  await recheck.run(live)
  t.strictSame(calls, ['account token-100', 'resources token-100'])
  t.match(live, { stale: false, session: { checkedAt: clock.now() } })
})

t.test('a person who is denied costs no ping', async (t) => {
  const stand = listStand()
  const { clock, recheck, calls, standings } = stand
  const live = stand.signedIn(100)
  stand.people = []
  clock.advance(RECHECK_MS)
  await recheck.run(live)
  t.equal(standings.of(live), 'denied')
  t.notOk(calls.includes('ping token-100'))
})

t.test('plex.tv is away until the lists or a ping is answered', async (t) => {
  for (const answered of ['lists', 'ping'] as const) {
    const stand = listStand()
    const { clock, recheck, standings } = stand
    const [live, other, failing] = [stand.signedIn(100), stand.signedIn(100), stand.signedIn(200)]
    stand.people = [100, 200]
    await stand.readLists()
    clock.advance(2 * RECHECK_MS + 1)
    const isWaitedFor = () => standings.of(other) === 'unproven'
    t.equal(isWaitedFor(), true)
    const gate = Promise.withResolvers<void>()
    let isHeld = answered === 'ping'
    if (answered === 'lists') {
      stand.meanwhile = awayFor('users')
      await recheck.run(failing)
      t.match(failing, { stale: true })
      t.equal(isWaitedFor(), false, 'nobody waits for it')
      stand.meanwhile = async () => undefined
      live.askedAt = clock.now() + MINUTE
      clock.advance(MINUTE - 1)
      await recheck.run(live)
    } else {
      stand.meanwhile = async (call) => {
        if (call === 'ping token-100' && isHeld) await gate.promise
        if (call === 'ping token-200') throw new Problem('USHER_UPSTREAM_UNREACHABLE')
      }
      const asked = recheck.run(live)
      await recheck.run(failing)
      t.equal(isWaitedFor(), false, 'nobody waits for it')
      isHeld = false
      gate.resolve()
      await asked
    }
    t.match(live, { stale: false })
    t.equal(isWaitedFor(), true, answered)
  }
})

t.test('lists that cannot be read keep the session, stale', async (t) => {
  const stand = listStand()
  const { clock, recheck, outages } = stand
  const live = stand.signedIn(100)
  clock.advance(RECHECK_MS)
  stand.meanwhile = awayFor('users')
  await recheck.run(live)
  t.match(live, { stale: true, denial: null, session: { checkedAt: NOW } })
  t.match(outages, [{ code: 'USHER_UPSTREAM_UNREACHABLE' }])
})

t.test(
  'a second factor that is off denies, and the own token is asked until it says otherwise',
  async (t) => {
    const stand = listStand({ config: { requireTwoFactor: 'all' } })
    const { clock, recheck, calls, standings, ended } = stand
    const live = stand.signedIn(100)
    clock.advance(RECHECK_MS)
    await stand.readLists()
    await recheck.run(live)
    t.strictSame(calls, ['account token-100'])
    t.match(live, { asksItself: true, denial: { saidAt: clock.now() } })
    t.equal(standings.of(live), 'denied')
    recheck.apply(live)
    t.not(live.denial, null, 'the lists do not know of it')
    stand.document = { twoFactorEnabled: true }
    clock.advance(CONFIRM_MS)
    await recheck.run(live)
    t.strictSame(calls.slice(1), ['account token-100', 'resources token-100'])
    t.match(live, { asksItself: false, denial: null })
    t.strictSame(ended, [])
  }
)

t.test('a second factor that only owners must have is not asked of others', async (t) => {
  for (const [id, role, expected] of [
    [1, 'owner', 'denied'],
    [100, 'shared', 'good']
  ] as const) {
    const stand = listStand({ config: { requireTwoFactor: 'owner' } })
    const { clock, recheck, standings } = stand
    const live = stand.signedIn(id, { role })
    clock.advance(RECHECK_MS)
    await stand.readLists()
    await recheck.run(live)
    t.equal(standings.of(live), expected, role)
  }
})

t.test('an account that the settings no longer allow ends with its next ping', async (t) => {
  const stand = listStand({ config: { allowedAccounts: [{ username: 'before' }] } })
  const { clock, recheck, ended } = stand
  const live = stand.signedIn(100)
  stand.document = { username: 'renamed' }
  clock.advance(RECHECK_MS)
  await recheck.run(live)
  t.strictSame(ended, ['100 access_lost'])
  t.equal(live.session.account.username, 'renamed')
})

t.test('a ping that reads the account of somebody else is an outage, and changes nothing', async (t) => {
  const stand = listStand({ tellsAccounts: true })
  const { clock, recheck, outages } = stand
  const live = stand.signedIn(100)
  const { account } = live.session
  stand.document = { id: 101, title: 'Another' }
  clock.advance(RECHECK_MS)
  await stand.readLists()
  await recheck.run(live)
  t.match(live, { stale: true, session: { account } })
  t.match(outages, [{ code: 'USHER_UPSTREAM_INVALID' }])
})
