import t from 'tap'
import { sessionCodec } from '../../../../src/session/cookie/sealed-session.ts'
import type { UnsealedSession } from '../../../../src/session/cookie/sessions.ts'
import {
  createClock,
  DAY,
  HOUR,
  MINUTE,
  NAMES,
  NOW,
  sampleKey,
  sampleSeal,
  sampleSession
} from '../sample.ts'

import { cookie, stand } from '../stand.ts'

t.test('a cookie header signs in, and every way of not being one says which', async (t) => {
  const { sessions, seal, revocations, unseals, touched } = stand()
  const session = sampleSession()
  const value = sessions.seal(session)
  t.match(sessions.read(cookie(value)), { open: true, told: session, newestKey: true })
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
    seal.seal('signin', sessionCodec.encode(session))
  ]) {
    t.strictSame(sessions.read(cookie(bad)), { open: false, code: 'USHER_SESSION_INVALID', clear: true })
  }
  t.match(
    sessions.read(`${cookie(value)}; ${NAMES.session}=other`),
    { open: true },
    'the other does not open'
  )
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
    t.match(renewed.told, { id: session.id, seenAt: clock.now(), idleExpiresAt: clock.now() + 7 * DAY })
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
  t.notOk(values.has(sessions.renew(reads[0] as UnsealedSession)), 'until the next renewal is due')
})

t.test('what the re-check learned goes into a new value at once', async (t) => {
  const { sessions, open } = stand()
  const read = open(sampleSession())
  read.live.session = { ...read.live.session, role: 'shared', serverToken: 'another' }
  const value = sessions.renew(read) ?? ''
  t.match(sessions.open(value), { told: { role: 'shared', serverToken: 'another' } })
  const stillOld = sessions.open(sessions.seal(sampleSession({ id: read.told.id })))
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
  const { sessions, clock, open, revocations } = stand()
  const session = sampleSession()
  const first = sessions.seal(session)
  const read = open(session)
  clock.advance(DAY)
  const second = sessions.renew(read) ?? ''
  revocations.revoke({ kind: 'session', id: session.id, until: session.expiresAt })
  for (const value of [first, second])
    t.match(sessions.open(value), { code: 'USHER_SESSION_REVOKED', clear: true })
  clock.advance(6 * DAY)
  t.match(sessions.open(second), { code: 'USHER_SESSION_REVOKED' })
  clock.advance(24 * DAY)
  t.match(sessions.open(second), { code: 'USHER_SESSION_EXPIRED' }, 'and at last it is over by itself')
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

t.test('rule 91: of several session cookies the one that opens counts, if it is the only one', async (t) => {
  const { sessions, revocations, seal, unseals } = stand()
  const [mine, theirs, ended] = [sampleSession(), sampleSession(), sampleSession()]
  revocations.revoke({ kind: 'session', id: ended.id, until: NOW + DAY })
  const read = (...values: string[]) =>
    sessions.read(values.map((value) => `${NAMES.session}=${value}`).join('; '))
  const [own, other, dead] = [mine, theirs, ended].map((session) => sessions.seal(session))
  const foreign = sampleSeal().seal('session', [1])
  for (const junk of [foreign, '', 'x', dead ?? '', seal.seal('signin', [1])]) {
    t.match(read(junk, own ?? ''), { open: true, live: { session: { id: mine.id } } })
    t.match(read(own ?? '', junk), { open: true, live: { session: { id: mine.id } } })
  }
  t.match(read(own ?? '', other ?? ''), { open: false, code: 'USHER_SESSION_INVALID', clear: true })
  t.match(read(foreign, dead ?? ''), { code: 'USHER_SESSION_REVOKED' }, 'the reason that says most')
  t.match(read(foreign, 'x'), { code: 'USHER_SESSION_INVALID' })
  t.match(read(own ?? '', own ?? ''), { open: true }, 'twice the same is one')
  unseals.length = 0
  const nested = sampleSeal({ keys: [sampleKey('theirs')] }).seal('session', [1])
  t.match(read(nested, own ?? ''), { open: true })
  t.strictSame(
    unseals,
    [],
    'another deployment’s cookie, which comes each time, costs nothing and is no news'
  )
})
