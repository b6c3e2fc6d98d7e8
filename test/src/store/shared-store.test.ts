import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Logger } from '../../../src/observe/logger.ts'
import { createRevocations, type Revocation, type Revocations } from '../../../src/session/live/revocation.ts'
import { createSharedStore, type SharedStore } from '../../../src/store/shared-store.ts'
import { freePort } from '../../support/ports.ts'
import { skipWithout } from '../../support/programs.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'
import { until } from '../../support/until.ts'
import { plainSeal } from './plain-seal.ts'

const skip = skipWithout('redis-server')
const HOUR_MS = 3_600_000
/** A machine that pauses in a call: no Redis is away for that. */
const PATIENT_MS = 30_000

interface Instance {
  readonly revocations: Revocations
  readonly store: SharedStore
  /** `level message`, or with the fields. */
  readonly logs: { level: string; fields: Record<string, unknown>; message: string }[]
  /** What the metric was set to. */
  readonly changes: boolean[]
  /** Listeners called. */
  readonly heard: Revocation[]
}

interface InstanceOptions {
  readonly url: string
  readonly deployment?: string
  readonly max?: number
  readonly now?: () => number
  readonly commandTimeoutMs?: number
}

/** What an Usher has of this, without the rest of it. */
function open(
  t: Test,
  {
    url,
    deployment = 'https://usher.test',
    max,
    now = Date.now,
    commandTimeoutMs = PATIENT_MS
  }: InstanceOptions
): Instance {
  const logs: Instance['logs'] = []
  const log = (level: string) => (fields: Record<string, unknown>, message: string) =>
    void logs.push({ level, fields, message })
  const changes: boolean[] = []
  const heard: Revocation[] = []
  const revocations = createRevocations({
    now,
    onRevoke: (revocation) => store?.share(revocation),
    ...(max !== undefined && { max })
  })
  revocations.listen((revocation) => heard.push(revocation))
  const store = createSharedStore({
    config: {
      redisUrl: url,
      publicUrl: {
        href: deployment,
        origin: deployment,
        basePath: '',
        hostname: 'usher.test',
        secure: true
      },
      cookieDomain: null,
      instance: null
    },
    revocations,
    nameSeal: plainSeal,
    log: { info: log('info'), warn: log('warn') } as unknown as Logger,
    onChange: (up) => changes.push(up),
    onAway: (_service, reason) => log('warn')({ reason }, AWAY_MESSAGE),
    onEmpty: () => undefined,
    now,
    commandTimeoutMs
  })
  if (store === null) throw new Error('no store')
  t.teardown(() => store.close())
  return { revocations, store, logs, changes, heard }
}

async function ready(t: Test, options: InstanceOptions): Promise<Instance> {
  const instance = open(t, options)
  await instance.store.opened
  await up(instance)
  return instance
}

const up = ({ store }: Instance) => until(() => store.isUp(), 'the store is up')
const down = ({ store }: Instance) => until(() => !store.isUp(), 'the store is down')
const session = (id: string): Revocation => ({ kind: 'session', id, until: Date.now() + HOUR_MS })
const knows = ({ revocations }: Instance, id: string) =>
  revocations.isRevoked({ id, signedInAt: Date.now(), account: { id: 0 } })
const told = ({ logs }: Instance) => logs.map(({ level, message }) => `${level} ${message}`)

const AWAY_MESSAGE = 'away'
const AWAY = `warn ${AWAY_MESSAGE}`
const READY = 'info shared store ready, caught up'

t.test('without USHER_REDIS_URL there is no store', async (t) => {
  const revocations = createRevocations({ now: Date.now })
  const store = createSharedStore({
    config: {
      redisUrl: null,
      publicUrl: { href: 'https://a', origin: 'https://a', basePath: '', hostname: 'a', secure: true },
      cookieDomain: null,
      instance: null
    },
    revocations,
    nameSeal: plainSeal,
    log: {} as Logger,
    onChange: () => t.fail('nothing to tell'),
    onAway: () => t.fail('nothing to tell'),
    onEmpty: () => t.fail('nothing to tell'),
    now: Date.now
  })
  t.equal(store, null)
})

