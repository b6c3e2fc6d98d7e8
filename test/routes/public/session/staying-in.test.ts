import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { BOX_ID } from '../../../simulator/servers.ts'
import type { Answer, Browser } from '../../../support/browser.ts'
import { createOffsetClock, loginOf, matchProblem } from '../../../support/sign-in.ts'
import { until } from '../../../support/until.ts'
import { FRIEND, OWNER, PASSWORD, startTestUsher, type TestUsher } from '../../../support/usher.ts'

// They wait more than they work, each for an Usher of its own.
t.jobs = 4

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

function copyOf(usher: TestUsher, browser: Browser): Browser {
  const copy = usher.browser()
  for (const [name, value] of browser.jar) copy.jar.set(name, value)
  return copy
}

/** A status poll: it starts a re-check where one is due, and slides nothing. */
function poll(browser: Browser): Promise<Answer> {
  return browser.get('/session?slide=false')
}

async function openEvents(usher: TestUsher, browser: Browser): Promise<IncomingMessage> {
  const request = httpRequest(`${usher.publicUrl}/pms/:/eventsource/notifications`, {
    headers: { cookie: browser.cookie, 'sec-fetch-site': 'same-origin' },
    agent: false
  })
  request.on('error', () => undefined)
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.resume()
  response.on('error', () => undefined)
  return response
}

t.test('rules 20 and 21: a logout ends the copied cookie at once, and the token at plex.tv', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const browser = await usher.signedIn()
  const copy = copyOf(usher, browser)
  const stream = await openEvents(usher, browser)
  const broken = new Promise((resolve) => stream.once('close', resolve))
  const answer = await browser.post('/session/logout')
  t.equal(answer.status, 204)
  t.equal(answer.text, '')
  t.match(answer.setCookies, [/^usher=;/])
  t.strictSame([...browser.jar.keys()], ['usher-device'], 'the device stays')
  matchProblem(t, await copy.get('/session'), 401, 'USHER_SESSION_REVOKED')
  t.equal(copy.jar.has('usher'), false)
  await broken
  t.equal(stream.complete, true, 'and its event stream ends')
  await until(() => simulator.tokens.living('owner').length === 0)
  matchProblem(t, await browser.get('/session'), 401, 'USHER_SESSION_REQUIRED')
  t.match(await usher.core.metrics.registry.metrics(), /usher_sessions_ended_total\{reason="logout"\} 1/)
})

t.test(
  'signing out when signed out already, with or without a body, many times at once, is 204',
  async (t) => {
    const usher = await startTestUsher(t)
    const anonymous = usher.browser()
    for (const body of [undefined, {}, { everywhere: false }, { everywhere: true }]) {
      t.equal((await anonymous.post('/session/logout', body)).status, 204)
    }
    const typed = await anonymous.ask('/session/logout', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': '0' }
    })
    t.equal(typed.status, 204, 'a JSON type and no bytes')
    const altered = usher.browser()
    altered.jar.set('usher', 'altered')
    t.equal((await altered.post('/session/logout')).status, 204)
    t.equal(altered.jar.has('usher'), false)
    const browser = await usher.signedIn()
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => copyOf(usher, browser).post('/session/logout'))
    )
    t.ok(answers.every(({ status }) => status === 204))
    t.match(await usher.core.metrics.registry.metrics(), /usher_sessions_ended_total\{reason="logout"\} 1/)
  }
)

t.test(
  'rule 21: with plex.tv away the logout is done here, and retried there until plex.tv is back',
  async (t) => {
    const usher = await startTestUsher(t)
    const { simulator } = usher
    const browser = await usher.signedIn()
    const copy = copyOf(usher, browser)
    await simulator.plexDown()
    t.equal((await browser.post('/session/logout')).status, 204)
    matchProblem(t, await copy.get('/session'), 401, 'USHER_SESSION_REVOKED')
    await until(() => usher.logs.some(({ msg }) => String(msg).startsWith('sign-out at plex.tv failed')))
    t.equal(simulator.tokens.living('owner').length, 1)
    await simulator.plexUp()
    await until(() => simulator.tokens.living('owner').length === 0)
    await until(() => usher.core.signOuts.waiting === 0)

    const refusing = await usher.signedIn()
    simulator.faults.set({ service: 'plex', path: '/api/v2/users/signout', kind: 'server-error', count: 1 })
    t.equal((await refusing.post('/session/logout')).status, 204)
    await until(() => simulator.tokens.living('owner').length === 0)
  }
)

