import t from 'tap'
import { createRevocations, type Revocation } from '../../../../src/session/live/revocation.ts'
import { createClock, DAY, HOUR, NOW, sampleSession } from '../sample.ts'

import { stand } from '../stand.ts'

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

t.test(
  'rule 22: a session ends with its account, with the account whose Home it is, and with its token',
  async (t) => {
    const account = (id: number) => ({ ...sampleSession().account, id })
    const opener = (accountId: number) => ({ accountId, uuid: 'u', token: 't', clientIdentifier: 'c' })
    for (const [name, session, isRevoked] of [
      ['its own account', sampleSession({ account: account(7) }), true],
      ['another account', sampleSession({ account: account(8) }), false],
      [
        'a profile that the account opened',
        sampleSession({ account: account(8), homeAdmin: opener(7) }),
        true
      ],
      ['a profile of another Home', sampleSession({ account: account(8), homeAdmin: opener(9) }), false],
      [
        'the account as a profile of another',
        sampleSession({ account: account(7), homeAdmin: opener(9) }),
        true
      ],
      ['the same, known from a token', { ...sampleSession({ account: account(8) }), openerId: 7 }, true],
      [
        'of another, known from a token',
        { ...sampleSession({ account: account(8) }), openerId: null },
        false
      ],
      ['signed in later', sampleSession({ account: account(7), signedInAt: NOW + 1 }), false]
    ] as const) {
      const revocations = createRevocations({ now: () => NOW })
      t.equal(revocations.isRevoked(session), false)
      revocations.revoke({ kind: 'account', accountId: 7, before: NOW, until: NOW + DAY })
      t.equal(revocations.isRevoked(session), isRevoked, name)
    }
    const revocations = createRevocations({ now: () => NOW })
    const session = sampleSession({ id: 'a' })
    revocations.revoke({ kind: 'token', id: 'x', until: NOW + DAY })
    t.equal(revocations.isRevoked({ ...session, tokenId: 'x' }), true)
    t.equal(revocations.isRevoked({ ...session, tokenId: 'y' }), false)
    t.equal(revocations.isRevoked({ ...session, id: 'x' }), false, 'a token’s id is no session’s')
  }
)

t.test('only news is made known, and everything in force can be told to others', async (t) => {
  const clock = createClock()
  const heard: Revocation[] = []
  const revocations = createRevocations({ now: clock.now })
  revocations.listen((each) => heard.push(each))
  const isNews = (revocation: Revocation) => {
    const before = heard.length
    revocations.learn(revocation)
    return heard.length > before
  }
  for (const kind of ['session', 'token'] as const) {
    t.equal(isNews({ kind, id: 'a', until: NOW + HOUR }), true)
    t.equal(isNews({ kind, id: 'a', until: NOW + HOUR }), false, 'the same again')
    t.equal(isNews({ kind, id: 'a', until: NOW + HOUR - 1 }), false, 'or for less')
    t.equal(isNews({ kind, id: 'a', until: NOW + HOUR + 1 }), true, 'or for longer')
    t.equal(isNews({ kind, id: 'b', until: NOW }), false, 'what is over is none')
  }
  const account = { kind: 'account', accountId: 7, before: NOW, until: NOW + HOUR } as const
  t.equal(isNews(account), true)
  t.equal(isNews(account), false)
  t.equal(isNews({ ...account, before: NOW - 1, until: NOW + HOUR - 1 }), false)
  t.equal(isNews({ ...account, before: NOW + 1 }), true)
  t.equal(isNews({ ...account, until: NOW + DAY }), true)
  t.equal(revocations.size, 3)
  t.strictSame(
    revocations.all().map(({ kind, until }) => `${kind} ${until - NOW}`),
    [`session ${HOUR + 1}`, `token ${HOUR + 1}`, `account ${DAY}`]
  )
  t.match(revocations.all()[2], { before: NOW + 1 })
  clock.advance(DAY - 1)
  const late = sampleSession({ account: { ...sampleSession().account, id: 7 } })
  t.equal(revocations.isRevoked(late), true)
  clock.advance(2)
  t.equal(revocations.isRevoked(late), false, 'and it ends')
})

t.test('a listener that was taken away hears nothing more', async (t) => {
  const revocations = createRevocations({ now: () => NOW })
  const heard: string[] = []
  const stop = revocations.listen(() => heard.push('first'))
  revocations.listen(() => heard.push('second'))
  revocations.revoke({ kind: 'session', id: 'a', until: NOW + DAY })
  stop()
  revocations.revoke({ kind: 'session', id: 'b', until: NOW + DAY })
  t.strictSame(heard, ['first', 'second', 'second'])
})
