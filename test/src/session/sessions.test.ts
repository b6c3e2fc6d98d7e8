import { setTimeout as delay, setImmediate as tick } from 'node:timers/promises'
import t from 'tap'
import { Problem } from '../../../src/domain/problems.ts'
import type { Account } from '../../../src/plex/account.ts'
import type { Resource } from '../../../src/plex/resources.ts'
import type { Seal } from '../../../src/seal/seal.ts'
import { admit } from '../../../src/session/check/admission.ts'
import { createRecheck, type Recheck, type RecheckOptions } from '../../../src/session/check/recheck.ts'
import { toSealed } from '../../../src/session/cookie/sealed-session.ts'
import { createSessions, type OpenSession, type Sessions } from '../../../src/session/cookie/sessions.ts'
import {
  createLiveSessions,
  type LiveSession,
  type LiveSessions
} from '../../../src/session/live/live-sessions.ts'
import { createRevocations, type Revocation, type Revocations } from '../../../src/session/live/revocation.ts'
import { hasRole, ROLES, type Session, toView } from '../../../src/session/session.ts'
import { createPasswordGate } from '../../../src/session/sign-in/password-gate.ts'
import { createPinSignIns, type PinSignInsOptions } from '../../../src/session/sign-in/pin-sign-ins.ts'
import { safeReturnTo } from '../../../src/session/sign-in/return-to.ts'
import { lendTo, type SignIn } from '../../../src/session/sign-in/sign-in.ts'
import { createSignOuts } from '../../../src/session/sign-outs.ts'
import { createClock, DAY, HOUR, MINUTE, NAMES, NOW, sampleSeal, sampleSession } from './sample.ts'

const MACHINE = 'c997cf82c4158cb986ccc0e8f829a6f5d5086a63'

