import t from 'tap'
import { createPinLooks } from '../../../../src/session/sign-in/pin-looks.ts'
import { createClock } from '../sample.ts'

const PIN = 7
const REMEMBER = { rememberMs: 2000 }

t.test('rule 82: whoever asks while a look is under way shares it', async (t) => {
  const clock = createClock()
  const looks = createPinLooks<string>(clock.now)
  const { promise, resolve } = Promise.withResolvers<string>()
  let asked = 0
  const look = () => {
    asked += 1
    return promise
  }
  const all = [
    looks.poll(PIN, look, REMEMBER),
    looks.poll(PIN, look, REMEMBER),
    looks.fresh(PIN, look),
    looks.fresh(PIN, look)
  ]
  clock.advance(5000)
  t.equal(looks.mayAsk(PIN), false, 'nor may anybody else ask beside it, however long it takes')
  resolve('pending')
  t.strictSame(await Promise.all(all), ['pending', 'pending', 'pending', 'pending'])
  t.equal(asked, 1)
  t.equal(looks.mayAsk(PIN), true)
  t.equal(looks.mayAsk(PIN), false, 'once a second')
  t.equal(looks.mayAsk(PIN + 1), true, 'each PIN for itself')
})

t.test('a look is remembered for as long as it was asked for, a failure for a second', async (t) => {
  const clock = createClock()
  const looks = createPinLooks<number>(clock.now)
  let count = 0
  const next = async () => ++count
  t.equal(await looks.poll(PIN, next, REMEMBER), 1)
  t.equal(await looks.poll(PIN, next, REMEMBER), 1)
  t.equal(looks.isOver(PIN), false, 'a PIN that was looked at is not over')
  clock.advance(1999)
  t.equal(await looks.poll(PIN, next, REMEMBER), 1)
  clock.advance(1)
  t.equal(await looks.poll(PIN, next, REMEMBER), 2)
  const failure = new Error('away')
  clock.advance(2000)
  await t.rejects(
    looks.poll(PIN, () => Promise.reject(failure), REMEMBER),
    failure
  )
  clock.advance(999)
  await t.rejects(looks.poll(PIN, next, REMEMBER), failure)
  clock.advance(1)
  t.equal(await looks.poll(PIN, next, REMEMBER), 3)
})

t.test('what has ended is never asked about again', async (t) => {
  const looks = createPinLooks<string>(createClock().now)
  t.equal(looks.isOver(PIN), false)
  looks.end(PIN, 'spent')
  t.equal(looks.isOver(PIN), true)
  t.equal(looks.isOver(PIN + 1), false)
  const never = () => Promise.reject(new Error('asked'))
  t.equal(await looks.poll(PIN, never, REMEMBER), 'spent')
  t.equal(await looks.fresh(PIN, never), 'spent')
})

t.test('a look that ends the PIN keeps nothing of its outcome', async (t) => {
  const looks = createPinLooks<string>(createClock().now)
  const look = async () => {
    looks.end(PIN, 'spent')
    return 'a session'
  }
  t.equal(await looks.fresh(PIN, look), 'a session')
  t.equal(await looks.fresh(PIN, look), 'spent')
  t.equal(await looks.poll(PIN, look, REMEMBER), 'spent')
})

t.test('rule 82: who wants a current outcome waits until plex.tv may be asked again', async (t) => {
  const clock = createClock()
  const looks = createPinLooks<number>(clock.now)
  let count = 0
  const next = async () => ++count
  t.equal(await looks.fresh(PIN, next), 1, 'the first at once')
  clock.advance(900)
  const askedAt = performance.now()
  const second = looks.fresh(PIN, next)
  t.equal(count, 1)
  t.equal(await second, 2)
  t.ok(performance.now() - askedAt > 95, 'the rest of the second')
  clock.advance(999)
  t.equal(looks.mayAsk(PIN), false)
  clock.advance(1)
  t.equal(looks.mayAsk(PIN), true, 'a second later, to the millisecond')
})