t.test('rule 22: everywhere ends all sessions of the account here, and nobody else’s', async (t) => {
  const usher = await startTestUsher(t)
  const [one, two, other] = [await usher.signedIn(), await usher.signedIn(), await usher.signedIn(FRIEND)]
  const stream = await openEvents(usher, two)
  const broken = new Promise((resolve) => stream.once('close', resolve))
  t.equal((await one.post('/session/logout', { everywhere: true })).status, 204)
  matchProblem(t, await two.get('/session'), 401, 'USHER_SESSION_REVOKED')
  await broken
  t.equal((await other.get('/session')).status, 200)
  t.equal((await usher.signedIn()).jar.has('usher'), true)
  const again = await usher.signedIn()
  t.equal((await again.get('/session')).status, 200, 'who signs in afterwards is in')
})

t.test('rule 33: no GET signs anybody out', async (t) => {
  const usher = await startTestUsher(t)
  const browser = await usher.signedIn()
  const image = { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'image', 'sec-fetch-mode': 'no-cors' }
  matchProblem(t, await browser.get('/session/logout', image), 405, 'USHER_METHOD_NOT_ALLOWED')
  matchProblem(t, await browser.get('/session/logout'), 405, 'USHER_METHOD_NOT_ALLOWED')
  t.equal((await browser.get('/session')).status, 200)
})

t.test('rules 18 and 19: a session slides with use, not with polls, and ends at its limits', async (t) => {
  const clock = createOffsetClock()
  const settings = { USHER_SESSION_IDLE: '2h', USHER_SESSION_MAX: '5h', USHER_RECHECK: '24h' }
  const usher = await startTestUsher(t, { now: clock.now, settings })
  const browser = await usher.signedIn()
  const idle = copyOf(usher, browser)
  const polled = copyOf(usher, browser)
  const first = (await browser.get('/session')).json
  clock.advance(HOUR)
  const answer = await poll(polled)
  t.strictSame(answer.setCookies, [])
  t.equal(answer.json.idleExpiresAt, first.idleExpiresAt)
  const used = await browser.get('/session')
  t.match(used.setCookies, [/^usher=[^;]+;/])
  t.ok(Date.parse(used.json.idleExpiresAt) - Date.parse(first.idleExpiresAt) >= HOUR, 'and says so at once')
  t.equal(used.json.expiresAt, first.expiresAt)
  clock.advance(HOUR)
  for (const left of [idle, polled]) {
    matchProblem(t, await left.get('/session'), 401, 'USHER_SESSION_EXPIRED')
    t.equal(left.jar.has('usher'), false)
  }
  clock.advance(59 * MINUTE)
  const late = await browser.get('/session')
  t.equal(late.status, 200)
  t.ok(Date.parse(late.json.idleExpiresAt) <= Date.parse(first.expiresAt), 'idle ends no later than absolute')
  clock.advance(119 * MINUTE)
  await browser.get('/session')
  clock.advance(3 * MINUTE)
  matchProblem(t, await browser.get('/session'), 401, 'USHER_SESSION_EXPIRED', 'the absolute end')
})

t.test(
  'rule 24: fifty requests at a renewal make one check at plex.tv, and every cookie set works',
  async (t) => {
    const clock = createOffsetClock()
    const usher = await startTestUsher(t, { now: clock.now })
    const { simulator } = usher
    const browser = await usher.signedIn()
    clock.advance(DAY)
    simulator.clearReceived()
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => copyOf(usher, browser).get('/session'))
    )
    t.ok(answers.every(({ status }) => status === 200))
    await until(() => simulator.received({ path: '/api/v2/ping' }).length === 1)
    t.equal(simulator.received({ path: '/api/v2/user' }).length, 1)
    t.equal(simulator.received({ path: '/api/v2/resources' }).length, 1)
    const values = new Set(
      answers.flatMap(({ setCookies }) => setCookies.map((line) => line.split(';', 1)[0] ?? ''))
    )
    t.ok(values.size >= 1 && values.size <= 2, `${values.size} values`)
    for (const cookie of values) t.equal((await usher.browser().get('/session', { cookie })).status, 200)
  }
)