t.test(
  'rule 20: a session, a token and an account revoked at one instance are revoked at all',
  { skip },
  async (t) => {
    const { url } = await startRedis(t)
    const [a, b] = await Promise.all([ready(t, { url }), ready(t, { url })])
    const signedInAt = Date.now()
    a.revocations.revoke(session('one'))
    a.revocations.revoke({ kind: 'token', id: 'two', until: signedInAt + HOUR_MS })
    a.revocations.revoke({ kind: 'account', accountId: 7, before: signedInAt, until: signedInAt + HOUR_MS })
    // Nothing but the channel would bring them: whenever they come, they were sent at once.
    await until(() => b.revocations.size === 3, 'all three are known')
    t.ok(knows(b, 'one'))
    t.ok(b.revocations.isTokenRevoked('two'))
    t.ok(b.revocations.isRevoked({ id: 'other', signedInAt, account: { id: 7 } }))
    t.notOk(b.revocations.isRevoked({ id: 'other', signedInAt: signedInAt + 1, account: { id: 7 } }))
    t.strictSame(b.revocations.all(), a.revocations.all(), 'with the same ends')
    await delay(50)
    t.equal(a.heard.length, 3, 'its own are no news when they come back')
  }
)

t.test('an instance that starts later knows before its first request', { skip }, async (t) => {
  const { url } = await startRedis(t)
  const a = await ready(t, { url })
  for (let index = 0; index < 2500; index += 1) a.revocations.revoke(session(`id-${index}`))
  await until(async () => {
    const late = open(t, { url })
    await late.store.opened
    const all = late.revocations.size === 2500
    await late.store.close()
    return all
  }, 'the last is stored')
})

t.test('Redis away: both go on, and catch up in both directions from an empty one', { skip }, async (t) => {
  const redis = await startRedis(t)
  const { url } = redis
  const [a, b] = await Promise.all([ready(t, { url }), ready(t, { url })])
  a.revocations.revoke(session('before'))
  await until(() => knows(b, 'before'), 'b knows')
  await redis.kill()
  await Promise.all([down(a), down(b)])
  a.revocations.revoke(session('from-a'))
  b.revocations.revoke(session('from-b'))
  t.ok(knows(a, 'from-a'))
  t.ok(knows(b, 'before'), 'what is known stays revoked')
  t.notOk(knows(b, 'from-a'))
  await delay(1500)
  t.strictSame(told(a), [READY, AWAY], 'once per change, not per attempt')
  await redis.start()
  await Promise.all([up(a), up(b)])
  await until(() => knows(b, 'from-a') && knows(a, 'from-b'), 'both know everything')
  const late = await ready(t, { url })
  t.strictSame(
    ['before', 'from-a', 'from-b'].map((id) => knows(late, id)),
    [true, true, true]
  )
  t.strictSame(told(a), [READY, AWAY, READY])
  t.strictSame(a.changes, [false, true, false, true])
})

t.test('it starts while Redis is away, and joins when it comes', { skip }, async (t) => {
  const redis = await startRedis(t, { away: true })
  const a = open(t, redis)
  await a.store.opened
  t.notOk(a.store.isUp())
  t.strictSame(told(a), [AWAY])
  a.revocations.revoke(session('early'))
  await redis.start()
  await up(a)
  t.ok(knows(await ready(t, redis), 'early'))
})

t.test('a Redis that hangs is found out, and nobody waits for it', { skip }, async (t) => {
  const redis = await startRedis(t)
  const hasty = { url: redis.url, commandTimeoutMs: 1000 }
  const [a, b] = await Promise.all([ready(t, hasty), ready(t, hasty)])
  const counters = a.store.createCounters()
  redis.signal('SIGSTOP')
  await Promise.all([down(a), down(b)])
  t.match(a.logs.at(-1), { level: 'warn', fields: { reason: 'timeout' } })
  a.revocations.revoke(session('meanwhile'))
  t.match(await counters.add('key', HOUR_MS), { current: 1 })
  redis.signal('SIGCONT')
  await Promise.all([up(a), up(b)])
  await until(() => knows(b, 'meanwhile'), 'b knows')
})

