import t from 'tap'
import type { Revocation } from '../../../src/session/live/revocation.ts'
import { fromEntry, toEntry } from '../../../src/store/revocation-text.ts'
import { fc } from '../../support/properties.ts'

const NOW = Date.UTC(2026, 7, 1)
const DAY_MS = 86_400_000

const id = fc.stringMatching(/^[\w-]{1,64}$/)
const until = fc.integer({ min: NOW + 1, max: NOW + 400 * DAY_MS })
const revocation: fc.Arbitrary<Revocation> = fc.oneof(
  fc.record({ kind: fc.constant('session' as const), id, until }),
  fc.record({ kind: fc.constant('token' as const), id, until }),
  fc.record({
    kind: fc.constant('account' as const),
    accountId: fc.integer({ min: 0, max: 2 ** 40 }),
    before: fc.integer({ min: 0, max: NOW }),
    until
  })
)

t.test('every revocation comes back from Redis as it went there', async (t) => {
  fc.assert(
    fc.property(revocation, (given) => {
      const { member, score } = toEntry(given)
      t.strictSame(fromEntry(member, String(score), NOW), { ...given })
    }),
    { numRuns: 300 }
  )
})

t.test('nothing that anybody writes to Redis throws, and only what is well-formed counts', async (t) => {
  const soon = String(NOW + 1000)
  for (const member of [
    '',
    's:',
    's',
    'x:abc',
    's:a b',
    's:a\nb',
    `s:${'a'.repeat(65)}`,
    'a:1',
    'a:-1:2',
    'a:1:2:3'
  ])
    t.equal(fromEntry(member, soon, NOW), null, JSON.stringify(member))
  for (const score of ['', 'abc', 'NaN', 'Infinity', '1e400', '1.5', '-1', String(NOW), '9007199254740993'])
    t.equal(fromEntry('s:abc', score, NOW), null, score)
  fc.assert(
    fc.property(fc.string(), fc.string(), (member, score) => {
      t.equal(fromEntry(member, score, NOW), null)
    }),
    { numRuns: 300 }
  )
})

t.test('an entry cannot outlive the longest session, nor end sessions that are still to come', async (t) => {
  t.equal(fromEntry('s:abc', String(NOW + 500 * DAY_MS), NOW), null)
  t.match(fromEntry(`a:7:${NOW + DAY_MS}`, String(NOW + DAY_MS), NOW), { accountId: 7, before: NOW + 60_000 })
})
