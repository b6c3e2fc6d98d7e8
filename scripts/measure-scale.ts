// Measures the figures of docs/scaling.md: node scripts/measure-scale.ts [--redis redis://127.0.0.1:6379]
// With --redis it writes to that Redis under its own prefix, and removes what it wrote.
import { randomBytes, randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Redis } from 'ioredis'
import { createKeyRing } from '../src/seal/key-ring.ts'
import { createSeal } from '../src/seal/seal.ts'
import type { Recheck } from '../src/session/check/recheck.ts'
import { sessionCodec } from '../src/session/cookie/sealed-session.ts'
import { createSessions } from '../src/session/cookie/sessions.ts'
import { createLiveSessions } from '../src/session/live/live-sessions.ts'
import { createRevocations, type Revocation, type Revocations } from '../src/session/live/revocation.ts'
import type { Session } from '../src/session/session.ts'
import { createRedisLink, type RedisLink } from '../src/store/redis.ts'
import { createSharedCounters } from '../src/store/shared-counters.ts'
import { createSharedRevocations } from '../src/store/shared-revocations.ts'

const SESSIONS = 20_000
const REVOCATIONS = 300_000
const SINGLE = 1000
const COUNTS = 50_000
const PARALLEL = 50
const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const COOKIE = '__Host-usher'

const { values } = parseArgs({ options: { redis: { type: 'string' } } })
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heap(): number {
  for (let times = 0; times < 3; times += 1) collect()
  return process.memoryUsage().heapUsed
}

function tell(what: string, figure: number, unit: string): void {
  console.log(`${what.padEnd(58)} ${Math.round(figure).toLocaleString('en').padStart(9)} ${unit}`)
}

/** As plex.tv would fill it: 20-character tokens, a 16-character uuid, names of usual length. */
function sample(): Session {
  const time = Date.now()
  return {
    id: randomBytes(16).toString('base64url'),
    account: {
      id: 10_000_000 + Math.floor(Math.random() * 1e8),
      uuid: randomBytes(8).toString('hex'),
      username: `somebody-${randomBytes(4).toString('hex')}`,
      title: `Somebody ${randomBytes(4).toString('hex')}`,
      email: `somebody-${randomBytes(4).toString('hex')}@example.com`,
      emailVerified: true,
      restricted: false
    },
    accountToken: randomBytes(15).toString('base64url'),
    clientIdentifier: randomUUID(),
    role: 'shared',
    server: { name: 'Box', machineIdentifier: randomBytes(20).toString('hex'), uri: null },
    serverToken: randomBytes(15).toString('base64url'),
    method: 'pin',
    signedInAt: time,
    expiresAt: time + 30 * DAY_MS,
    seenAt: time,
    idleExpiresAt: time + 7 * DAY_MS,
    checkedAt: time,
    homeAdmin: null
  }
}

const revocation = (index: number): Revocation => ({
  kind: 'session',
  id: randomBytes(16).toString('base64url'),
  until: Date.now() + 30 * DAY_MS + index
})

interface Opened {
  readonly bytes: number
  readonly micros: number
  /** Heap per session after each was renewed and keeps its new cookie value for parallel requests. */
  readonly renewedBytes: number
}

/** A re-check that is never due. */
const recheck: Recheck = {
  isDue: () => false,
  touch() {},
  run: async () => undefined,
  ask: async () => undefined,
  apply() {},
  mustWait: () => false,
  isPastGrace: () => false
}

/** Heap and time per session, with a session cache of that size. */
function open(cookies: readonly Buffer[], max: number): Opened {
  let time = Date.now()
  const now = () => time
  const revocations = createRevocations({ now })
  const live = createLiveSessions({ max: SESSIONS })
  const sessions = createSessions({
    config: { sessionIdleMs: 7 * DAY_MS, sessionMaxMs: 30 * DAY_MS },
    cookieName: COOKIE,
    seal,
    revocations,
    live,
    recheck,
    onUnseal() {},
    now,
    max
  })
  const before = heap()
  const start = performance.now()
  // A new string each time, as Node's HTTP parser makes one; twice, because cookies used once are not cached.
  for (const cookie of cookies) {
    sessions.read(cookie.toString('latin1'))
    sessions.read(cookie.toString('latin1'))
  }
  const micros = ((performance.now() - start) * 1000) / cookies.length / 2
  const bytes = (heap() - before) / cookies.length
  time += DAY_MS
  for (const cookie of cookies) {
    const read = sessions.read(cookie.toString('latin1'))
    if (!read.open || sessions.renew(read) === null) throw new Error('the cookies do not open')
  }
  const renewedBytes = (heap() - before) / cookies.length
  return { bytes, micros, renewedBytes }
}

