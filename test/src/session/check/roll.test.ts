import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { Problem } from '../../../../src/domain/problems.ts'
import type { HomeUser } from '../../../../src/plex/home-user.ts'
import type { SharedUser } from '../../../../src/plex/shared-user.ts'
import { createCallBudget } from '../../../../src/session/check/call-budget.ts'
import { createRecheck, type RecheckOptions } from '../../../../src/session/check/recheck.ts'
import { createRoll } from '../../../../src/session/check/roll.ts'
import { createRounds } from '../../../../src/session/check/rounds.ts'
import { createLiveSessions, type LiveSession } from '../../../../src/session/live/live-sessions.ts'
import { createRevocations } from '../../../../src/session/live/revocation.ts'
import { createStandings } from '../../../../src/session/standing.ts'
import { DAY, HOUR, MINUTE, NOW, sampleSession } from '../sample.ts'
import { ACCOUNT, MACHINE, RULES, server } from './resource-sample.ts'

const OWNER_ID = 1
const OWNER_TOKEN = 'sample-owner-token'
const RECHECK_MS = 15 * MINUTE
/** Turns of the event loop that a check may take. */
const TURNS = 12

interface People {
  shared: SharedUser[]
  home: HomeUser[]
  isWhole: boolean
}

interface RollStand {
  readonly people: People
  readonly live: ReturnType<typeof createLiveSessions>
  readonly standings: ReturnType<typeof createStandings>
  readonly calls: string[]
  readonly ended: string[]
  readonly changes: string[]
  readonly doubts: number[]
  readonly revocations: ReturnType<typeof createRevocations>
  isUsable(): boolean | null
  /** What each session's own token is told: the accounts that plex.tv gives no server. */
  readonly withoutServer: Set<number>
  readonly dead: Set<string>
  readonly away: Set<string>
  signedIn(accountId: number, changes?: Partial<Parameters<typeof sampleSession>[0]>): LiveSession
  pass(ms: number, stepMs?: number): Promise<void>
}

/** Everything but plex.tv is real; the clock and the timers are the test's. */
function rollStand(
  t: Test,
  { config = {}, withOwner = true, remembersEnds = false, tellsAccounts = false }: StandOptions = {}
): RollStand {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: NOW })
  const now = () => Date.now()
  const budget = createCallBudget({ now })
  const revocations = createRevocations({ now })
  const live = createLiveSessions()
  const people: People = { shared: [], home: [], isWhole: true }
  const calls: string[] = []
  const ended: string[] = []
  const changes: string[] = []
  const doubts: number[] = []
  const dead = new Set<string>()
  const away = new Set<string>()
  const withoutServer = new Set<number>()

  async function asked<T>(call: string, token: string, answer: T): Promise<T> {
    calls.push(`${call} ${token}`)
    if (dead.has(token)) throw new Problem('USHER_SESSION_REVOKED')
    if (away.has(call) || away.has('*')) throw new Problem('USHER_UPSTREAM_UNREACHABLE')
    return answer
  }
  const idOf = (token: string) => (token === OWNER_TOKEN ? OWNER_ID : Number(/\d+/.exec(token)?.[0]))
  const plexTv: RecheckOptions['plexTv'] & Parameters<typeof createRoll>[0]['plexTv'] = {
    account: (token) => asked('account', token, { ...ACCOUNT, id: idOf(token) }),
    resourceList: (token) =>
      asked('resources', token, {
        resources: withoutServer.has(idOf(token))
          ? [server({ machineIdentifier: 'e'.repeat(40) })]
          : [server({ owned: token === OWNER_TOKEN })],
        isWhole: true
      }),
    ping: (token) => asked('ping', token, undefined),
    sharedUserList: (token) => asked('users', token, { users: people.shared, isWhole: people.isWhole }),
    homeUserList: (token) => asked('home', token, { users: people.home, isWhole: true })
  }
  const recheckConfig = {
    ...RULES,
    recheckMs: RECHECK_MS,
    outageGraceMs: DAY,
    ...config
  } as const
  const roll = withOwner
    ? createRoll({
        plexTv,
        owner: { token: OWNER_TOKEN, clientIdentifier: 'owner' },
        machineId: () => MACHINE,
        budget,
        accountsHere: () =>
          [...live.all()]
            .filter(({ session }) => !revocations.isRevoked(session))
            .map(({ session }) => session.account.id),
        onChange: (isUsable, reason) => changes.push(isUsable ? 'back' : reason),
        onDoubt: ({ missing }) => doubts.push(missing),
        recheckMs: recheckConfig.recheckMs,
        now
      })
    : null
  const recheck = createRecheck({
    tellsAccounts,
    config: recheckConfig,
    plexTv,
    budget,
    roll,
    remembersEnds,
    machineId: () => MACHINE,
    hasEnded: (session) => revocations.isRevoked(session),
    end(session, reason) {
      if (revocations.isRevoked(session)) return
      revocations.revoke({ kind: 'session', id: session.id, until: session.expiresAt })
      ended.push(`${session.account.id} ${reason}`)
    },
    onOutage: () => undefined,
    waitMs: 10_000,
    now
  })
  const rounds =
    roll === null
      ? null
      : createRounds({
          roll,
          recheck,
          live,
          onOutage: () => undefined,
          recheckMs: recheckConfig.recheckMs,
          now
        })
  rounds?.start()
  t.teardown(() => {
    rounds?.close()
    mock.timers.reset()
  })
  return {
    people,
    live,
    standings: createStandings({ recheck, revocations, now }),
    calls,
    ended,
    changes,
    doubts,
    revocations,
    isUsable: () => roll?.isUsable ?? null,
    withoutServer,
    dead,
    away,
    signedIn(accountId, changes = {}) {
      return live.of(
        sampleSession({
          accountToken: `token-${accountId}-`,
          account: { ...sampleSession().account, id: accountId },
          role: accountId === OWNER_ID ? 'owner' : 'shared',
          signedInAt: now(),
          checkedAt: now(),
          ...changes
        })
      )
    },
    async pass(ms, stepMs = 1000) {
      for (let passed = 0; passed < ms; passed += stepMs) {
        mock.timers.tick(stepMs)
        for (let turn = 0; turn < TURNS; turn += 1) await Promise.resolve()
      }
    }
  }
}

