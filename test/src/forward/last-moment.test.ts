import { mock } from 'node:test'
import t from 'tap'
import type { ForwardPrincipal } from '../../../src/forward/forward-call.ts'
import { findRefusal, hasEnded, NotSent, ProofWait } from '../../../src/forward/last-moment.ts'

/** A principal of which each fact can be set; `proofs` counts how often its server had to prove itself. */
function standIn(facts: { hasEnded?: boolean; isProven?: boolean } = {}) {
  const state = { hasEnded: false, isProven: false, proofs: 0, ...facts }
  const principal = {
    hasEnded: () => state.hasEnded,
    isProven: () => state.isProven,
    prove: async () => {
      state.proofs += 1
    }
  } as unknown as ForwardPrincipal
  return { state, principal, wait: new ProofWait(principal) }
}

t.test('rule 85: an ended session is refused before anything else, whatever was proven', async (t) => {
  for (const isProven of [true, false])
    t.equal(findRefusal(standIn({ hasEnded: true, isProven }).principal, null), 'ended')
  const { principal, state, wait } = standIn()
  await wait.prove()
  // Revoked while the server proved itself.
  state.hasEnded = true
  t.equal(findRefusal(principal, wait), 'ended')
})

t.test('rule 77: without a proof nothing is sent, and with one that holds everything is', async (t) => {
  t.equal(findRefusal(standIn().principal, null), 'unproven')
  t.equal(findRefusal(standIn({ isProven: true }).principal, null), null)
  const { principal, wait } = standIn()
  t.equal(findRefusal(principal, wait), 'unproven', 'a wait alone proves nothing')
})

t.test('rule 77: a proof that nothing remembers is good for the request that waited, once', async (t) => {
  const { principal, wait, state } = standIn()
  await wait.prove()
  t.equal(findRefusal(principal, wait), null)
  t.equal(findRefusal(principal, wait), 'unproven')
  t.equal(state.proofs, 1)
})

t.test('a proof that holds is not kept as well, unless it is the last there may be', async (t) => {
  const { principal, wait, state } = standIn({ isProven: true })
  await wait.prove()
  state.isProven = false
  t.equal(findRefusal(principal, wait), 'unproven', 'all connections were closed since')
  state.isProven = true
  await wait.prove()
  state.isProven = false
  t.equal(findRefusal(principal, wait), null)
  await t.rejects(wait.prove(), { code: 'USHER_UPSTREAM_UNREACHABLE' }, 'a third is not waited for')
  t.equal(state.proofs, 2)
})

t.test('rule 77: such a proof is good for a second', async (t) => {
  const { principal, wait } = standIn()
  let time = 5000
  mock.method(performance, 'now', () => time)
  t.teardown(() => mock.restoreAll())
  await wait.prove()
  time += 1000
  t.equal(findRefusal(principal, wait), 'unproven')
  await wait.prove()
  time += 999
  t.equal(findRefusal(principal, wait), null)
})

t.test('a refusal says what it was, and an end is the problem of the session', async (t) => {
  const error = new NotSent('ended')
  t.equal(error.message, 'not sent: ended')
  t.equal(error.refusal, 'ended')
  t.equal(hasEnded().code, 'USHER_SESSION_REVOKED')
})