t.test('a Redis that refuses to write is away, until it takes them again', { skip }, async (t) => {
  const redis = await startRedis(t)
  const [a, b] = await Promise.all([ready(t, redis), ready(t, redis)])
  await redis.client.config('SET', 'maxmemory', '1')
  a.revocations.revoke(session('refused'))
  await down(a)
  t.match(a.logs.at(-1), { level: 'warn', fields: { reason: 'OOM' } })
  t.notOk(knows(b, 'refused'))
  await redis.client.config('SET', 'maxmemory', '0')
  await up(a)
  await until(() => knows(b, 'refused'), 'b knows')
})

t.test('a primary that became a replica is left, and taken again as a primary', { skip }, async (t) => {
  const redis = await startRedis(t)
  const a = await ready(t, redis)
  await redis.client.replicaof('127.0.0.1', await freePort())
  a.revocations.revoke(session('refused'))
  await down(a)
  await redis.client.replicaof('NO', 'ONE')
  await up(a)
  t.ok(knows(await ready(t, redis), 'refused'))
})

t.test('a lost channel is a lost store: what was said meanwhile is read again', { skip }, async (t) => {
  const redis = await startRedis(t)
  const [a, b] = await Promise.all([ready(t, redis), ready(t, redis)])
  for (let round = 0; round < 20; round += 1) {
    // Every connection that listens is cut while the other instance goes on revoking.
    const cut = redis.client.client('KILL', 'TYPE', 'PUBSUB')
    a.revocations.revoke(session(`round-${round}`))
    await cut
    await delay(20)
  }
  await until(() => b.revocations.size === 20, 'b knows them all')
  t.equal(a.revocations.size, 20)
})

t.test(
  'what others write to Redis breaks nothing and signs nobody in or out by accident',
  { skip },
  async (t) => {
    const redis = await startRedis(t)
    const a = await ready(t, redis)
    const [channel = ''] = (await redis.client.pubsub('CHANNELS')) as string[]
    t.match(channel, /^usher:\{[\w-]{22}\}:revocations$/, 'named after the deployment, without naming it')
    const set = channel.replace('revocations', 'revoked')
    const messages = [
      '',
      ' ',
      '\n\n\n',
      'x y z',
      '{"kind":"session"}',
      `${Date.now() + HOUR_MS}`,
      '\u0000'.repeat(9)
    ]
    for (const message of [...messages, 'a'.repeat(1_000_000), `1 s:a\n`.repeat(50_000)])
      await redis.client.publish(channel, message)
    await redis.client.publish(channel, `${Date.now() + HOUR_MS} s:good`)
    await until(() => knows(a, 'good'), 'a good one after them is heard')
    t.equal(a.revocations.size, 1)
    await redis.client.zadd(set, 1, 'nonsense', '+inf', 's:endless', Date.now() + HOUR_MS, 's:listed')
    const b = await ready(t, redis)
    t.strictSame(
      b.revocations.all().map((revocation) => 'id' in revocation && revocation.id),
      ['listed']
    )

    await redis.client.set(set, 'not a set at all')
    a.revocations.revoke(session('later'))
    await down(a)
    t.match(a.logs.at(-1), { fields: { reason: 'WRONGTYPE' } })
    await redis.client.del(set)
    await up(a)
    await until(() => knows(b, 'later'), 'b knows')
  }
)

t.test('the set in Redis is bounded, and drops what is over', { skip }, async (t) => {
  const redis = await startRedis(t)
  const a = await ready(t, redis)
  const [channel = ''] = (await redis.client.pubsub('CHANNELS')) as string[]
  const set = channel.replace('revocations', 'revoked')
  const soon = Date.now() + HOUR_MS
  const fill = `for i = ARGV[1], ARGV[1] + 9999 do redis.call('ZADD', KEYS[1], ARGV[2] + i, 's:old-' .. i) end`
  // In parts, for a script that takes long is a Redis that hangs.
  for (let from = 0; from <= 300_000; from += 10_000) await redis.client.eval(fill, 1, set, from, soon)
  await redis.client.zadd(set, Date.now() - 2 * HOUR_MS, 's:over', Date.now() - 1000, 's:just-over')
  a.revocations.revoke({ ...session('newest'), until: Date.now() + 9 * HOUR_MS })
  await until(() => redis.client.zscore(set, 's:newest'), 'it is stored')
  t.equal(await redis.client.zcard(set), 300_000)
  t.equal(await redis.client.zscore(set, 's:over'), null)
  t.equal(await redis.client.zscore(set, 's:old-0'), null, 'the soonest to end went')
})

