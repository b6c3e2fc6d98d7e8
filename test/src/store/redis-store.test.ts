import t, { type Test } from 'tap'
import { createKeyRing } from '../../../src/seal/key-ring.ts'
import { createSeal } from '../../../src/seal/seal.ts'
import { createRedisLink, type RedisLink } from '../../../src/store/redis.ts'
import { createRedisNames, type NameSeal } from '../../../src/store/redis-names.ts'
import { createRedisStore } from '../../../src/store/redis-store.ts'
import { type Store, StoreAway } from '../../../src/store/store.ts'
import { skipWithout } from '../../support/programs.ts'
import { startRedis } from '../../support/redis.ts'
import { until } from '../../support/until.ts'
import { plainSeal } from './plain-seal.ts'
import { storeSuite } from './suite.ts'

const skip = skipWithout('redis-server')
const MINUTE_MS = 60_000
/** Thousands of calls, and a machine that pauses in one of them: no Redis is away for that. */
const PATIENT_MS = 30_000

async function open(
  t: Test,
  url: string,
  {
    prefix = 'usher:{t}',
    seal = plainSeal,
    now = Date.now,
    commandTimeoutMs = PATIENT_MS
  }: { prefix?: string; seal?: NameSeal; now?: () => number; commandTimeoutMs?: number } = {}
): Promise<{ store: Store; link: RedisLink }> {
  const names = createRedisNames(prefix, seal)
  const link = createRedisLink({
    url,
    channel: `${prefix}:channel`,
    onMessage: () => undefined,
    catchUp: async (caller) => void (await names.load(caller)),
    onUp: () => undefined,
    onDown: () => undefined,
    commandTimeoutMs
  })
  t.teardown(() => link.close())
  await until(() => link.isUp(), 'Redis is up')
  return { link, store: createRedisStore({ link, names, prefix, now }) }
}

t.test('the store in Redis', { skip }, async (t) => {
  const { url } = await startRedis(t)
  let deployment = 0
  await storeSuite(t, async (t) => {
    deployment += 1
    const clock = { now: Date.now() }
    const options = { prefix: `usher:{${deployment}}`, now: () => clock.now }
    const [one, two] = [await open(t, url, options), await open(t, url, options)]
    return { store: one.store, other: two.store, clock }
  })
})

function ringSeal(...keys: { kid: string; secret: Buffer }[]): NameSeal {
  const seal = createSeal(createKeyRing(keys), (purpose) => purpose)
  return {
    seal: (value) => seal.seal('names', value),
    unseal(text) {
      const unsealed = seal.unseal('names', text)
      return typeof unsealed === 'string' ? null : { value: String(unsealed.value), newest: unsealed.newest }
    }
  }
}

t.test('rule 99: keys in Redis tell nothing without the key ring', { skip }, async (t) => {
  const redis = await startRedis(t)
  const old = { kid: 'old', secret: Buffer.alloc(32, 7) }
  const { store } = await open(t, redis.url, { seal: ringSeal(old) })
  const key = '203.0.113.9'
  await store.commit({
    put: [
      { kind: 'block', key, value: 'v', expiresAt: Date.now() + MINUTE_MS, tags: ['account 471147114711'] }
    ]
  })
  await store.append('events of 471147114711', 'e', 10)
  const keys = await redis.client.keys('*')
  t.ok(keys.length > 4, keys.join(' '))
  t.notMatch(keys.join(' '), /203\.0\.113\.9|471147114711/)
  const { hash } = await import('node:crypto')
  for (const text of [key, `block ${key}`, `block\0${key}`, `block:${key}`])
    t.notOk(
      keys.some((name) => name.includes(hash('sha256', text, 'base64url').slice(0, 22))),
      'nor is it a plain digest'
    )

  await t.test('a rotation of the ring keeps what was stored, a new ring does not find it', async (t) => {
    const fresh = { kid: 'fresh', secret: Buffer.from('0123456789abcdefghijklmnopqrstuv') }
    const rotated = await open(t, redis.url, { seal: ringSeal(fresh, old) })
    t.equal(await rotated.store.get({ kind: 'block', key }), 'v')
    const alone = await open(t, redis.url, { seal: ringSeal(fresh) })
    t.equal(await alone.store.get({ kind: 'block', key }), 'v', 'the first has sealed it anew')
    const foreign = await open(t, redis.url, { seal: ringSeal({ kid: 'x', secret: Buffer.alloc(32, 9) }) })
    t.equal(await foreign.store.get({ kind: 'block', key }), null)
  })
})

t.test(
  'a Redis that is away refuses at once, and what was committed before is whole when it is back',
  { skip },
  async (t) => {
    const redis = await startRedis(t)
    const { store, link } = await open(t, redis.url, { commandTimeoutMs: 1000 })
    const patient = await open(t, redis.url)
    const put = [{ kind: 'grant', key: 'g', value: 'v', expiresAt: Date.now() + 10 * MINUTE_MS }] as const
    await patient.store.commit({ put })
    redis.signal('SIGSTOP')
    await t.rejects(store.get({ kind: 'grant', key: 'g' }), StoreAway)
    await t.rejects(store.commit({ put: [] }), { message: 'the store is away (not connected)' })
    redis.signal('SIGCONT')
    await until(() => link.isUp(), 'it is back')
    t.equal(await patient.store.get({ kind: 'grant', key: 'g' }), 'v')
    await redis.kill()
    await until(() => !link.isUp(), 'it is away')
    await t.rejects(store.get({ kind: 'grant', key: 'g' }), StoreAway)
  }
)

t.test('nothing stays in Redis for ever, whoever stops asking', { skip }, async (t) => {
  const redis = await startRedis(t)
  const { store } = await open(t, redis.url)
  const expiresAt = Date.now() + MINUTE_MS
  await store.commit({ put: [{ kind: 'sign-in', key: 'u', value: 'v', expiresAt, tags: ['a'] }] })
  await store.commit({
    put: [{ kind: 'sign-in', key: 'w', value: 'v', expiresAt: expiresAt + 1, tags: ['a'] }]
  })
  for (const key of await redis.client.keys('usher:{t}:[dkxwt]:*'))
    t.ok((await redis.client.pttl(key)) > MINUTE_MS, key)
})
