import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Simulator, startSimulator } from '../simulator/simulator.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import { startNginx } from '../support/nginx.ts'
import { freePort } from '../support/ports.ts'
import { skipWithout } from '../support/programs.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { settingsFor } from '../support/settings.ts'
import { until } from '../support/until.ts'
import { FRIEND, OWNER, PASSWORD } from '../support/usher.ts'
import { spawnUsher, type UsherProcess } from '../support/usher-process.ts'

const skip = skipWithout('redis-server', 'nginx')
const EVENTS = '/pms/:/eventsource/notifications'

interface Scale {
  readonly simulator: Simulator
  readonly redis: RedisServer
  readonly instances: readonly [UsherProcess, UsherProcess]
  /** What browsers use: nginx, in front of both. */
  readonly front: string
  /** One more instance, with the settings of the others. */
  spawn(): Promise<UsherProcess>
}

/** What docker-compose.yml's profile "scale" starts: two equal Ushers, Redis, and nginx in front of them. */
async function startScale(t: Test, { away = false } = {}): Promise<Scale> {
  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  const redis = await startRedis(t, { away })
  const port = await freePort()
  const settings = {
    ...settingsFor(simulator, port),
    USHER_PORT: '0',
    USHER_DRAIN: '1s',
    USHER_TRUSTED_PROXIES: '127.0.0.1',
    USHER_REDIS_URL: redis.url
  }
  const spawn = () => spawnUsher(t, settings)
  const instances = await Promise.all([spawn(), spawn()])
  const front = await startNginx(t, port, [instances[0].publicUrl, instances[1].publicUrl])
  return { simulator, redis, instances, front, spawn }
}

async function signIn(url: string, login = OWNER): Promise<Browser> {
  const browser = createBrowser(url)
  const answer = await browser.post('/session/login', { login, password: PASSWORD })
  if (answer.status !== 201) throw new Error(`sign-in answered ${answer.status} ${answer.text}`)
  return browser
}

/** The same cookies, sent to another place. */
function copy(browser: Browser, url: string): Browser {
  const other = createBrowser(url)
  for (const [name, value] of browser.jar) other.jar.set(name, value)
  return other
}