interface StandOptions {
  readonly config?: Partial<RecheckOptions['config']>
  readonly withOwner?: boolean
  readonly remembersEnds?: boolean
  readonly tellsAccounts?: boolean
}

function person(id: number, changes: Partial<SharedUser> = {}): SharedUser {
  return { id, username: `user${id}`, title: `User ${id}`, home: false, servers: [MACHINE], ...changes }
}

function kinds(calls: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const call of calls) {
    const [kind = ''] = call.split(' ')
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

t.test('ten thousand live sessions cost plex.tv a call a second and two lists', async (t) => {
  const stand = rollStand(t)
  const lives = Array.from({ length: 10_000 }, (_, index) => stand.signedIn(100 + index))
  stand.people.shared = lives.map(({ session }) => person(session.account.id))
  await stand.pass(20 * MINUTE)
  // All of them are in use.
  const use = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += MINUTE) {
      for (const live of lives) stand.standings.mayStream(live)
      await stand.pass(MINUTE)
    }
  }
  await use(RECHECK_MS)
  stand.calls.length = 0
  await use(RECHECK_MS)
  const counts = kinds(stand.calls)
  t.strictSame(Object.keys(counts).sort(), ['home', 'ping', 'users'], JSON.stringify(counts))
  t.strictSame([counts['users'], counts['home']], [1, 1])
  t.ok(stand.calls.length <= 910, `${stand.calls.length} calls`)
  t.ok(stand.calls.length >= 850, 'and it uses what it may')
  const pinged = stand.calls.filter((call) => call.startsWith('ping'))
  t.equal(new Set(pinged).size, pinged.length, 'longest unasked first: nobody twice')
  const time = Date.now()
  t.ok(
    lives.every(({ session }) => time - session.checkedAt <= RECHECK_MS + MINUTE),
    'access of everybody is known'
  )
  t.ok(
    lives.every((live) => stand.standings.of(live) === 'good'),
    'and nobody waits'
  )
})

t.test('sixty sessions are all asked within the quarter of an hour', async (t) => {
  const stand = rollStand(t)
  const lives = Array.from({ length: 60 }, (_, index) => stand.signedIn(100 + index))
  stand.people.shared = lives.map(({ session }) => person(session.account.id))
  await stand.pass(2 * RECHECK_MS)
  stand.calls.length = 0
  await stand.pass(RECHECK_MS)
  t.strictSame(kinds(stand.calls), { users: 1, home: 1, ping: 60 })
  t.equal(new Set(stand.calls).size, 62, 'each once')
  t.strictSame(stand.ended, [])
})

