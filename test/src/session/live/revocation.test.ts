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
