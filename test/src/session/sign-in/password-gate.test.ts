import t from 'tap'
import { Problem } from '../../../../src/domain/problems.ts'
import { createPasswordGate } from '../../../../src/session/sign-in/password-gate.ts'
import { createClock } from '../sample.ts'

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