t.test('without the owner’s token ten thousand sessions are asked no faster', async (t) => {
  const stand = rollStand(t, { withOwner: false })
  const lives = Array.from({ length: 10_000 }, (_, index) => stand.signedIn(100 + index))
  await stand.pass(RECHECK_MS)
  for (const live of lives) stand.standings.mayStream(live)
  stand.calls.length = 0
  await stand.pass(RECHECK_MS)
  t.ok(stand.calls.length <= 902, `${stand.calls.length} calls`)
  t.ok(stand.calls.length >= 880)
  t.strictSame(stand.ended, [])
})

t.test('rule 94: a withdrawn share ends exactly that person, by lists alone', async (t) => {
  const stand = rollStand(t)
  const [gone, other, kept] = [stand.signedIn(100), stand.signedIn(100), stand.signedIn(101)]
  stand.people.shared = [person(100), person(101)]
  await stand.pass(RECHECK_MS + MINUTE)
  stand.calls.length = 0
  stand.people.shared = [person(101)]
  await stand.pass(RECHECK_MS - MINUTE)
  t.strictSame(stand.ended, [])
  await stand.pass(2 * MINUTE)
  t.strictSame(stand.ended, ['100 access_lost', '100 access_lost'])
  const { users, home, ping = 0, ...others } = kinds(stand.calls)
  t.strictSame([users, home], [2, 2], 'the lists, and once more to confirm')
  t.strictSame(others, {})
  t.ok(ping <= 3)
  t.ok(gone && other)
  t.equal(stand.standings.of(kept), 'good')
})

t.test('rule 94: a share that is back in the second list ends nobody', async (t) => {
  const stand = rollStand(t)
  const live = stand.signedIn(100)
  stand.people.shared = [person(100), person(101)]
  await stand.pass(RECHECK_MS + MINUTE)
  stand.people.shared = [person(101)]
  while (live.denial === null) await stand.pass(1000)
  t.equal(stand.standings.of(live), 'denied', 'refused meanwhile')
  stand.people.shared = [person(100), person(101)]
  await stand.pass(6000)
  t.equal(stand.standings.of(live), 'good')
  t.strictSame(stand.ended, [])
})

t.test(
  'rule 94: an empty, partial or odd list ends nobody; those missing are asked one by one',
  async (t) => {
    for (const [name, spoil] of [
      ['empty', (people: People) => (people.shared = [])],
      ['partial', (people: People) => (people.shared = people.shared.slice(0, 3))],
      [
        'odd',
        (people: People) => {
          people.isWhole = false
          people.shared = people.shared.slice(1)
        }
      ]
    ] as const) {
      await t.test(name, async (t) => {
        const stand = rollStand(t)
        const lives = Array.from({ length: 6 }, (_, index) => stand.signedIn(100 + index))
        stand.people.shared = lives.map(({ session }) => person(session.account.id))
        await stand.pass(RECHECK_MS + MINUTE)
        spoil(stand.people)
        const missing = lives.filter(
          ({ session }) => !stand.people.shared.some(({ id }) => id === session.account.id)
        )
        // One of them has really lost access: its own token says so.
        stand.withoutServer.add(missing[0]?.session.account.id ?? 0)
        stand.calls.length = 0
        await stand.pass(RECHECK_MS + 2 * MINUTE)
        t.strictSame(stand.ended, [`${missing[0]?.session.account.id} access_lost`])
        t.equal(stand.doubts[0], missing.length)
        const asked = new Set(stand.calls.filter((call) => call.startsWith('resources')))
        t.strictSame(
          [...asked].sort(),
          missing.map(({ session }) => `resources ${session.accountToken}`).sort()
        )
        t.ok(lives.slice(1).every((live) => live === missing[0] || stand.standings.of(live) === 'good'))
        await stand.pass(3 * RECHECK_MS)
        t.equal(stand.doubts.length, 1, 'said once for a doubt')
        stand.people.shared = lives.map(({ session }) => person(session.account.id))
        stand.people.isWhole = true
        await stand.pass(2 * RECHECK_MS)
        spoil(stand.people)
        await stand.pass(2 * RECHECK_MS)
        t.equal(stand.doubts.length, 2, 'another one, after a list that was believed')
      })
    }
  }
)