t.test(
  'whoever lost the server is out once plex.tv has said so twice, and the token is signed out',
  async (t) => {
    const clock = createOffsetClock()
    const usher = await startTestUsher(t, { now: clock.now })
    const { simulator } = usher
    const browser = await usher.signedIn(FRIEND)
    const stays = await usher.signedIn(loginOf(simulator, 'member'))
    const stream = await openEvents(usher, browser)
    const broken = new Promise((resolve) => stream.once('close', resolve))
    simulator.shares.remove('friend', BOX_ID)
    t.equal((await poll(browser)).status, 200, 'not before a re-check is due')
    clock.advance(15 * MINUTE)
    const out = copyOf(usher, browser)
    await until(async () => (await browser.get('/pms/library/sections')).status === 403, 'access is refused')
    t.equal((await poll(browser)).status, 200, 'the session is kept after the first answer')
    t.equal(stream.destroyed, false)
    clock.advance(5000)
    matchProblem(t, await browser.get('/pms/library/sections'), 401, 'USHER_SESSION_REVOKED')
    matchProblem(t, await out.get('/session'), 401, 'USHER_SESSION_REVOKED')
    await broken
    await until(() => simulator.tokens.living('friend').length === 0)
    t.equal((await poll(stays)).status, 200)
    t.match(
      await usher.core.metrics.registry.metrics(),
      /usher_sessions_ended_total\{reason="access_lost"\} 1/
    )
  }
)

t.test('an account that was removed is out in all its browsers with the first re-check of one', async (t) => {
  const clock = createOffsetClock()
  const usher = await startTestUsher(t, { now: clock.now })
  const { simulator } = usher
  const first = await usher.signedIn(FRIEND)
  clock.advance(10 * MINUTE)
  const second = await usher.signedIn(FRIEND)
  const [other, own] = [await usher.signedIn(), copyOf(usher, first)]
  const stream = await openEvents(usher, second)
  const broken = new Promise((resolve) => stream.once('close', resolve))
  simulator.shares.remove('friend', BOX_ID)
  clock.advance(6 * MINUTE)
  t.equal((await poll(second)).status, 200, 'its own re-check is not due')
  await until(async () => (await first.get('/session/verify')).status === 403, 'access is refused')
  clock.advance(5000)
  t.equal((await poll(first)).status, 401)
  matchProblem(t, await own.get('/session'), 401, 'USHER_SESSION_REVOKED')
  matchProblem(t, await second.get('/session'), 401, 'USHER_SESSION_REVOKED')
  await broken
  await until(() => simulator.tokens.living('friend').length === 0)
  t.equal((await poll(other)).status, 200)
  simulator.shares.add('friend', BOX_ID)
  clock.advance(1)
  t.equal((await poll(await usher.signedIn(FRIEND))).status, 200, 'and may come back when it is let in again')
  t.match(await usher.core.metrics.registry.metrics(), /usher_sessions_ended_total\{reason="access_lost"\} 2/)
})

t.test('whoever only listens is re-checked as well: an open stream keeps nobody in', async (t) => {
  const clock = createOffsetClock()
  const usher = await startTestUsher(t, { now: clock.now })
  const { simulator } = usher
  const [leaver, dead, stays] = [
    await usher.signedIn(FRIEND),
    await usher.signedIn(),
    await usher.signedIn(loginOf(simulator, 'member'))
  ]
  const [left, died, kept] = [
    await openEvents(usher, leaver),
    await openEvents(usher, dead),
    await openEvents(usher, stays)
  ]
  const broken = [left, died].map((stream) => new Promise((resolve) => stream.once('close', resolve)))
  simulator.shares.remove('friend', BOX_ID)
  simulator.tokens.revokeAccount('owner')
  clock.advance(16 * MINUTE)
  await Promise.all(broken)
  t.ok(left.complete && died.complete, 'both end, and neither asked for anything')
  t.equal(kept.destroyed, false)
  await simulator.plexDown()
  t.teardown(() => simulator.plexUp())
  clock.advance(16 * MINUTE)
  await until(() => usher.logs.some(({ msg }) => msg === 're-check failed, sessions kept'))
  await delay(1100)
  t.equal(kept.destroyed, false, 'an outage breaks no stream')
  const ended = new Promise((resolve) => kept.once('close', resolve))
  clock.advance(DAY)
  await ended
  t.equal((await poll(stays)).status, 200, 'past the grace the stream ends, and the session is kept')
})

