import t from 'tap'
import { backOff, spread } from '../../../src/domain/clock.ts'

t.test('a pause doubles up to its longest, and is spread by a quarter', async (t) => {
  const { random } = Math
  t.teardown(() => {
    Math.random = random
  })
  for (const [dice, share] of [
    [0, 0.75],
    [0.5, 1],
    [1, 1.25]
  ] as const) {
    Math.random = () => dice
    t.equal(spread(1000), 1000 * share)
    t.strictSame(
      [1, 2, 3, 4, 9].map((attempts) => backOff(attempts, 100, 500)),
      [100, 200, 400, 500, 500].map((ms) => ms * share)
    )
  }
})