t.test('an invitation that waits is no access, and ids count, not names', async (t) => {
  const stand = rollStand(t)
  stand.signedIn(100)
  const kept = stand.signedIn(101)
  stand.people.shared = [person(100), person(101)]
  await stand.pass(RECHECK_MS + MINUTE)
  stand.people.shared = [
    person(100, { servers: [] }),
    person(101, { username: 'renamed' }),
    person(102, { username: 'user100', title: 'User 100' })
  ]
  await stand.pass(RECHECK_MS + MINUTE)
  t.strictSame(stand.ended, ['100 access_lost'])
  t.equal(stand.standings.of(kept), 'good')
})

t.test('roles come from the lists, and USHER_ACCESS decides by them', async (t) => {
  const stand = rollStand(t, { config: { access: 'home' } })
  const owner = stand.signedIn(OWNER_ID)
  const [home, moved] = [stand.signedIn(100, { role: 'home' }), stand.signedIn(101, { role: 'home' })]
  stand.people.shared = [person(100, { home: true }), person(101, { home: true })]
  await stand.pass(RECHECK_MS + MINUTE)
  t.strictSame(
    [owner, home, moved].map(({ session }) => session.role),
    ['owner', 'home', 'home']
  )
  stand.people.shared = [person(100, { home: true }), person(101)]
  await stand.pass(RECHECK_MS + MINUTE)
  t.strictSame(stand.ended, ['101 access_lost'])
})

t.test('a stricter USHER_ACCESS ends whom it no longer admits, by the lists too', async (t) => {
  // Signed in before the restart that made it stricter: the lists say what the session says.
  const stand = rollStand(t, { config: { access: 'home' } })
  stand.signedIn(100, { role: 'shared' })
  const home = stand.signedIn(101, { role: 'home' })
  stand.people.shared = [person(100), person(101, { home: true })]
  await stand.pass(RECHECK_MS + MINUTE)
  t.strictSame(stand.ended, ['100 access_lost'])
  t.equal(stand.standings.of(home), 'good')
})

t.test('a token that is dead ends its session by its own ping', async (t) => {
  const stand = rollStand(t)
  stand.signedIn(100)
  stand.signedIn(101)
  stand.people.shared = [person(100), person(101)]
  stand.dead.add('token-100-')
  await stand.pass(RECHECK_MS + 2 * MINUTE)
  t.strictSame(stand.ended, ['100 token_dead'])
})

t.test('where apps are told of accounts, a ping reads the account, for the same one call', async (t) => {
  const stand = rollStand(t, { tellsAccounts: true })
  const live = stand.signedIn(100, {
    account: { ...sampleSession().account, id: 100, title: 'Before', emailVerified: true }
  })
  stand.people.shared = [person(100)]
  await stand.pass(RECHECK_MS + 2 * MINUTE)
  t.strictSame(
    stand.calls.filter((call) => call.endsWith('token-100-')),
    ['account token-100-']
  )
  const { title, email, confirmed } = ACCOUNT
  t.match(live.session.account, { id: 100, title, email, emailVerified: confirmed })
  t.strictSame(stand.ended, [])
})

t.test(
  'the owner’s token dead: each session is asked again, one event, and back with the first list',
  async (t) => {
    const stand = rollStand(t)
    const lives = [stand.signedIn(100), stand.signedIn(101)]
    stand.people.shared = [person(100), person(101)]
    await stand.pass(RECHECK_MS + MINUTE)
    stand.dead.add(OWNER_TOKEN)
    await stand.pass(RECHECK_MS)
    t.strictSame([stand.changes, stand.isUsable()], [['dead'], false])
    for (let quarter = 0; quarter < 2; quarter += 1) {
      for (const live of lives) stand.standings.mayStream(live)
      await stand.pass(RECHECK_MS)
    }
    t.strictSame(stand.changes, ['dead'], 'once')
    t.ok(stand.calls.includes('resources token-100-'))
    stand.dead.clear()
    await stand.pass(RECHECK_MS + MINUTE)
    t.strictSame([stand.changes, stand.isUsable()], [['dead', 'back'], true])
    t.strictSame(stand.ended, [])
  }
)