t.test(
  'rule 23: a token that plex.tv calls dead, by 401 or by 422, ends its session and no other',
  async (t) => {
    const clock = createOffsetClock()
    const usher = await startTestUsher(t, { now: clock.now })
    const { simulator } = usher
    for (const deadToken of [401, 422] as const) {
      simulator.modes.set({ deadToken })
      const browser = await usher.signedIn()
      const other = await usher.signedIn(FRIEND)
      simulator.tokens.revokeAccount('owner')
      clock.advance(15 * MINUTE)
      const out = copyOf(usher, browser)
      await until(async () => (await poll(browser)).status !== 200)
      matchProblem(t, await out.get('/session'), 401, 'USHER_SESSION_REVOKED')
      t.equal(browser.jar.has('usher'), false)
      t.equal((await poll(other)).status, 200)

      const asking = await usher.signedIn()
      const copy = copyOf(usher, asking)
      simulator.tokens.revokeAccount('owner')
      matchProblem(t, await asking.get('/session/account'), 401, 'USHER_SESSION_REVOKED', 'told while asking')
      t.equal(asking.jar.has('usher'), false)
      matchProblem(t, await copy.get('/session'), 401, 'USHER_SESSION_REVOKED')
    }
  }
)

t.test('rule 23: 403, 429, 5xx, silence and garbage at the re-check sign nobody out', async (t) => {
  const answered = [
    { kind: 'status', status: 403 },
    { kind: 'status', status: 404 },
    { kind: 'rate-limited' },
    { kind: 'unavailable' },
    { kind: 'reset' },
    { kind: 'garbage' },
    { kind: 'truncate' },
    {
      kind: 'status',
      status: 422,
      body: '<errors><error>Something else</error></errors>',
      contentType: 'application/xml'
    }
  ] as const
  // Whatever answers may take its time on a busy machine.
  for (const [settings, effects] of [
    [{}, answered],
    [{ USHER_UPSTREAM_TIMEOUT: '3s' }, [{ kind: 'hang' }]]
  ] as const) {
    const clock = createOffsetClock()
    const usher = await startTestUsher(t, { now: clock.now, settings })
    const { simulator } = usher
    const browser = await usher.signedIn()
    for (const effect of effects) {
      for (const path of ['/api/v2/user', '/api/v2/resources']) {
        const name = `${JSON.stringify(effect)} at ${path}`
        simulator.faults.set({ service: 'plex', path, ...effect })
        clock.advance(16 * MINUTE)
        await until(async () => (await poll(browser)).json.stale === true)
        t.equal((await browser.get('/session')).status, 200, name)
        t.equal((await browser.get('/pms/library/sections')).status, 200, name)
        simulator.faults.clear()
        clock.advance(MINUTE)
        await until(async () => (await poll(browser)).json.stale === false)
      }
    }
    const outages = usher.logs.filter(({ msg }) => msg === 're-check failed, sessions kept')
    t.equal(outages.length, 2 * effects.length)
  }
})