async function operations(
  { internalUrl }: UsherProcess,
  path: string
): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${internalUrl}${path}`)
  return { status: answer.status, text: await answer.text() }
}

/** Whether these cookies are answered as revoked there; a copy, for the answer clears them. */
async function isRevoked(browser: Browser, { publicUrl }: { publicUrl: string }): Promise<boolean> {
  const answer = await copy(browser, publicUrl).get('/session?slide=false')
  return answer.status === 401 && answer.json.code === 'USHER_SESSION_REVOKED'
}

async function isUp(instance: UsherProcess): Promise<boolean> {
  return /^redis: up$/m.test((await operations(instance, '/readyz')).text)
}

t.test('two Ushers, Redis and nginx', { skip, timeout: 240_000 }, async (t) => {
  const scale = await startScale(t)
  const { redis, front, instances } = scale
  const [one, two] = instances

  await t.test('a session of one is a session of the other, and nginx needs no stickiness', async (t) => {
    const browser = await signIn(one.publicUrl)
    t.equal((await copy(browser, two.publicUrl).get('/session')).status, 200)
    const through = copy(browser, front)
    for (let times = 0; times < 10; times += 1) {
      t.equal((await through.get('/pms/library/sections')).status, 200)
    }
    for (const each of instances) {
      const { text } = await operations(each, '/metrics')
      t.match(
        text,
        /^usher_http_requests_total\{.*route="\/pms.*status="200"\} [1-9]/m,
        'both had their share'
      )
    }
  })

  await t.test(
    'rule 20: logged out at one, the copied cookie is dead everywhere within a second',
    async (t) => {
      const browser = await signIn(one.publicUrl)
      const places = [one, two, { publicUrl: front }]
      for (const { publicUrl } of places)
        t.equal((await copy(browser, publicUrl).get('/session')).status, 200)
      t.equal((await copy(browser, one.publicUrl).post('/session/logout')).status, 204)
      // A second on a quiet machine: nothing but the channel would bring it.
      for (const place of places) await until(() => isRevoked(browser, place), 'the copy is dead')
    }
  )

  await t.test('its streams at the other instance end', async (t) => {
    const browser = await signIn(one.publicUrl)
    const stream = httpRequest(`${two.publicUrl}${EVENTS}`, {
      headers: { cookie: browser.cookie, 'sec-fetch-site': 'same-origin' },
      agent: false
    })
    stream.end()
    const [answer] = await once(stream, 'response')
    t.equal(answer.statusCode, 200)
    answer.resume()
    // It ends broken, so an error comes first.
    const closed = new Promise((resolve) => answer.on('error', () => undefined).on('close', resolve))
    await browser.post('/session/logout')
    await closed
  })

  await t.test(
    'rule 22: logged out everywhere at one, all of the account is out at the other, nobody else',
    async (t) => {
      const [first, second, other] = await Promise.all([
        signIn(one.publicUrl),
        signIn(two.publicUrl),
        signIn(two.publicUrl, FRIEND)
      ])
      t.equal((await first.post('/session/logout', { everywhere: true })).status, 204)
      await until(() => isRevoked(second, two), 'the other browser is out')
      t.equal((await other.get('/session')).status, 200)
      await delay(5)
      t.equal(
        (await (await signIn(two.publicUrl)).get('/session')).status,
        200,
        'and the account can sign in again'
      )
    }
  )

  await t.test('the state of the store is seen: metric, readiness, one log line per change', async (t) => {
    for (const each of instances) {
      t.match(await operations(each, '/readyz'), { status: 200, text: /^redis: up$/m })
      t.match((await operations(each, '/metrics')).text, /^usher_shared_store_up 1$/m)
    }
    await redis.kill()
    for (const each of instances) {
      await until(async () => !(await isUp(each)), 'it is noticed')
      t.match(await operations(each, '/readyz'), { status: 200, text: /^ready\n(.*\n)*redis: down$/m })
      t.match((await operations(each, '/metrics')).text, /^usher_shared_store_up 0$/m)
    }
    await redis.start()
    for (const each of instances) {
      await until(() => isUp(each), 'it is back')
      t.match((await operations(each, '/metrics')).text, /^usher_shared_store_up 1$/m)
      const told = () => each.logs.filter(({ msg }) => String(msg).startsWith('shared store'))
      await until(() => told().length >= 3, 'it is logged')
      t.equal(told().length, 3, 'ready, away, ready')
      t.notMatch(JSON.stringify(told()), new RegExp(String(redis.port)))
    }
  })
})

t.test('rule 66: limits are shared', { skip, timeout: 240_000 }, async (t) => {
  const { redis, instances } = await startScale(t)
  const [one, two] = instances
  const forwarded = { 'x-forwarded-for': '203.0.113.7' }
  // A login of its own each time, so that only the address is what they have in common.
  const attempt = async ({ publicUrl }: UsherProcess, index: number, headers: Record<string, string>) => {
    const body = { login: `nobody-${index}@example.com`, password: 'wrong' }
    return createBrowser(publicUrl).post('/session/login', body, headers)
  }

  await t.test('ten attempts of one address are ten over both instances', async (t) => {
    const statuses: number[] = []
    for (let index = 0; index < 10; index += 1) {
      statuses.push((await attempt(index % 2 === 0 ? one : two, index, forwarded)).status)
    }
    t.strictSame(statuses, Array(10).fill(401))
    for (const each of instances) {
      const refused = await attempt(each, 99, forwarded)
      t.equal(refused.status, 429)
      t.match(Number(refused.headers['retry-after']), /^[1-9]\d*$/)
    }
  })

  await t.test('what strangers may fail together is shared too', async (t) => {
    // Ten of the twelve are used up above; two more, each at another instance, and nobody is let try.
    for (const [index, each] of instances.entries()) {
      t.equal(
        (await attempt(each, 200 + index, { 'x-forwarded-for': `203.0.113.${20 + index}` })).status,
        401
      )
    }
    for (const [index, each] of instances.entries()) {
      t.equal(
        (await attempt(each, 300 + index, { 'x-forwarded-for': `203.0.113.${30 + index}` })).status,
        429
      )
    }
  })

  await t.test('while Redis is away each instance holds its own, and signing in works', async (t) => {
    await redis.kill()
    for (const each of instances) await until(async () => !(await isUp(each)), 'it is noticed')
    const fresh = { 'x-forwarded-for': '203.0.113.50' }
    const statuses: number[] = []
    for (let index = 0; index < 12; index += 1) {
      const body = { login: OWNER, password: PASSWORD }
      statuses.push((await createBrowser(one.publicUrl).post('/session/login', body, fresh)).status)
    }
    t.strictSame(statuses, [...Array(10).fill(201), 429, 429])
    t.notOk(statuses.includes(500))
  })
})

interface Outcome {
  readonly status: number | string
  readonly at: number
}

/** So many requests, a few at a time, through nginx; each with a connection of its own. */
async function load(
  browser: Browser,
  count: number,
  onEach: (done: number) => Promise<void>
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  let started = 0
  async function worker(): Promise<void> {
    while (started < count) {
      started += 1
      const at = performance.now()
      const status = await browser.get('/pms/library/sections').then(
        (answer) => answer.status,
        (error: NodeJS.ErrnoException) => error.code ?? 'error'
      )
      outcomes.push({ status, at })
      await onEach(outcomes.length)
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
  return outcomes
}

const PARALLEL = 8

t.test('Redis and an instance die under load', { skip, timeout: 240_000 }, async (t) => {
  const scale = await startScale(t)
  const { redis, front, instances } = scale
  const [one, two] = instances
  const loaded = copy(await signIn(one.publicUrl), front)
  const before = await signIn(one.publicUrl, FRIEND)
  await copy(before, one.publicUrl).post('/session/logout')
  await until(() => isRevoked(before, two), 'known at both')
  const meanwhile = await signIn(one.publicUrl, FRIEND)

  let killedAt = 0
  const outcomes = await load(loaded, 600, async (done) => {
    if (done === 150) await redis.kill()
    if (done === 300) {
      killedAt = performance.now()
      two.signal('SIGKILL')
      await two.exited
    }
  })
  const lost = outcomes.filter(({ status }) => status !== 200)
  t.equal(outcomes.length, 600)
  t.ok(lost.length <= PARALLEL, `lost ${JSON.stringify(lost)}`)
  for (const { at } of lost) t.ok(at < killedAt, 'only what was in flight on the killed instance')
  t.match((await operations(one, '/readyz')).text, /redis: down/)

  await t.test('what is known stays revoked, and what is revoked now is revoked here', async (t) => {
    t.ok(await isRevoked(before, one))
    t.equal((await copy(meanwhile, one.publicUrl).post('/session/logout')).status, 204)
    t.ok(await isRevoked(meanwhile, one))
  })

  const third = await scale.spawn()
  await t.test('an instance that starts without Redis serves', async (t) => {
    t.match(await operations(third, '/readyz'), { status: 200, text: /redis: down/ })
    t.equal((await copy(loaded, third.publicUrl).get('/pms/library/sections')).status, 200)
  })
  const elsewhere = await signIn(third.publicUrl, FRIEND)
  await copy(elsewhere, third.publicUrl).post('/session/logout')
  t.notOk(await isRevoked(elsewhere, one), 'nobody could tell the other')

  await redis.start()
  for (const each of [one, third]) await until(() => isUp(each), 'it is back')
  await t.test('after the catch-up no revoked session is served, in either direction', async (t) => {
    for (const { publicUrl } of [one, third]) {
      for (const browser of [before, meanwhile, elsewhere]) {
        t.ok(await isRevoked(browser, { publicUrl }))
        t.equal((await copy(browser, publicUrl).get('/pms/library/sections')).status, 401)
      }
      t.equal((await copy(loaded, publicUrl).get('/session')).status, 200)
    }
  })

  await t.test('the instance that was killed comes back and knows it all', async (t) => {
    const again = await scale.spawn()
    for (const browser of [before, meanwhile, elsewhere]) t.ok(await isRevoked(browser, again))
  })

  await t.test('SIGTERM ends an instance cleanly', async (t) => {
    third.signal('SIGTERM')
    t.equal(await third.exited, 0)
    t.equal(third.logs.at(-1)?.['msg'], 'stopped')
  })
})

t.test('with Redis away from the start', { skip, timeout: 120_000 }, async (t) => {
  const { redis, instances, front } = await startScale(t, { away: true })
  const [one, two] = instances
  const browser = await signIn(one.publicUrl)
  t.equal((await copy(browser, front).get('/session')).status, 200)
  await copy(browser, one.publicUrl).post('/session/logout')
  t.notOk(await isRevoked(browser, two), 'nobody could tell the other')
  await redis.start()
  await until(() => isRevoked(browser, two), 'the other is told')
})

t.test('without Redis a restart forgets, and plex.tv tells', { timeout: 120_000 }, async (t) => {
  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  const settings = { ...settingsFor(simulator, 8080), USHER_PORT: '0', USHER_DRAIN: '1s' }
  const first = await spawnUsher(t, settings)
  const [stays, leaves] = await Promise.all([signIn(first.publicUrl), signIn(first.publicUrl, FRIEND)])
  await copy(leaves, first.publicUrl).post('/session/logout')
  await until(
    () => simulator.received({ service: 'plex' }).some(({ url }) => url.includes('signout')),
    'it is signed out at plex.tv'
  )
  t.match(await operations(first, '/readyz'), { status: 200, text: /^redis: not configured$/m })
  t.match((await operations(first, '/metrics')).text, /^usher_shared_store_up 1$/m)
  first.signal('SIGTERM')
  t.equal(await first.exited, 0)

  const second = await spawnUsher(t, settings)
  await until(() => isRevoked(leaves, second), 'the first request has it checked')
  t.equal((await copy(stays, second.publicUrl).get('/session')).status, 200)
})