/** Two instances on one Redis: one revokes, the other learns of it. */
async function measureRedis(url: string): Promise<void> {
  const client = new Redis(url)
  const prefix = `usher:{measure-${randomBytes(8).toString('hex')}}`
  const [one, two] = [connect(url, prefix), connect(url, prefix)]
  await Promise.all([one.link.opened, two.link.opened])

  const times: number[] = []
  for (let index = 0; index < SINGLE; index += 1) {
    const start = performance.now()
    one.revocations.revoke(revocation(index))
    while (two.revocations.size <= index) await new Promise(setImmediate)
    times.push(performance.now() - start)
  }
  times.sort((a, b) => a - b)
  tell('from one instance to another, median', (times[SINGLE / 2] ?? 0) * 1000, 'µs')
  tell('from one instance to another, 99 of 100', (times[SINGLE * 0.99] ?? 0) * 1000, 'µs')

  const start = performance.now()
  for (let index = SINGLE; index < REVOCATIONS; index += 1) {
    one.revocations.revoke(revocation(index))
    // No more in flight than Redis can answer within the command time-out.
    if (index % SINGLE === 0) while (two.revocations.size < index - SINGLE) await new Promise(setImmediate)
  }
  while (two.revocations.size < REVOCATIONS) await new Promise(setImmediate)
  tell(
    'one by one, as fast as it goes',
    ((REVOCATIONS - SINGLE) * 1000) / (performance.now() - start),
    'a second'
  )

  const bytes = Number(await client.memory('USAGE', `${prefix}:revoked`, 'SAMPLES', 0))
  tell('a revocation in Redis', bytes / REVOCATIONS, 'bytes')
  const late = connect(url, prefix)
  const from = performance.now()
  await late.link.opened
  tell(`a start with ${REVOCATIONS.toLocaleString('en')} of them`, performance.now() - from, 'ms')

  const counters = createSharedCounters({
    link: one.link,
    names: { of: (_, text) => text },
    prefix,
    now: Date.now
  })
  const counted = performance.now()
  for (let index = 0; index < COUNTS; index += PARALLEL) {
    await Promise.all(Array.from({ length: PARALLEL }, (_, key) => counters.add(`key-${key}`, MINUTE_MS)))
  }
  tell('counts of limits, as fast as it goes', (COUNTS * 1000) / (performance.now() - counted), 'a second')

  await Promise.all([one.link.close(), two.link.close(), late.link.close()])
  await client.del(`${prefix}:revoked`, ...(await client.keys(`${prefix}:limit:*`)))
  await client.quit()
}

function connect(url: string, prefix: string): { link: RedisLink; revocations: Revocations } {
  const revocations = createRevocations({
    now: Date.now,
    onRevoke: (made) => shared.share(link, made)
  })
  const shared = createSharedRevocations({ revocations, prefix, now: Date.now })
  const link = createRedisLink({
    url,
    channel: shared.channel,
    onMessage: shared.hear,
    catchUp: shared.catchUp,
    onUp() {},
    onDown(reason) {
      throw new Error(`Redis is away: ${reason}`)
    }
  })
  return { link, revocations }
}

const seal = createSeal(createKeyRing([{ kid: 'k1', secret: randomBytes(32) }]), String)
const cookies = Array.from({ length: SESSIONS }, () =>
  Buffer.from(`${COOKIE}=${seal.seal('session', sessionCodec.encode(sample()))}`, 'latin1')
)
open(cookies, 1)
const alone = open(cookies, 1)
const cached = open(cookies, SESSIONS)
tell('a live session', alone.bytes, 'bytes')
tell('a live session whose cookie was renewed', alone.renewedBytes, 'bytes')
tell('its opened cookie beside it', cached.bytes - alone.bytes, 'bytes')
tell('the cookie itself', (cookies[0]?.length ?? 0) - COOKIE.length - 1, 'bytes')
tell('to open a cookie that is not cached', alone.micros, 'µs')

const revocations = createRevocations({ now: Date.now })
const before = heap()
for (let index = 0; index < REVOCATIONS; index += 1) revocations.revoke(revocation(index))
tell('a revocation in the process', (heap() - before) / revocations.size, 'bytes')

if (values.redis !== undefined) await measureRedis(values.redis)