t.test(
  'counts of all instances are one count, and go on for each while Redis is away',
  { skip },
  async (t) => {
    const redis = await startRedis(t)
    const [a, b] = await Promise.all([ready(t, redis), ready(t, redis)])
    const [first, second] = [a.store.createCounters(), b.store.createCounters()]
    t.strictSame(await second.read('key', HOUR_MS), { current: 0, ttl: 0 })
    t.strictSame(await first.add('key', HOUR_MS), { current: 1, ttl: HOUR_MS })
    t.match(await second.add('key', HOUR_MS), { current: 2 })
    t.match(await first.add('key', HOUR_MS), { current: 3 })
    const { current, ttl } = await second.read('key', HOUR_MS)
    t.equal(current, 3)
    t.ok(ttl > 0 && ttl <= HOUR_MS)
    const [key = ''] = await redis.client.keys('*:limit:*')
    await redis.client.persist(key)
    await first.add('key', HOUR_MS)
    t.ok((await redis.client.pttl(key)) > 0, 'no counter counts for ever')
    await redis.kill()
    await Promise.all([down(a), down(b)])
    t.match(await first.add('key', HOUR_MS), { current: 4 }, 'three counted here, and this one')
    await redis.start()
    await up(b)
    t.match(await second.read('key', HOUR_MS), { current: 1 }, 'an empty Redis forgets no count of this one')
  }
)

t.test('two deployments in one Redis do not notice each other', { skip }, async (t) => {
  const redis = await startRedis(t)
  const a = await ready(t, redis)
  const other = await ready(t, { ...redis, deployment: 'https://other.test' })
  a.revocations.revoke(session('mine'))
  const late = await ready(t, redis)
  await until(() => knows(late, 'mine'), 'the late one knows')
  t.notOk(knows(other, 'mine'))
  await a.store.createCounters().add('key', HOUR_MS)
  t.match(await other.store.createCounters().read('key', HOUR_MS), { current: 0 })
})

t.test(
  'no password and no address in what is told, nor any secret in what is stored',
  { skip },
  async (t) => {
    const redis = await startRedis(t, { password: 'redis-password-1' })
    const wrong = open(t, { url: redis.url.replace('redis-password-1', 'redis-password-2') })
    await until(() => wrong.logs.length > 0, 'it is refused')
    t.match(wrong.logs, [{ level: 'warn', fields: { reason: 'WRONGPASS' } }])
    const right = await ready(t, redis)
    await redis.kill()
    await down(right)
    for (const { logs } of [wrong, right]) {
      t.notMatch(JSON.stringify(logs), /redis-password/)
      t.notMatch(JSON.stringify(logs), new RegExp(`127\\.0\\.0\\.1|${redis.port}`))
    }
  }
)

t.test('stopping sends what is on its way, and says what could not be sent', { skip }, async (t) => {
  const redis = await startRedis(t)
  const [a, b] = await Promise.all([ready(t, redis), ready(t, redis)])
  a.revocations.revoke(session('last-words'))
  await a.store.close()
  t.notOk(a.store.isUp())
  t.ok(knows(await ready(t, redis), 'last-words'))
  t.notOk(told(a).includes(AWAY), 'a stop is no loss')
  await redis.kill()
  await down(b)
  b.revocations.revoke(session('unheard'))
  await until(async () => {
    await b.store.close()
    return told(b).includes('warn stopped before revocations could be shared')
  }, 'it could not be sent')
  t.match(b.logs.at(-1), { fields: { revocations: 1 } })
})

t.test('a stop during the first attempt ends it', { skip }, async (t) => {
  const redis: RedisServer = await startRedis(t)
  redis.signal('SIGSTOP')
  const a = open(t, redis)
  await a.store.close()
  await a.store.opened
  redis.signal('SIGCONT')
  await delay(200)
  t.notOk(a.store.isUp())
  t.strictSame(told(a), [])
})