t.test(
  'plex.tv away: stale but in, 503 at the media server past the grace, and back without a restart',
  async (t) => {
    const clock = createOffsetClock()
    const usher = await startTestUsher(t, { now: clock.now })
    const { simulator } = usher
    const browser = await usher.signedIn()
    const leaver = await usher.signedIn(FRIEND)
    t.equal((await browser.get('/session')).json.stale, false)
    // A media server knows tokens that it has seen without plex.tv as well.
    t.equal((await browser.get('/pms/library/sections')).status, 200)
    await simulator.plexDown()
    t.teardown(() => simulator.plexUp())
    clock.advance(16 * MINUTE)
    await until(async () => (await poll(browser)).json.stale === true)
    t.equal((await browser.get('/pms/library/sections')).status, 200)
    t.equal((await browser.get('/session/verify')).status, 204)
    matchProblem(t, await browser.get('/session/account'), 503, 'USHER_UPSTREAM_UNREACHABLE')
    matchProblem(t, await browser.get('/session/home'), 503, 'USHER_UPSTREAM_UNREACHABLE')
    clock.advance(23 * HOUR)
    t.equal((await browser.get('/pms/library/sections')).status, 200, 'within the grace')
    clock.advance(HOUR)
    for (let attempt = 0; attempt < 3; attempt += 1) {
      matchProblem(t, await browser.get('/pms/library/sections'), 503, 'USHER_UPSTREAM_UNREACHABLE')
    }
    matchProblem(t, await browser.get('/session/verify'), 403, 'USHER_SERVER_ACCESS_DENIED')
    t.match(
      (await browser.get('/session')).json,
      { stale: true, account: { email: OWNER } },
      'the session is kept'
    )
    t.ok(browser.jar.has('usher'))
    await simulator.plexUp()
    simulator.shares.remove('friend', BOX_ID)
    clock.advance(5000)
    t.equal((await browser.get('/pms/library/sections')).status, 200)
    t.equal((await browser.get('/session/verify')).status, 204)
    t.equal((await browser.get('/session')).json.stale, false)
    matchProblem(t, await leaver.get('/pms/library/sections'), 403, 'USHER_SERVER_ACCESS_DENIED')
    clock.advance(5000)
    matchProblem(
      t,
      await leaver.get('/pms/library/sections'),
      401,
      'USHER_SESSION_REVOKED',
      'and who is out is out'
    )
  }
)

t.test('rule 95: after hours of idling a dead token is not served once more', async (t) => {
  const clock = createOffsetClock()
  const usher = await startTestUsher(t, { now: clock.now })
  const { simulator } = usher
  for (const path of ['/session', '/session/verify', '/pms/library/sections', '/plex/api/v2/user']) {
    const [browser, stays] = [await usher.signedIn(), await usher.signedIn(FRIEND)]
    // The media server knows tokens that it has seen without plex.tv as well.
    t.equal((await browser.get('/pms/library/sections')).status, 200)
    simulator.tokens.revokeAccount('owner')
    clock.advance(20 * HOUR)
    simulator.clearReceived()
    matchProblem(t, await browser.get(path), 401, 'USHER_SESSION_REVOKED', path)
    t.strictSame(
      simulator.received({ service: 'pms', path: '/library' }),
      [],
      'nothing went to the media server'
    )
    t.equal((await stays.get(path)).status, path === '/session/verify' ? 204 : 200)
  }
})

t.test('rule 95: nor is a share that was withdrawn meanwhile', async (t) => {
  const clock = createOffsetClock()
  const usher = await startTestUsher(t, { now: clock.now })
  const { simulator } = usher
  const browser = await usher.signedIn(FRIEND)
  t.equal((await browser.get('/pms/library/sections')).status, 200)
  simulator.shares.remove('friend', BOX_ID)
  clock.advance(20 * HOUR)
  simulator.clearReceived()
  matchProblem(t, await browser.get('/pms/library/sections'), 403, 'USHER_SERVER_ACCESS_DENIED')
  matchProblem(t, await browser.get('/session/verify'), 403, 'USHER_SERVER_ACCESS_DENIED')
  t.strictSame(simulator.received({ service: 'pms', path: '/library' }), [])
  t.equal(simulator.received({ path: '/api/v2/resources' }).length, 1, 'asked once, not by every request')
})

t.test('rule 94: an empty list of resources refuses access, and signs nobody out', async (t) => {
  const clock = createOffsetClock()
  const usher = await startTestUsher(t, { now: clock.now })
  const { simulator } = usher
  const [one, two] = [await usher.signedIn(), await usher.signedIn()]
  const stream = await openEvents(usher, two)
  for (const body of ['[]', '[{"name":"half a server"}]']) {
    const odd = { kind: 'status', status: 200, contentType: 'application/json', body } as const
    const fault = simulator.faults.set({ service: 'plex', path: '/api/v2/resources', ...odd })
    for (let count = 0; count < 4; count += 1) {
      clock.advance(16 * MINUTE)
      await until(async () => (await one.get('/pms/library/sections')).status === 403, 'access is refused')
      matchProblem(t, await one.get('/session/verify'), 403, 'USHER_SERVER_ACCESS_DENIED')
      t.match(await one.get('/session'), { status: 200, json: { role: 'owner' } }, 'the session is kept')
    }
    simulator.faults.clear(fault)
    clock.advance(MINUTE)
    t.equal((await one.get('/pms/library/sections')).status, 200, 'one good answer is enough')
    t.equal((await two.get('/session/verify')).status, 204)
  }
  t.equal(stream.destroyed, false, 'and no stream broke')
  t.equal(simulator.tokens.living('owner').length, 2)
  t.notMatch(
    await usher.core.metrics.registry.metrics(),
    /usher_sessions_ended_total\{reason="access_lost"\} [1-9]/
  )
})

