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
  t.match(sessions.read(cookie(value)), { open: true, asSealed: session, newestKey: true })
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
    t.match(renewed.asSealed, { id: session.id, seenAt: clock.now(), idleExpiresAt: clock.now() + 7 * DAY })
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
  t.match(sessions.open(value), { asSealed: { role: 'shared', serverToken: 'another' } })
  const stillOld = sessions.open(sessions.seal(sampleSession({ id: read.asSealed.id })))
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

t.test('rule 18: a remembered value expires to the millisecond, and is then forgotten', async (t) => {
  const { sessions, clock, unseals } = stand()
  const value = sessions.seal(sampleSession({ idleExpiresAt: NOW + HOUR }))
  for (let i = 0; i < 3; i++) t.equal(sessions.open(value).open, true)
  unseals.length = 0
  clock.advance(HOUR - 1)
  t.equal(sessions.open(value).open, true)
  t.strictSame(unseals, [], 'out of the cache')
  clock.advance(1)
  t.match(sessions.open(value), { code: 'USHER_SESSION_EXPIRED', clear: true })
  t.strictSame(unseals, [], 'the cache knew it too')
  t.match(sessions.open(value), { code: 'USHER_SESSION_EXPIRED' })
  t.strictSame(unseals, ['k1 expired'], 'and keeps it no longer')
})

t.test(
  'rule 20: a remembered value that is revoked is forgotten, and a new one never remembered',
  async (t) => {
    const { sessions, unseals, revocations, live } = stand()
    const session = sampleSession()
    const value = sessions.seal(session)
    for (let i = 0; i < 3; i++) t.equal(sessions.open(value).open, true)
    revocations.revoke({ kind: 'session', id: session.id, until: NOW + DAY })
    unseals.length = 0
    t.match(sessions.open(value), { code: 'USHER_SESSION_REVOKED' })
    t.strictSame(unseals, [])
    t.match(sessions.open(value), { code: 'USHER_SESSION_REVOKED' })
    t.strictSame(unseals, ['k1 ok'])
    const other = sampleSession()
    revocations.revoke({ kind: 'session', id: other.id, until: NOW + DAY })
    t.match(sessions.open(sessions.seal(other)), { code: 'USHER_SESSION_REVOKED' })
    t.equal(live.find(other.id), undefined)
  }
)

t.test('what does not open is counted by its reason, and an empty cookie is nothing to count', async (t) => {
  const { sessions, unseals, seal } = stand()
  const value = sessions.seal(sampleSession())
  const invalid = { open: false, code: 'USHER_SESSION_INVALID', clear: true }
  for (const [bad, reason] of [
    ['x', 'unknown malformed'],
    [seal.seal('signin', []), 'unknown forged'],
    [sampleSeal({ keys: [sampleKey('other')] }).seal('session', []), 'unknown unknown_key'],
    [seal.seal('session', ['no session']), 'k1 malformed']
  ] as const) {
    unseals.length = 0
    t.strictSame(sessions.read(cookie(bad)), invalid)
    t.strictSame(unseals, [reason])
  }
  unseals.length = 0
  t.strictSame(sessions.read(cookie('')), invalid)
  t.strictSame(unseals, [])
  t.equal(sessions.open(value).open, true)
})

t.test('rule 11: a minute ahead is the last that opens', async (t) => {
  const { sessions } = stand()
  t.equal(sessions.open(sessions.seal(sampleSession({ seenAt: NOW + MINUTE }))).open, true)
  t.equal(sessions.open(sessions.seal(sampleSession({ seenAt: NOW + MINUTE + 1 }))).open, false)
})

t.test('rule 18: a longer idle lifetime does not lengthen what was sealed with a shorter one', async (t) => {
  const { sessions, clock } = stand({ idleMs: 7 * DAY })
  const value = sessions.seal(sampleSession({ idleExpiresAt: NOW + HOUR }))
  clock.advance(HOUR)
  t.match(sessions.open(value), { code: 'USHER_SESSION_EXPIRED' })
})

t.test('rule 13: a cookie has 4,096 bytes, name and value, and not one more', async (t) => {
  const lengths = new Set<number>()
  for (const kid of ['a', 'ab', 'abc', 'abcd']) {
    const { sessions, seal } = stand({ seal: sampleSeal({ keys: [sampleKey(kid)] }) })
    for (let chars = 2000; chars < 3000; chars += 1) {
      const session = sampleSession({ accountToken: 'x'.repeat(chars), serverToken: null })
      const length = NAMES.session.length + 1 + seal.seal('session', sessionCodec.encode(session)).length
      if (Math.abs(length - 4096) > 4) continue
      lengths.add(length)
      t.equal(sessions.fits(session), length <= 4096, `${length}`)
      if (length > 4096)
        t.throws(() => sessions.seal(session), new RangeError('the session does not fit a cookie'))
    }
  }
  for (const length of [4095, 4096, 4097, 4098]) t.ok(lengths.has(length), `${length} was tried`)
})