t.test('a token of somebody who does not own the server says nothing of anybody', async (t) => {
  const stand = rollStand(t)
  const live = stand.signedIn(100)
  stand.withoutServer.add(OWNER_ID)
  await stand.pass(RECHECK_MS + MINUTE)
  stand.standings.mayStream(live)
  await stand.pass(RECHECK_MS + MINUTE)
  t.strictSame(stand.changes, ['not_the_owner'])
  t.strictSame(stand.ended, [])
  t.notOk(stand.calls.some((call) => call.startsWith('users')))
})

t.test('an outage of the lists ends nobody, and asks plex.tv no faster', async (t) => {
  const stand = rollStand(t)
  const lives = Array.from({ length: 200 }, (_, index) => stand.signedIn(100 + index))
  stand.people.shared = lives.map(({ session }) => person(session.account.id))
  await stand.pass(RECHECK_MS + MINUTE)
  stand.away.add('*')
  stand.calls.length = 0
  for (let minute = 0; minute < 30; minute += 1) {
    for (const live of lives) stand.standings.mayStream(live)
    await stand.pass(MINUTE)
  }
  t.ok(stand.calls.length <= 30 * 60 + 60, `${stand.calls.length}`)
  t.strictSame(stand.ended, [])
  t.ok(lives.every((live) => stand.standings.of(live) !== 'denied'))
})

t.test('a session that is used after a day unasked waits for its ping', async (t) => {
  const stand = rollStand(t, { remembersEnds: true })
  stand.people.shared = [person(100)]
  // From before this start, which forgot nothing.
  const live = stand.signedIn(100, { signedInAt: NOW - 2 * DAY, checkedAt: NOW - HOUR })
  stand.dead.add('token-100-')
  t.equal(stand.standings.of(live), 'unproven')
  t.equal(await stand.standings.settle(live), 'ended')
  const fresh = stand.signedIn(101, { signedInAt: NOW - HOUR, checkedAt: NOW - HOUR })
  stand.people.shared = [person(101)]
  t.equal(await stand.standings.settle(fresh), 'good')
})

t.test('whoever waits goes ahead of the background, at most a minute’s calls', async (t) => {
  const stand = rollStand(t, { withOwner: false })
  const lives = Array.from({ length: 100 }, (_, index) => stand.signedIn(100 + index, { checkedAt: NOW - 1 }))
  const waits = lives.map((live) => stand.standings.settle(live))
  for (let turn = 0; turn < 200; turn += 1) await Promise.resolve()
  t.equal(stand.calls.length, 60)
  await stand.pass(12_000)
  t.ok(
    (await Promise.all(waits)).every((standing) => standing === 'good'),
    'after the wait as in any outage'
  )
  t.ok(stand.calls.length <= 74)
})

t.test('what only the account’s own document says holds beside the lists', async (t) => {
  for (const [config, expected] of [
    [{ requireTwoFactor: 'all' }, 'ended'],
    [{ requireTwoFactor: 'owner' }, 'let in'],
    [{ allowedAccounts: [{ id: 999 }] }, 'ended'],
    [{ allowedAccounts: [{ id: 100 }] }, 'let in']
  ] as const) {
    const stand = rollStand(t, { config: config as object })
    const live = stand.signedIn(100)
    stand.people.shared = [person(100)]
    await stand.pass(RECHECK_MS + 2 * MINUTE)
    t.equal(stand.ended.length > 0 ? 'ended' : 'let in', expected, JSON.stringify(config))
    if (expected === 'let in') t.equal(live.denial, null)
    t.equal(stand.calls.includes('account token-100-'), true)
    mock.timers.reset()
  }
})

t.test('an answer about somebody else says nothing of a session', async (t) => {
  const stand = rollStand(t, { tellsAccounts: true })
  const account = { ...sampleSession().account, id: 100, title: 'Before' }
  const live = stand.signedIn(100, { account, accountToken: 'token-999-' })
  stand.people.shared = [person(100)]
  await stand.pass(RECHECK_MS + 2 * MINUTE)
  t.ok(stand.calls.includes('account token-999-'))
  t.match(live.session.account, { id: 100, title: 'Before' })
  t.strictSame(stand.ended, [])
})