t.test('a mass of dead tokens ends as clean sign-outs, with one question each and no loop', async (t) => {
  const clock = createOffsetClock()
  const usher = await startTestUsher(t, { now: clock.now })
  const { simulator } = usher
  const keys = ['owner', 'friend', 'member', 'emailOnly', 'unicode'] as const
  const browsers: Browser[] = []
  for (const key of keys) {
    for (let count = 0; count < 6; count += 1) browsers.push(await usher.signedIn(loginOf(simulator, key)))
  }
  for (const key of keys) simulator.tokens.revokeAccount(key)
  // Overdue, so that each request waits for its check: what nobody waits for is spread over a minute.
  clock.advance(31 * MINUTE)
  simulator.clearReceived()
  let open = browsers
  await until(async () => {
    const answers = await Promise.all(open.map(async (browser) => ({ browser, answer: await poll(browser) })))
    for (const { answer } of answers)
      if (answer.status !== 200) matchProblem(t, answer, 401, 'USHER_SESSION_REVOKED')
    open = answers.filter(({ answer }) => answer.status === 200).map(({ browser }) => browser)
    return open.length === 0
  })
  t.ok(browsers.every((browser) => !browser.jar.has('usher')))
  t.equal(simulator.received({ path: '/api/v2/user' }).length, browsers.length)
  for (const browser of browsers) matchProblem(t, await poll(browser), 401, 'USHER_SESSION_REQUIRED')
  t.equal(simulator.received({ path: '/api/v2/user' }).length, browsers.length)
  t.match(await usher.core.metrics.registry.metrics(), /usher_sessions_ended_total\{reason="token_dead"\} 30/)
})

t.test(
  'after a restart a session of before is checked when first seen: what died meanwhile is out',
  async (t) => {
    const first = await startTestUsher(t, { settings: { USHER_PUBLIC_URL: 'http://127.0.0.1:1' } })
    const { simulator } = first
    const [owner, friend] = [await first.signedIn(), await first.signedIn(FRIEND)]
    await friend.post('/session/logout')
    const dead = copyOf(first, owner)
    await owner.post('/session/logout')
    const alive = await first.signedIn(FRIEND)
    await until(() => simulator.tokens.living('owner').length === 0)
    await first.stop(0)
    const settings = {
      USHER_PUBLIC_URL: 'http://127.0.0.1:1',
      USHER_SESSION_KEYS: first.settings['USHER_SESSION_KEYS']
    }
    const second = await startTestUsher(t, { simulator, settings })
    const old = copyOf(second, dead)
    const first401 = await Promise.all([
      poll(old),
      poll(copyOf(second, dead)),
      copyOf(second, dead).get('/session/verify')
    ])
    for (const answer of first401) matchProblem(t, answer, 401, 'USHER_SESSION_REVOKED', 'and not once in')
    t.equal(old.jar.has('usher'), false)
    matchProblem(t, await poll(copyOf(second, dead)), 401, 'USHER_SESSION_REVOKED')
    const kept = copyOf(second, alive)
    t.equal((await kept.get('/session')).status, 200)
    simulator.clearReceived()
    await kept.get('/session')
    t.equal(simulator.received({ path: '/api/v2/user' }).length <= 1, true)
  }
)