t.test('only a session that is too long does not fit: any other failure is one', async (t) => {
  const broken = new TypeError('no key')
  const { sessions } = stand({
    seal: {
      ...sampleSeal(),
      seal: () => {
        throw broken
      }
    }
  })
  t.throws(() => sessions.fits(sampleSession()), broken)
})

t.test('a session of a minute slides in the middle of it', async (t) => {
  const { sessions, clock, open } = stand({ idleMs: MINUTE })
  const read = open(sampleSession({ idleExpiresAt: NOW + MINUTE }))
  clock.advance(MINUTE / 2 - 1)
  t.equal(sessions.renew(read), null)
  clock.advance(1)
  t.ok(sessions.renew(read))
})

t.test('a changed role, a changed server token and a later check are each worth a new value', async (t) => {
  const slideMs = (7 * DAY) / 20
  for (const [changes, isDue] of [
    [{}, false],
    [{ role: 'shared' }, true],
    [{ serverToken: 'another' }, true],
    [{ checkedAt: NOW + slideMs - 1 }, false],
    [{ checkedAt: NOW + slideMs }, true]
  ] as const) {
    const { sessions, open } = stand({ idleMs: 7 * DAY })
    const read = open(sampleSession())
    read.live.session = { ...read.live.session, ...changes }
    t.equal(sessions.renew(read) !== null, isDue, JSON.stringify(changes))
  }
})

t.test(
  'rule 24: a shared value serves until the session changes again, or its time to slide has come',
  async (t) => {
    const slideMs = (7 * DAY) / 20
    const { sessions, open, clock } = stand({ idleMs: 7 * DAY })
    const read = open(sampleSession())
    clock.advance(slideMs)
    const first = sessions.renew(read)
    t.equal(sessions.renew(read), first)
    clock.advance(slideMs - 1)
    t.equal(sessions.renew(read), first)
    clock.advance(1)
    const second = sessions.renew(read)
    t.not(second, first)
    read.live.session = { ...read.live.session, role: 'shared' }
    const third = sessions.renew(read)
    t.not(third, second)
    t.match(sessions.open(third ?? ''), { asSealed: { role: 'shared' } })
  }
)

t.test(
  'rule 20: nothing is renewed for a session that has ended, or that has outgrown a cookie',
  async (t) => {
    const { sessions, open, clock, revocations } = stand()
    const [ending, growing] = [open(sampleSession()), open(sampleSession())]
    clock.advance(DAY)
    revocations.revoke({ kind: 'session', id: ending.asSealed.id, until: NOW + 30 * DAY })
    t.equal(sessions.renew(ending), null)
    const grown = { ...growing.live.session, serverToken: 'x'.repeat(4000) }
    growing.live.session = grown
    t.equal(sessions.renew(growing), null)
    t.equal(growing.live.session, grown, 'it goes on as it was')
    t.equal(growing.live.renewed, null)
  }
)

t.test('rule 8: after a change of keys nothing is remembered of what they opened or sealed', async (t) => {
  const { sessions, clock, unseals, open } = stand()
  const session = sampleSession()
  const value = sessions.seal(session)
  for (let i = 0; i < 3; i++) sessions.open(value)
  const read = open(session)
  clock.advance(DAY)
  const renewed = sessions.renew(read)
  t.equal(sessions.renew(read), renewed)
  unseals.length = 0
  sessions.forget()
  t.equal(sessions.open(value).open, true)
  t.strictSame(unseals, ['k1 ok'], 'it is unsealed again')
  t.not(sessions.renew(read), renewed, 'and sealed again')
})

t.test('a session knows the newest key that its browser has a value of', async (t) => {
  const [fresh, old] = [sampleKey('fresh'), sampleKey('old')]
  const { sessions, clock } = stand({ seal: sampleSeal({ keys: [fresh, old] }) })
  const session = sampleSession()
  const before = stand({ seal: sampleSeal({ keys: [old] }) }).sessions.seal(session)
  const kidOf = (value: string) => {
    const read = sessions.open(value)
    if (!read.open) throw new Error('closed')
    return read.live.kid
  }
  t.equal(kidOf(before), 'old')
  t.equal(kidOf(sessions.seal(session)), 'fresh')
  t.equal(kidOf(before), 'fresh', 'an older copy brings nothing back')
  const other = sampleSession()
  const read = sessions.open(stand({ seal: sampleSeal({ keys: [old] }) }).sessions.seal(other))
  if (!read.open) throw new Error('closed')
  clock.advance(1)
  t.ok(sessions.renew(read), 'a value of an older key is due')
  t.equal(read.live.kid, 'fresh')
})
