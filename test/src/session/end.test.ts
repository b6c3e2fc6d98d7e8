import t from 'tap'
import { createSessionEnds, END_REASONS, type EndReason } from '../../../src/session/end.ts'
import { createLiveSessions } from '../../../src/session/live/live-sessions.ts'
import { createRevocations } from '../../../src/session/live/revocation.ts'
import type { Session } from '../../../src/session/session.ts'
import { createClock, DAY, HOUR, NOW, sampleSession } from './sample.ts'

const ADMIN = { accountId: 99, uuid: 'u', token: 'admin-token', clientIdentifier: 'admin-client' }

function endStand({ hasOneServer = true } = {}) {
  const clock = createClock()
  const revocations = createRevocations({ now: clock.now })
  const live = createLiveSessions()
  const signedOut: string[] = []
  const told: string[] = []
  const ends = createSessionEnds({
    config: { sessionMaxMs: 30 * DAY },
    hasOneServer,
    live,
    revocations,
    signOuts: { add: (token, clientIdentifier) => signedOut.push(`${token} ${clientIdentifier}`) },
    onEnd: ({ id }, reason) => told.push(`${id} ${reason}`),
    now: clock.now
  })
  return { clock, revocations, live, signedOut, told, ends }
}

function session(id: string, changes: Partial<Session> = {}): Session {
  return sampleSession({ id, accountToken: `token-${id}`, clientIdentifier: `client-${id}`, ...changes })
}

t.test('rules 20 and 21: an end revokes, signs out what the session holds, and is told once', async (t) => {
  for (const reason of END_REASONS) {
    const { ends, revocations, signedOut, told } = endStand()
    const ending = session('a', { homeAdmin: ADMIN })
    t.equal(ends.end(ending, reason), true)
    t.equal(revocations.isRevoked(ending), true, reason)
    const own = reason === 'token_dead' ? [] : ['token-a client-a']
    t.strictSame(signedOut, [...own, 'admin-token admin-client'], `${reason}: no dead token is signed out`)
    t.strictSame(told, [`a ${reason}`])
    t.equal(ends.end(ending, reason), false, 'it ends once')
    t.equal(told.length, 1)
    t.equal(signedOut.length, own.length + 1)
  }
})

t.test(
  'a revocation is kept until the session would have expired, whatever the clocks of others say',
  async (t) => {
    const { ends, revocations, clock } = endStand()
    const ending = session('a', { expiresAt: NOW + DAY })
    ends.end(ending, 'logout')
    t.match(revocations.all(), [{ kind: 'session', id: 'a', until: NOW + DAY + 60_000 }])
    clock.advance(DAY + 59_000)
    t.equal(revocations.isRevoked(ending), true)
  }
)

t.test('rule 22: which ends concern the account', async (t) => {
  const isWide = (reason: EndReason, hasOneServer: boolean): boolean => {
    const { ends, live, revocations } = endStand({ hasOneServer })
    const [ending, other] = [session('a'), session('b')]
    for (const each of [ending, other]) live.of(each)
    ends.end(ending, reason)
    return revocations.isRevoked(other)
  }
  for (const reason of END_REASONS) {
    t.equal(isWide(reason, true), reason === 'logout_everywhere' || reason === 'access_lost', reason)
    t.equal(isWide(reason, false), reason === 'logout_everywhere', `${reason}, sessions choose their servers`)
  }
})

t.test(
  'rule 22: an account’s end takes its profiles along, signs out all that are known, tells each',
  async (t) => {
    const { ends, live, revocations, signedOut, told } = endStand()
    const account = { ...sampleSession().account, id: 7 }
    const own = session('own', { account })
    const profile = session('profile', { homeAdmin: { ...ADMIN, accountId: 7 } })
    const later = session('later', { account, signedInAt: NOW + HOUR })
    const other = session('other')
    const gone = session('gone', { account })
    for (const each of [own, profile, later, other, gone]) live.of(each)
    ends.end(gone, 'logout')
    told.length = signedOut.length = 0
    ends.endAccount(7, 'access_lost', NOW)
    const unknown = session('unknown', { account })
    for (const each of [own, profile, unknown]) t.equal(revocations.isRevoked(each), true, each.id)
    t.equal(revocations.isRevoked(later), false, 'a sign-in since then goes on')
    t.equal(revocations.isRevoked(other), false)
    t.strictSame(told, ['own access_lost', 'profile access_lost'])
    t.strictSame(signedOut, [
      'token-own client-own',
      'token-profile client-profile',
      'admin-token admin-client'
    ])
    t.equal(
      revocations.all().filter(({ kind }) => kind === 'account').length,
      1,
      'one record for all of them'
    )
  }
)

t.test('a session that is replaced leaves its successor the tokens that it needs', async (t) => {
  const before = session('before', { homeAdmin: ADMIN })
  for (const [name, successor, expected, reason] of [
    [
      'another sign-in',
      session('after'),
      ['token-before client-before', 'admin-token admin-client'],
      'replaced'
    ],
    [
      'the same browser and account: plex.tv has replaced the token itself',
      session('after', { clientIdentifier: 'client-before' }),
      ['admin-token admin-client'],
      'replaced'
    ],
    [
      'the same browser and another account: plex.tv keeps a token for each',
      session('after', {
        clientIdentifier: 'client-before',
        account: { ...sampleSession().account, id: 5 },
        homeAdmin: ADMIN
      }),
      ['token-before client-before'],
      'replaced'
    ],
    ['another server', session('after', { accountToken: 'token-before', homeAdmin: ADMIN }), [], 'replaced'],
    [
      'another profile',
      session('after', { method: 'home', homeAdmin: ADMIN }),
      ['token-before client-before'],
      'switched'
    ],
    [
      'back as the account itself',
      session('after', { method: 'home', accountToken: 'admin-token' }),
      ['token-before client-before'],
      'switched'
    ]
  ] as const) {
    const { ends, revocations, signedOut, told } = endStand()
    t.equal(ends.replace(before, successor), true)
    t.strictSame(signedOut, expected, name)
    t.strictSame(told, [`before ${reason}`])
    t.equal(revocations.isRevoked(before), true)
    t.equal(revocations.isRevoked(successor), false)
    t.equal(ends.replace(before, successor), false)
  }
})