t.test('after a restart with plex.tv away a session of before goes on, stale', async (t) => {
  const settings = { USHER_PUBLIC_URL: 'http://127.0.0.1:1' }
  const first = await startTestUsher(t, { settings })
  const { simulator } = first
  const browser = await first.signedIn()
  await first.stop(0)
  const keys = first.settings['USHER_SESSION_KEYS']
  const second = await startTestUsher(t, {
    simulator,
    settings: { ...settings, USHER_SESSION_KEYS: keys, USHER_UPSTREAM_TIMEOUT: '3s' }
  })
  simulator.faults.set({ service: 'plex', path: '/api/v2/', kind: 'hang' })
  simulator.clearReceived()
  const kept = copyOf(second, browser)
  const answers = [await kept.get('/session'), await kept.get('/session')]
  for (const answer of answers) t.match(answer, { status: 200, json: { stale: true } })
  t.equal((await kept.get('/session/verify')).status, 204)
  t.equal(simulator.received({ path: '/api/v2/user' }).length, 1, 'and one request alone has waited')
})

t.test('past the grace a failure serves for its pause: not every request waits for plex.tv', async (t) => {
  // The clock stands: the pause is five seconds, which all the answers together must not need.
  let time = Date.now()
  const usher = await startTestUsher(t, { now: () => time, settings: { USHER_UPSTREAM_TIMEOUT: '3s' } })
  const { simulator } = usher
  const browser = await usher.signedIn()
  time += DAY + MINUTE
  simulator.faults.set({ service: 'plex', path: '/api/v2/', kind: 'hang' })
  simulator.clearReceived()
  for (let count = 0; count < 5; count += 1)
    t.match(await browser.get('/session'), { status: 200, json: { stale: true } })
  t.equal(simulator.received({ path: '/api/v2/user' }).length, 1)
  simulator.faults.clear()
  time += MINUTE
  t.match(await browser.get('/session'), { status: 200, json: { stale: false } })
})

t.test('rule 21: where a profile’s token dies, that of the account whose Home it is goes too', async (t) => {
  const clock = createOffsetClock()
  const usher = await startTestUsher(t, { now: clock.now })
  const { simulator } = usher
  const kid = simulator.accounts.list().find(({ key }) => key === 'kid')
  for (const path of ['/session?slide=false', '/session/account']) {
    const browser = await usher.signedIn()
    const switched = await browser.post('/session/home/switch', { uuid: kid?.uuid, pin: '1234' })
    t.equal(switched.status, 201)
    t.equal(simulator.tokens.living('owner').length, 1)
    simulator.tokens.revokeAccount('kid')
    if (path !== '/session/account') clock.advance(16 * MINUTE)
    await until(async () => (await browser.get(path)).status === 401)
    await until(() => simulator.tokens.living('owner').length === 0)
  }
})

t.test(
  'everything at Plex killed mid-run: 503 and 504, nobody signed out; started again, all works on',
  async (t) => {
    const usher = await startTestUsher(t)
    const { simulator } = usher
    const browsers = [await usher.signedIn(), await usher.signedIn(FRIEND)]
    const seen: Record<string, number> = {}
    const paths = ['/session', '/session/account', '/pms/library/sections', '/session/servers']
    let running = true
    const load = browsers.map(async (browser) => {
      while (running) {
        for (const path of paths) {
          const { status } = await browser.get(path)
          seen[status] = (seen[status] ?? 0) + 1
        }
      }
    })
    await until(() => (seen[200] ?? 0) > 20)
    await Promise.all([simulator.plexDown(), simulator.pmsDown()])
    const before = seen[503] ?? 0
    await until(() => (seen[503] ?? 0) > before + 12)
    for (const browser of browsers) {
      t.equal((await browser.get('/session')).status, 200)
      matchProblem(t, await browser.get('/session/account'), 503, 'USHER_UPSTREAM_UNREACHABLE')
      matchProblem(t, await browser.get('/pms/library/sections'), 503, 'USHER_UPSTREAM_UNREACHABLE')
    }
    matchProblem(
      t,
      await usher.browser().post('/session/login', { login: OWNER, password: PASSWORD }),
      503,
      'USHER_UPSTREAM_UNREACHABLE'
    )
    await Promise.all([simulator.plexUp(), simulator.pmsUp()])
    running = false
    await Promise.all(load)
    for (const browser of browsers) {
      for (const path of paths) t.equal((await browser.get(path)).status, 200, path)
    }
    t.equal((await usher.signedIn()).jar.has('usher'), true)
    const unexpected = Object.keys(seen).filter((status) => !['200', '503', '504'].includes(status))
    t.strictSame(unexpected, [], JSON.stringify(seen))
  }
)
