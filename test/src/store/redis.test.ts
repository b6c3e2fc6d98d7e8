import t from 'tap'
import { createRedisLink } from '../../../src/store/redis.ts'
import { skipWithout } from '../../support/programs.ts'
import { startRedis } from '../../support/redis.ts'
import { until } from '../../support/until.ts'

const skip = skipWithout('redis-server')
/** A machine that pauses in a call: no Redis is away for that. */
const PATIENT_MS = 30_000

t.test('a long catch-up is not begun again, and a start does not wait for all of it', { skip }, async (t) => {
  const { url } = await startRedis(t)
  const release = Promise.withResolvers<void>()
  let begun = 0
  const link = createRedisLink({
    url,
    channel: 'usher-test',
    onMessage: () => undefined,
    catchUp: () => {
      begun += 1
      return release.promise
    },
    onUp: () => undefined,
    onDown: (reason) => t.fail(reason),
    commandTimeoutMs: PATIENT_MS
  })
  t.teardown(() => link.close())
  await link.opened
  t.notOk(link.isUp())
  t.equal(begun, 1)
  release.resolve()
  await until(() => link.isUp(), 'it is up')
  t.equal(begun, 1)
})

t.test('a call while Redis is away fails at once', { skip }, async (t) => {
  const redis = await startRedis(t, { away: true })
  const link = createRedisLink({
    url: redis.url,
    channel: 'usher-test',
    onMessage: () => undefined,
    catchUp: async () => undefined,
    onUp: () => undefined,
    onDown: () => undefined,
    commandTimeoutMs: PATIENT_MS
  })
  t.teardown(() => link.close())
  await link.opened
  await t.rejects(link.run('return 1', 'key', []))
  await t.rejects(link.scan('key', '0'))
  await redis.start()
  await until(() => link.isUp(), 'it is up')
  t.equal(await link.run('return ARGV[1]', 'key', ['said']), 'said')
})

t.test(
  'a call that fails during a catch-up has it done again before the store is up',
  { skip },
  async (t) => {
    const { url } = await startRedis(t)
    const release = Promise.withResolvers<void>()
    let begun = 0
    const link = createRedisLink({
      url,
      channel: 'usher-test',
      onMessage: () => undefined,
      async catchUp(own) {
        begun += 1
        if (begun > 1) return release.promise
        // What this catch-up has read already may lack what the failed call would have written.
        own.suspect(new Error('OOM command not allowed'))
      },
      onUp: () => undefined,
      onDown: () => undefined,
      commandTimeoutMs: PATIENT_MS
    })
    t.teardown(() => link.close())
    await until(() => begun === 2, 'it is done again')
    t.notOk(link.isUp())
    release.resolve()
    await until(() => link.isUp(), 'it is up')
    t.equal(begun, 2)
  }
)

t.test(
  'a database that cannot be selected is not up, and nothing is written to another',
  { skip },
  async (t) => {
    const { url, client } = await startRedis(t)
    const reasons: string[] = []
    let caughtUp = 0
    const link = createRedisLink({
      url: `${url}/99`,
      channel: 'usher-test',
      onMessage: () => undefined,
      async catchUp() {
        caughtUp += 1
      },
      onUp: () => t.fail('up'),
      onDown: (reason) => reasons.push(reason),
      commandTimeoutMs: PATIENT_MS
    })
    t.teardown(() => link.close())
    await link.opened
    await until(() => reasons.length > 0, 'it is told')
    await t.rejects(link.run('return redis.call("SET", KEYS[1], "x")', 'stray', []))
    await t.rejects(link.scan('key', '0'))
    t.strictSame(reasons, ['no such database'])
    t.notOk(link.isUp())
    t.equal(caughtUp, 0)
    t.equal(await client.get('stray'), null)
  }
)

t.test('another database than the first is selected before anything is written', { skip }, async (t) => {
  const { url, client } = await startRedis(t)
  const link = createRedisLink({
    url: `${url}/3`,
    channel: 'usher-test',
    onMessage: () => undefined,
    catchUp: async (own) => void (await own.run('return redis.call("SET", KEYS[1], "x")', 'mine', [])),
    onUp: () => undefined,
    onDown: (reason) => t.fail(reason),
    commandTimeoutMs: PATIENT_MS
  })
  t.teardown(() => link.close())
  await until(() => link.isUp(), 'it is up')
  t.equal(await client.get('mine'), null)
  await client.select(3)
  t.equal(await client.get('mine'), 'x')
})