interface Stand {
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

interface StandOptions {
  readonly idleMs?: number
  readonly maxMs?: number
  readonly seal?: Seal
  readonly clock?: Stand['clock']
  readonly max?: number
  /** Whether sessions have to be checked. */
  readonly due?: boolean
}

function stand(options: StandOptions = {}): Stand {
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

function cookie(value: string): string {
  return `other=1; ${NAMES.session}=${value}`
}

t.test('a cookie header signs in, and every way of not being one says which', async (t) => {
  const { sessions, seal, revocations, unseals, touched } = stand()
  const session = sampleSession()
  const value = sessions.seal(session)
  t.match(sessions.read(cookie(value)), { open: true, sealed: session, newestKey: true })
  t.equal(touched.length, 1, 'a re-check may begin')
  t.strictSame(unseals, ['k1 ok'])
  sessions.read(cookie(value))
  t.strictSame(unseals, ['k1 ok', 'k1 ok'], 'what comes once is not kept')
  sessions.read(cookie(value))
  t.strictSame(unseals, ['k1 ok', 'k1 ok'], 'the third time out of the cache')
  t.strictSame(sessions.read(undefined), { open: false, code: 'USHER_SESSION_REQUIRED', clear: false })
  for (const bad of [
    '',
    'x',
    `${value}A`,
    seal.seal('session', [1]),
    seal.seal('signin', toSealed(session))
  ]) {
    t.strictSame(sessions.read(cookie(bad)), { open: false, code: 'USHER_SESSION_INVALID', clear: true })
  }
  t.strictSame(sessions.read(`${cookie(value)}; ${NAMES.session}=other`), {
    open: false,
    code: 'USHER_SESSION_INVALID',
    clear: true
  })
  revocations.revoke({ kind: 'session', id: session.id, until: NOW + DAY })
  t.match(sessions.read(cookie(value)), { open: false, code: 'USHER_SESSION_REVOKED', clear: true })
})

t.test('rule 11: a value from up to a minute in the future opens, one from later does not', async (t) => {
  for (const [aheadMs, opens] of [
    [59_000, true],
    [61_000, false]
  ] as const) {
    const { sessions, unseals } = stand()
    const at = NOW + aheadMs
    const signedIn = sampleSession({ signedInAt: at, seenAt: at })
    t.equal(sessions.open(sessions.seal(signedIn)).open, opens, `signed in ${aheadMs} ms ahead`)
    const seen = sampleSession({ seenAt: at })
    t.equal(sessions.open(sessions.seal(seen)).open, opens, `seen ${aheadMs} ms ahead`)
    t.strictSame(unseals, opens ? ['k1 ok', 'k1 ok'] : ['k1 malformed', 'k1 malformed'])
    // The clock may be the one that is wrong, and is right again a moment later.
    const early = { open: false, code: 'USHER_SESSION_INVALID', clear: false }
    if (!opens) t.strictSame(sessions.open(sessions.seal(seen)), early)
  }
})

t.test('rule 11: the skew never lengthens a life', async (t) => {
  const { sessions, clock } = stand()
  const value = sessions.seal(sampleSession({ expiresAt: NOW + HOUR }))
  clock.advance(HOUR - 1)
  t.equal(sessions.open(value).open, true)
  clock.advance(1)
  t.match(sessions.open(value), { code: 'USHER_SESSION_EXPIRED' })
})

t.test('rule 18: idle and absolute limits are inside the value, also for one out of the cache', async (t) => {
  const idle = stand({ idleMs: HOUR, maxMs: 3 * HOUR })
  const session = sampleSession({ idleExpiresAt: NOW + HOUR, expiresAt: NOW + 3 * HOUR })
  const value = idle.sessions.seal(session)
  t.equal(idle.sessions.open(value).open, true)
  idle.clock.advance(HOUR)
  t.match(idle.sessions.open(value), { open: false, code: 'USHER_SESSION_EXPIRED', clear: true })
  t.match(idle.sessions.open(value), { code: 'USHER_SESSION_EXPIRED' }, 'and still, past the cache')
  t.equal(idle.unseals.at(-1), 'k1 expired')

  const absolute = stand({ idleMs: HOUR, maxMs: 3 * HOUR })
  let current = absolute.sessions.seal(session)
  for (let quarter = 1; quarter < 12; quarter += 1) {
    absolute.clock.advance(HOUR / 4)
    const read = absolute.sessions.open(current)
    if (!read.open) throw new Error(`closed after ${quarter} quarters`)
    current = absolute.sessions.renew(read) ?? current
  }
  absolute.clock.advance(HOUR / 4)
  t.match(
    absolute.sessions.open(current),
    { code: 'USHER_SESSION_EXPIRED' },
    'sliding ends at the absolute limit'
  )
})

t.test(
  'settings that were lowered since bind what lives with a session: its streams and tokens',
  async (t) => {
    const { sessions, open, live, clock } = stand({ idleMs: 90 * MINUTE, maxMs: 2 * HOUR })
    const session = sampleSession()
    const read = open(session)
    t.match(read, { limitAt: NOW + 90 * MINUTE, live: { session: { idleExpiresAt: NOW + 90 * MINUTE } } })
    t.equal(read.live.session.expiresAt, session.expiresAt, 'for as long as that a revocation is kept')
    let ended = 0
    live.addStream(read.live, 'media', () => {
      ended += 1
    })
    clock.advance(HOUR)
    const renewed = sessions.open(sessions.renew(read) ?? '')
    const end = NOW + 2 * HOUR
    t.match(renewed, { open: true, limitAt: end, live: { session: { idleExpiresAt: end } } })
    clock.advance(HOUR)
    await delay(1100)
    t.equal(ended, 1)
  }
)

t.test('rule 18: settings that were lowered since bind the values of before', async (t) => {
  const seal = sampleSeal()
  const before = stand({ seal })
  const value = before.sessions.seal(sampleSession())
  const clock = createClock(NOW + 2 * HOUR)
  t.match(stand({ seal, clock, idleMs: HOUR }).sessions.open(value), { code: 'USHER_SESSION_EXPIRED' })
  t.match(stand({ seal, clock, maxMs: HOUR, idleMs: HOUR }).sessions.open(value), {
    code: 'USHER_SESSION_EXPIRED'
  })
  t.equal(stand({ seal, clock, idleMs: 3 * HOUR }).sessions.open(value).open, true)
  const longer = stand({ seal, clock: createClock(NOW + 31 * DAY), idleMs: 90 * DAY, maxMs: 90 * DAY })
  t.match(longer.sessions.open(value), { code: 'USHER_SESSION_EXPIRED' }, 'raised ones lengthen nothing')
})

t.test(
  'a session slides once in a twentieth of its idle lifetime, and not more often than once a minute',
  async (t) => {
    const { sessions, clock, open } = stand({ idleMs: 7 * DAY })
    const session = sampleSession()
    const read = open(session)
    t.equal(sessions.renew(read), null)
    clock.advance((7 * DAY) / 20 - 1)
    t.equal(sessions.renew(read), null)
    clock.advance(1)
    const value = sessions.renew(read) ?? ''
    const renewed = sessions.open(value)
    if (!renewed.open) throw new Error('closed')
    t.match(renewed.sealed, { id: session.id, seenAt: clock.now(), idleExpiresAt: clock.now() + 7 * DAY })
    t.equal(sessions.renew(renewed), null)

    const short = stand({ idleMs: 10 * MINUTE })
    const quick = short.open(sampleSession({ idleExpiresAt: NOW + 10 * MINUTE }))
    short.clock.advance(MINUTE - 1)
    t.equal(short.sessions.renew(quick), null)
    short.clock.advance(1)
    t.ok(short.sessions.renew(quick))
  }
)

t.test('rule 24: parallel requests at renewal share one new value', async (t) => {
  const { sessions, clock, open } = stand()
  const session = sampleSession()
  const reads = Array.from({ length: 50 }, () => open(session))
  clock.advance(DAY)
  const values = new Set(reads.map((read) => sessions.renew(read)))
  t.equal(values.size, 1)
  t.not([...values][0], null)
  clock.advance(DAY)
  t.notOk(values.has(sessions.renew(reads[0] as OpenSession)), 'until the next renewal is due')
})

t.test('what the re-check learned goes into a new value at once', async (t) => {
  const { sessions, open } = stand()
  const read = open(sampleSession())
  read.live.session = { ...read.live.session, role: 'shared', serverToken: 'another' }
  const value = sessions.renew(read) ?? ''
  t.match(sessions.open(value), { sealed: { role: 'shared', serverToken: 'another' } })
  const stillOld = sessions.open(sessions.seal(sampleSession({ id: read.sealed.id })))
  if (!stillOld.open) throw new Error('closed')
  t.equal(
    stillOld.live.session.role,
    'shared',
    'an older copy of the cookie does not bring the old role back'
  )
})

t.test('a newer cookie of another instance brings its data along, an older one does not', async (t) => {
  const { live } = stand()
  const session = sampleSession()
  const state = live.of(session)
  live.of({ ...session, role: 'shared', checkedAt: NOW + 1 })
  t.match(state.session, { role: 'shared', checkedAt: NOW + 1 })
  live.of({ ...session, seenAt: NOW + 5, idleExpiresAt: NOW + DAY })
  t.match(state.session, { role: 'shared', seenAt: NOW + 5, idleExpiresAt: NOW + DAY })
  live.of({ ...session, role: 'home', checkedAt: NOW + 2, seenAt: NOW })
  t.match(state.session, { role: 'home', checkedAt: NOW + 2, seenAt: NOW + 5 }, 'the later sight is kept')
})

t.test('rule 20: an ended session is dead for every copy of its cookie, old and new', async (t) => {
  const { sessions, clock, open } = stand()
  const session = sampleSession()
  const first = sessions.seal(session)
  const read = open(session)
  clock.advance(DAY)
  const second = sessions.renew(read) ?? ''
  sessions.end(session)
  for (const value of [first, second])
    t.match(sessions.open(value), { code: 'USHER_SESSION_REVOKED', clear: true })
  clock.advance(6 * DAY)
  t.match(sessions.open(second), { code: 'USHER_SESSION_REVOKED' })
  clock.advance(24 * DAY)
  t.match(sessions.open(second), { code: 'USHER_SESSION_EXPIRED' }, 'and at last it is over by itself')
})

t.test(
  'rule 22: all of an account’s sessions end together, later ones and other accounts’ do not',
  async (t) => {
    const { sessions, revocations, clock } = stand()
    const own = ['a', 'b'].map((id) => sampleSession({ id }))
    const other = sampleSession({ account: { ...sampleSession().account, id: 2 } })
    revocations.revoke({ kind: 'account', accountId: 13_692_262, before: NOW, until: NOW + 30 * DAY })
    for (const session of own)
      t.match(sessions.open(sessions.seal(session)), { code: 'USHER_SESSION_REVOKED' })
    t.equal(sessions.open(sessions.seal(other)).open, true)
    clock.advance(1)
    t.equal(sessions.open(sessions.seal(sampleSession({ signedInAt: NOW + 1 }))).open, true)
  }
)

t.test('revocations last until their own end, tell their listeners, and are bounded', async (t) => {
  const clock = createClock()
  const told: Revocation[] = []
  const heard: Revocation[] = []
  const revocations = createRevocations({ now: clock.now, onRevoke: (each) => told.push(each), max: 100 })
  revocations.listen((each) => heard.push(each))
  const session = sampleSession()
  const one = { kind: 'session', id: session.id, until: NOW + HOUR } as const
  revocations.revoke(one)
  revocations.learn({ kind: 'token', id: 'scoped', until: NOW + HOUR })
  t.strictSame(told, [one], 'what was learned is not told again')
  t.equal(heard.length, 2)
  t.equal(revocations.isTokenRevoked('scoped'), true)
  t.equal(revocations.isTokenRevoked('other'), false)
  clock.advance(HOUR - 1)
  t.equal(revocations.isRevoked(session), true)
  clock.advance(2)
  t.equal(revocations.isRevoked(session), false)
  t.equal(revocations.isTokenRevoked('scoped'), false)
  revocations.revoke({ ...one, until: NOW })
  t.equal(heard.length, 2, 'one that is over already is none')

  const account = { kind: 'account', accountId: session.account.id } as const
  revocations.learn({ ...account, before: NOW, until: clock.now() + DAY })
  revocations.learn({ ...account, before: NOW - 5, until: clock.now() + HOUR })
  clock.advance(2 * HOUR)
  t.equal(revocations.isRevoked(session), true, 'an earlier one neither lowers the bar nor shortens it')

  for (let id = 0; id < 1000; id += 1) {
    revocations.revoke({ kind: 'session', id: `s${id}`, until: clock.now() + HOUR })
    revocations.revoke({ kind: 'account', accountId: id + 5, before: NOW, until: clock.now() + HOUR })
    revocations.revoke({ kind: 'token', id: `t${id}`, until: clock.now() + HOUR })
  }
  t.ok(revocations.size <= 300, `${revocations.size} entries`)
  t.equal(revocations.isRevoked({ ...session, id: 's999', account: { ...session.account, id: 0 } }), true)
})

t.test(
  'rule 20: an instance holds whatever the shared store may, in whichever order it learns it',
  async (t) => {
    const revocations = createRevocations({ now: () => NOW })
    const session = sampleSession()
    revocations.learn({ kind: 'session', id: session.id, until: NOW + DAY })
    for (let id = 1; id < 300_000; id += 1) {
      revocations.learn({ kind: 'session', id: `s${id}`, until: NOW + DAY })
    }
    t.equal(revocations.size, 300_000)
    t.equal(revocations.isRevoked(session), true)
  }
)

t.test('open streams end with logout, revocation of the account, and expiry', async (t) => {
  const clock = createClock()
  const revocations = createRevocations({ now: clock.now })
  const live = createLiveSessions({ revocations, now: clock.now, max: 2 })
  t.teardown(() => live.close())
  const ended: string[] = []
  function stream(name: string, session: Session): () => void {
    const release: () => void = live.addStream(live.of(session), 'events', () => {
      ended.push(name)
      release()
    })
    return release
  }
  const [first, second, third] = [
    sampleSession(),
    sampleSession(),
    sampleSession({ account: { ...sampleSession().account, id: 2 } })
  ]
  stream('first', first)
  stream('first again', first)
  stream('second', second)
  stream('third', third)
  live.of(sampleSession())
  live.of(sampleSession())
  t.strictSame(live.openStreams, { media: 0, events: 4, socket: 0 })
  revocations.revoke({ kind: 'session', id: first.id, until: NOW + DAY })
  await tick()
  t.strictSame(ended.splice(0), ['first', 'first again'], 'also of sessions that the bounded map forgot')
  revocations.revoke({ kind: 'account', accountId: second.account.id, before: NOW, until: NOW + DAY })
  await tick()
  t.strictSame(ended.splice(0), ['second'])
  t.strictSame(live.openStreams, { media: 0, events: 1, socket: 0 })
  clock.advance(7 * DAY)
  revocations.revoke({ kind: 'token', id: 'x', until: NOW + 9 * DAY })
  await tick()
  t.strictSame(ended.splice(0), ['third'], 'idle limit, at the next sweep')
  const release = stream('fourth', sampleSession({ idleExpiresAt: NOW + 20 * DAY }))
  release()
  release()
  t.strictSame(live.openStreams, { media: 0, events: 0, socket: 0 }, 'released once')
  stream('fifth', sampleSession({ idleExpiresAt: NOW + 20 * DAY }))
  live.abortStreams()
  t.strictSame(ended, ['fifth'])
})

t.test('expiry ends streams by itself, within the second of a sweep', async (t) => {
  const clock = createClock()
  const live = createLiveSessions({ revocations: createRevocations({ now: clock.now }), now: clock.now })
  t.teardown(() => live.close())
  const { promise, resolve } = Promise.withResolvers<void>()
  live.addStream(live.of(sampleSession({ expiresAt: NOW + HOUR })), 'media', resolve)
  clock.advance(HOUR)
  const keepAlive = setInterval(() => undefined, 1000)
  await promise
  clearInterval(keepAlive)
})

t.test(
  'rule 1: a value that is altered behind the tag of a remembered one is no better for it',
  async (t) => {
    const { sessions } = stand()
    const value = sessions.seal(sampleSession())
    for (let i = 0; i < 3; i++) t.equal(sessions.open(value).open, true)
    for (let at = 0; at < value.length - 23; at += 7) {
      const altered = value.slice(0, at) + (value[at] === 'A' ? 'B' : 'A') + value.slice(at + 1)
      t.match(sessions.open(altered), { open: false, code: 'USHER_SESSION_INVALID' })
    }
    t.match(sessions.open(value.slice(-22)), { open: false })
    t.equal(sessions.open(value).open, true, 'which is not forgotten for it')
  }
)

t.test('a session that comes once is remembered only where others have to know of its check', async (t) => {
  for (const due of [false, true]) {
    const { sessions, live } = stand({ due })
    const session = sampleSession()
    const value = sessions.seal(session)
    const first = sessions.open(value)
    t.equal(live.find(session.id) !== undefined, due)
    const second = sessions.open(value)
    t.ok(first.open && second.open && sessions.open(value).open)
    t.ok(live.find(session.id))
    if (first.open && second.open) t.equal(first.live === second.live, due)
  }
})

t.test('the sessions and cookies remembered are bounded', async (t) => {
  const { sessions, live } = stand({ max: 10 })
  const all = Array.from({ length: 100 }, () => sampleSession())
  for (const session of all) sessions.open(sessions.seal(session))
  const held = all.filter(({ id }) => live.find(id) !== undefined).length
  t.ok(held >= 5 && held <= 10, `${held} of at most 10`)
})

t.test('rule 13: a session that does not fit a cookie is refused, not cut', async (t) => {
  const { sessions } = stand()
  t.throws(() => sessions.seal(sampleSession({ accountToken: 'x'.repeat(4000) })), RangeError)
})

t.test('a view has no token in it, and its picture is below /plex', async (t) => {
  const session = sampleSession({
    homeAdmin: { accountId: 7, uuid: 'u', token: 'sample-admin-token', clientIdentifier: 'c' }
  })
  const view = toView(session, true, '/base')
  t.equal(view.account.thumb, '/base/plex/users/212acf24b07315e5/avatar')
  t.equal(view.stale, true)
  t.strictSame(view.server, { name: 'Box', machineIdentifier: MACHINE })
  t.notMatch(JSON.stringify(view), /token/)
  t.equal(toView({ ...session, server: null }, false, '').server, null)
  for (const role of ROLES) {
    for (const least of ROLES) t.equal(hasRole(role, least), ROLES.indexOf(role) >= ROLES.indexOf(least))
  }
})

const ACCOUNT: Account = {
  id: 13_692_262,
  uuid: '212acf24b07315e5',
  username: 'simuser',
  title: 'Sim User',
  email: 'sim@example.com',
  thumb: '',
  restricted: false,
  home: true,
  homeAdmin: true,
  twoFactorEnabled: false
}

function server(changes: Partial<Resource> = {}): Resource {
  return {
    name: 'Box',
    machineIdentifier: MACHINE,
    product: 'Plex Media Server',
    provides: ['server'],
    owned: true,
    home: false,
    presence: true,
    accessToken: 'server-token',
    sourceTitle: null,
    httpsRequired: false,
    connections: [],
    ...changes
  }
}

t.test('admission: who may come in follows the setting and the ids, and nothing else', async (t) => {
  const owned = [server()]
  const home = [server({ owned: false, home: true })]
  const shared = [server({ owned: false })]
  const none: Resource[] = []
  const outcome = (
    access: 'server' | 'home' | 'owner' | 'anyone',
    list: readonly Resource[],
    machine: string | null = MACHINE
  ) => {
    try {
      return admit({ access, requireTwoFactor: 'none' }, ACCOUNT, list, machine).role
    } catch (error) {
      return error instanceof Problem ? error.code : error
    }
  }
  const DENIED = 'USHER_SERVER_ACCESS_DENIED'
  const table = [
    ['server', 'owner', 'home', 'shared', DENIED],
    ['home', 'owner', 'home', DENIED, DENIED],
    ['owner', 'owner', DENIED, DENIED, DENIED],
    ['anyone', 'owner', 'home', 'shared', 'none']
  ] as const
  for (const [access, ...expected] of table) {
    t.strictSame(
      [owned, home, shared, none].map((list) => outcome(access, list)),
      expected,
      access
    )
  }
  const lookalike = server({ machineIdentifier: `${MACHINE}0`, name: 'Box' })
  t.equal(outcome('server', [lookalike]), DENIED, 'a server of the same name is another one')
  t.equal(outcome('server', [server({ product: 'Plexamp', provides: ['player'] })]), DENIED)
  t.equal(outcome('server', [server({ accessToken: null })]), DENIED)
  t.equal(outcome('server', shared, null), 'none', 'without a chosen server there is one to choose')
  t.equal(outcome('owner', shared, null), DENIED)
  t.equal(outcome('owner', [...shared, server({ machineIdentifier: 'other' })], null), 'none')
  const long = admit(
    { access: 'server', requireTwoFactor: 'none' },
    ACCOUNT,
    [server({ name: 'n'.repeat(200) })],
    MACHINE
  )
  t.equal(long.server?.name.length, 100)
  const managed = admit(
    { access: 'server', requireTwoFactor: 'none' },
    { ...ACCOUNT, restricted: true },
    owned,
    MACHINE
  )
  t.equal(managed.role, 'home', 'a managed profile owns nothing')
})

t.test('admission: two-factor is demanded of all, of owners, or of nobody', async (t) => {
  const need = (requireTwoFactor: 'none' | 'owner' | 'all', account: Account, list: readonly Resource[]) => {
    try {
      admit({ access: 'anyone', requireTwoFactor }, account, list, MACHINE)
      return 'in'
    } catch (error) {
      return error instanceof Problem ? error.code : error
    }
  }
  const on = { ...ACCOUNT, twoFactorEnabled: true }
  const shared = [server({ owned: false })]
  const REQUIRED = 'USHER_TWO_FACTOR_REQUIRED'
  t.equal(need('none', ACCOUNT, [server()]), 'in')
  t.equal(need('owner', ACCOUNT, [server()]), REQUIRED)
  t.equal(need('owner', ACCOUNT, shared), 'in')
  t.equal(need('all', ACCOUNT, shared), REQUIRED)
  t.equal(need('all', on, [server()]), 'in')
  t.equal(need('all', { ...ACCOUNT, restricted: true }, shared), 'in')
})

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

t.test(
  'a sign-out that fails is tried again until it succeeds, and a later one does not wait for it',
  async (t) => {
    const asked: string[] = []
    const failures: number[] = []
    let away = true
    const signOuts = createSignOuts({
      plexTv: {
        signOut: async (token) => {
          asked.push(token)
          if (away) throw new Problem('USHER_UPSTREAM_UNREACHABLE')
        }
      },
      onFailure: (_error, attempt) => {
        failures.push(attempt)
        if (failures.length === 6) away = false
      },
      firstDelayMs: 2
    })
    t.teardown(() => signOuts.close())
    const keepAlive = setInterval(() => undefined, 1000)
    t.teardown(() => clearInterval(keepAlive))
    signOuts.add('first', 'cid')
    signOuts.add('second', 'cid')
    t.equal(signOuts.waiting, 2)
    while (signOuts.waiting > 0) await delay(5)
    t.ok(asked.filter((token) => token === 'first').length >= 2)
    t.ok(asked.filter((token) => token === 'second').length >= 2)
  }
)

t.test('a fresh sign-out’s retry is not held up by an old one’s long pause', async (t) => {
  const attempts: Record<string, number> = {}
  const { promise, resolve } = Promise.withResolvers<void>()
  const signOuts = createSignOuts({
    plexTv: {
      signOut: async (token) => {
        const attempt = (attempts[token] ?? 0) + 1
        attempts[token] = attempt
        if (token === 'old') throw new Problem('USHER_UPSTREAM_UNREACHABLE')
        if (attempt === 1) throw new Problem('USHER_UPSTREAM_UNREACHABLE')
        resolve()
      }
    },
    // 10 ms, then 20, 40, 80, …: the old one soon waits for a second.
    onFailure: (_error, attempt) => {
      if (attempts['old'] === 8 && attempt === 8) signOuts.add('fresh', 'cid')
    },
    firstDelayMs: 10
  })
  t.teardown(() => signOuts.close())
  const keepAlive = setInterval(() => undefined, 1000)
  t.teardown(() => clearInterval(keepAlive))
  signOuts.add('old', 'cid')
  await promise
  t.equal(attempts['fresh'], 2)
  t.equal(attempts['old'], 8, 'the old one still waits')
})

t.test('sign-outs run four at a time, are bounded, and end with the process', async (t) => {
  let running = 0
  let most = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  const signOuts = createSignOuts({
    plexTv: {
      signOut: async () => {
        running += 1
        most = Math.max(most, running)
        await promise
        running -= 1
      }
    },
    onFailure: () => undefined
  })
  for (let index = 0; index < 10_050; index += 1) signOuts.add(`token-${index}`, 'cid')
  t.equal(running, 4)
  t.equal(signOuts.waiting, 10_004)
  const closed = signOuts.close()
  resolve()
  await closed
  t.equal(most, 4)
  t.equal(signOuts.waiting, 0)
})

t.test(
  'a sign-out that plex.tv refuses is given up in the end, one that nobody answers is not',
  async (t) => {
    const upstream = { service: 'plex.tv', status: 404, code: null } as const
    for (const [error, lasting] of [
      [new Problem('USHER_UPSTREAM_INVALID', { upstream }), false],
      [new Problem('USHER_UPSTREAM_UNREACHABLE', { upstream: { ...upstream, status: 503 } }), true],
      [new Problem('USHER_PLEX_LIMITED', { upstream: { ...upstream, status: 429 }, retryAfter: 60 }), true],
      [new Problem('USHER_UPSTREAM_TIMEOUT'), true]
    ] as const) {
      const again: boolean[] = []
      const signOuts = createSignOuts({
        plexTv: { signOut: () => Promise.reject(error) },
        onFailure: (_error, _attempt, more) => again.push(more),
        firstDelayMs: 0
      })
      signOuts.add('token', 'cid')
      while (again.length < 12 && signOuts.waiting > 0) await delay(1)
      t.equal(again.length, lasting ? 12 : 10, error.code)
      t.equal(again.at(-1), lasting)
      await signOuts.close()
    }
  }
)

t.test('a stop gives each sign-out its one try, and waits for none that hangs or was refused', async (t) => {
  const asked: string[] = []
  const signOuts = createSignOuts({
    plexTv: {
      signOut: async (token) => {
        asked.push(token)
        await delay(10)
        if (token === 'refused') throw new Problem('USHER_UPSTREAM_UNREACHABLE')
      }
    },
    onFailure: () => undefined,
    firstDelayMs: 60_000
  })
  signOuts.add('refused', 'cid')
  await delay(50)
  const last = Array.from({ length: 9 }, (_, index) => `last-${index}`)
  for (const token of last) signOuts.add(token, 'cid')
  const began = performance.now()
  await signOuts.close()
  t.ok(performance.now() - began < 1000)
  t.strictSame(asked, ['refused', ...last])
  t.equal(signOuts.waiting, 0)

  const hanging = createSignOuts({
    plexTv: { signOut: () => new Promise(() => undefined) },
    onFailure: () => undefined
  })
  hanging.add('hangs', 'cid')
  const from = performance.now()
  await hanging.close()
  t.ok(performance.now() - from < 5000)
})

t.test('the gate shuts for as long as plex.tv says, opens again, and knows what is under way', async (t) => {
  const clock = createClock()
  const gate = createPasswordGate(clock.now)
  t.equal(await gate.pass(async () => 'in'), 'in')
  const wrong = new Problem('USHER_CREDENTIALS_REJECTED')
  await t.rejects(
    gate.pass(() => Promise.reject(wrong)),
    wrong
  )
  t.equal(await gate.pass(async () => 'in'), 'in', 'a wrong password shuts nothing')
  const limited = new Problem('USHER_PLEX_LIMITED', { retryAfter: 90 })
  await t.rejects(
    gate.pass(() => Promise.reject(limited)),
    limited
  )
  t.match(await gate.pass(async () => 'in').catch((error: unknown) => error), {
    code: 'USHER_PLEX_LIMITED',
    retryAfter: 90
  })
  clock.advance(89_500)
  t.match(await gate.pass(async () => 'in').catch((error: unknown) => error), { retryAfter: 1 })
  clock.advance(500)
  const { promise, resolve } = Promise.withResolvers<string>()
  const passing = gate.pass(() => promise)
  t.equal(gate.inFlight, 1)
  resolve('in')
  await passing
  t.equal(gate.inFlight, 0)
  await t.rejects(gate.pass(() => Promise.reject(new Problem('USHER_PLEX_LIMITED'))))
  clock.advance(59_000)
  t.match(
    await gate.pass(async () => 'in').catch((error: unknown) => error),
    { retryAfter: 1 },
    'a minute where it says nothing'
  )
})

interface PinStand {
  readonly clock: ReturnType<typeof createClock>
  readonly pins: ReturnType<typeof createPinSignIns>
  readonly made: string[]
  readonly read: number[]
  readonly signedOut: string[]
  token: string | null
  fail: Problem | null
  accountFails: Problem | null
}

function pinStand(): PinStand {
  const clock = createClock()
  const state: Omit<PinStand, 'pins'> = {
    clock,
    made: [],
    read: [],
    signedOut: [],
    token: null,
    fail: null,
    accountFails: null
  }
  const options: PinSignInsOptions = {
    config: {
      access: 'server',
      requireTwoFactor: 'none',
      sessionIdleMs: DAY,
      sessionMaxMs: 30 * DAY,
      publicUrl: {
        href: 'https://usher.example',
        origin: 'https://usher.example',
        basePath: '',
        hostname: 'usher.example',
        secure: true
      },
      plexUrl: 'https://plex.tv',
      plexAppUrl: 'https://app.plex.tv',
      client: { product: 'Usher & Co', version: '1', platform: 'Web', deviceName: 'usher.example' }
    },
    plexTv: {
      createPin: async (clientIdentifier) => {
        state.made.push(clientIdentifier)
        return { id: state.made.length, code: 'ABCD', expiresAt: clock.now() + 15 * MINUTE, token: null }
      },
      readPin: async (id) => {
        state.read.push(id)
        if (result.fail !== null) throw result.fail
        return { id, code: 'ABCD', expiresAt: NOW, token: result.token }
      },
      account: async () => {
        if (result.accountFails !== null) throw result.accountFails
        return ACCOUNT
      },
      resources: async () => [server()]
    },
    signOuts: { add: (token) => void state.signedOut.push(token) },
    machineId: async () => MACHINE,
    now: clock.now
  }
  const result: PinStand = Object.assign(state, { pins: createPinSignIns(options) })
  return result
}

const START = { kind: 'redirect', returnTo: '/', device: null, before: null, signedIn: false } as const

t.test('a browser has one PIN: it is taken up again while it lasts, and not for another kind', async (t) => {
  const { pins, made, clock } = pinStand()
  const first = await pins.start(START)
  t.strictSame(await pins.start({ ...START, before: first, returnTo: '/deep' }), {
    ...first,
    returnTo: '/deep'
  })
  t.equal(made.length, 1)
  t.not((await pins.start({ ...START, before: first, kind: 'link' })).pinId, first.pinId)
  clock.advance(10 * MINUTE)
  t.not((await pins.start({ ...START, before: first })).pinId, first.pinId, 'five minutes left are too few')
})

t.test('a PIN goes under the browser’s own identifier, except where a session lives under it', async (t) => {
  const { pins, clock } = pinStand()
  const device = { clientIdentifier: 'device-1', knownAs: 1, lentUntil: 0 }
  const own = await pins.start({ ...START, device })
  t.equal(own.clientIdentifier, 'device-1')
  const beside = await pins.start({ ...START, device, signedIn: true })
  t.not(beside.clientIdentifier, 'device-1')
  const later = await pins.start({ ...START, device, signedIn: true, before: own })
  t.not(later.clientIdentifier, 'device-1', 'nor is one taken up that was begun before the sign-in')
  const reused = await pins.start({ ...START, device, signedIn: true, before: beside })
  t.equal(reused.pinId, beside.pinId)
  const lent = lendTo(device, NOW)
  const second = await pins.start({ ...START, device: lent })
  t.not(second.clientIdentifier, 'device-1', 'nor while another PIN may be claimed under it')
  clock.advance(30 * MINUTE)
  t.equal((await pins.start({ ...START, device: lent })).clientIdentifier, 'device-1')
})

t.test(
  'polls faster than told are answered from memory, but the way back from Plex always asks',
  async (t) => {
    const { pins, clock, read } = pinStand()
    const signIn = await pins.start(START)
    const poll = () => pins.finish(signIn)
    t.strictSame(await poll(), { status: 'pending', pollAfterMs: 1000 })
    clock.advance(400)
    t.strictSame(await poll(), { status: 'pending', pollAfterMs: 1000 })
    t.equal(read.length, 1)
    clock.advance(100)
    await poll()
    t.equal(read.length, 2)
    clock.advance(MINUTE)
    t.match(await poll(), { pollAfterMs: 2000 })
    clock.advance(3 * MINUTE)
    t.match(await poll(), { pollAfterMs: 4000 })
    t.equal(read.length, 4)
    clock.advance(10)
    await pins.finish(signIn, { fresh: true })
    t.equal(read.length, 5)
  }
)

t.test(
  'a PIN that was claimed becomes a session; one that is over, unknown or spent is expired',
  async (t) => {
    const stand = pinStand()
    const { pins, clock } = stand
    const signIn = await pins.start({ ...START, kind: 'link' })
    stand.token = 'fresh-token'
    const outcome = await pins.finish(signIn)
    t.match(outcome, {
      status: 'signed-in',
      session: { method: 'pin', accountToken: 'fresh-token', clientIdentifier: signIn.clientIdentifier }
    })
    stand.fail = new Problem('USHER_PIN_UNKNOWN')
    t.strictSame(await pins.finish(signIn), { status: 'expired' })
    stand.fail = new Problem('USHER_UPSTREAM_TIMEOUT')
    await t.rejects(pins.finish(signIn), { code: 'USHER_UPSTREAM_TIMEOUT' })
    stand.fail = null
    stand.accountFails = new Problem('USHER_SESSION_REVOKED')
    t.strictSame(await pins.finish(signIn), { status: 'expired' }, 'its token was signed out since')
    clock.advance(15 * MINUTE)
    stand.accountFails = null
    t.strictSame(await pins.finish(signIn), { status: 'expired' })
  }
)

t.test('an outage between the claim and the session leaves the token for the next poll', async (t) => {
  const stand = pinStand()
  const signIn = await stand.pins.start(START)
  stand.token = 'fresh-token'
  stand.accountFails = new Problem('USHER_UPSTREAM_UNREACHABLE')
  await t.rejects(stand.pins.finish(signIn), { code: 'USHER_UPSTREAM_UNREACHABLE' })
  t.strictSame(stand.signedOut, [])
  stand.accountFails = null
  t.match(await stand.pins.finish(signIn), { status: 'signed-in' })
})

t.test(
  'rule 36: the address of Plex’s page tells the code and the client, and no PIN id and no token',
  async (t) => {
    const { pins } = pinStand()
    const signIn: SignIn = {
      pinId: 987_654_321,
      code: 'ABCD',
      clientIdentifier: 'cid',
      returnTo: '/x?y#z',
      kind: 'redirect',
      expiresAt: NOW + MINUTE
    }
    const view = pins.toView(signIn)
    const url = new URL(view.authUrl)
    t.equal(url.origin, 'https://app.plex.tv')
    t.equal(url.search, '')
    const query = new URLSearchParams(url.hash.slice(2))
    t.strictSame(Object.fromEntries(query), {
      clientID: 'cid',
      code: 'ABCD',
      'context[device][product]': 'Usher & Co',
      'context[device][deviceName]': 'usher.example',
      'context[device][platform]': 'Web',
      'context[device][version]': '1',
      forwardUrl: 'https://usher.example/session/callback'
    })
    t.notMatch(JSON.stringify(view), /987654321|returnTo|cid\b.*token/)
    t.equal(view.linkUrl, 'https://plex.tv/link/?pin=ABCD')
    t.equal(view.expiresAt, new Date(NOW + MINUTE).toISOString())
  }
)

const ORIGIN = 'https://usher.example'

t.test(
  'rule 35: a returnTo of this origin in its one spelling is kept, and of a listed origin',
  async (t) => {
    for (const good of [
      '/',
      '/library',
      '/a/b?c=d&e=/f#/g',
      '/web/index.html#!/server/x',
      '/a%20b',
      '/?u=https://evil.example/',
      '/%E2%82%AC'
    ]) {
      t.equal(safeReturnTo(good, ORIGIN, []), good)
    }
    const listed = ['https://app.example', 'http://127.0.0.1:3000']
    t.equal(safeReturnTo('https://app.example/a?b#c', ORIGIN, listed), 'https://app.example/a?b#c')
    t.equal(safeReturnTo('https://app.example', ORIGIN, listed), 'https://app.example/')
    t.equal(safeReturnTo('http://127.0.0.1:3000/x', ORIGIN, listed), 'http://127.0.0.1:3000/x')
    t.equal(safeReturnTo('https://app.example/a', ORIGIN, []), null)
  }
)

t.test('rule 35: no generated payload leads anywhere but to this origin', async (t) => {
  const evils = [
    'evil.example',
    'usher.example.evil.example',
    '2130706433',
    '0177.0.0.1',
    '0x7f.1',
    '[::1]',
    'evil。example',
    'xn--vil-wna.example'
  ]
  const slashes = [
    '/',
    '//',
    '///',
    '////',
    '/\\',
    '\\/',
    '\\',
    '\\\\',
    '/\t/',
    '/\n/',
    '/\r/',
    '/\v/',
    '/ /',
    '/%09/',
    '/%0a/',
    '/%0d/',
    '/%2f',
    '/%2F/',
    '/%5c',
    '/%5C/',
    '/%252f/',
    '/%25255c',
    '/.//',
    '/..//',
    '/./\\',
    '/%2e%2e//',
    '\t/',
    ' /',
    '\u2028/',
    '/\u2028/',
    '/\u3000/',
    '/;/',
    '/@'
  ]
  const schemes = [
    '',
    'https:',
    'http:',
    'HTTPS:',
    'javascript:',
    'data:text/html,',
    'vbscript:',
    'file:',
    'blob:https:',
    'ftp:',
    'about:',
    'x:',
    '\thttps:',
    'java\tscript:',
    'https:/\\',
    'https:\\'
  ]
  const users = ['', 'usher.example@', 'user:pass@', 'https://usher.example@', '%00@']
  let cases = 0
  for (const evil of evils) {
    for (const slash of slashes) {
      for (const scheme of schemes) {
        for (const user of users) {
          cases += 1
          const payload = `${scheme}${slash}${user}${evil}`
          const safe = safeReturnTo(payload, ORIGIN, ['https://app.example'])
          if (safe === null) continue
          const target = new URL(safe, ORIGIN)
          if (
            !/^\/[^/\\]/.test(safe) ||
            target.origin !== ORIGIN ||
            /[\\\u0000-\u0020\u007f-\uffff]/.test(safe)
          )
            t.fail(`${JSON.stringify(payload)} led to ${safe}`)
        }
      }
    }
  }
  t.ok(cases >= 500, `${cases} cases`)
  for (const bad of [
    '',
    'library',
    '//evil.example',
    '/\\evil.example',
    'https://app.example.evil.example/',
    'https://app.example:444/',
    'http://app.example/',
    'https://user@app.example/',
    'https://app.example@evil.example/',
    'HTTPS://app.example/',
    'https:/app.example/',
    'https://APP.example/',
    'https://app.example/../x',
    'https://app.example\\@evil.example/',
    'null',
    'javascript:alert(1)',
    '/a/../b',
    '/a/./b',
    '/%2e%2e/x',
    '/x%00',
    '/x%0d%0aSet-Cookie:a=b',
    '/é',
    `/${'a'.repeat(1000)}`
  ]) {
    t.equal(safeReturnTo(bad, ORIGIN, ['https://app.example']), null, JSON.stringify(bad))
  }
})
