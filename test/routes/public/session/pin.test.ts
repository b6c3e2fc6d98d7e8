import t, { type Test } from 'tap'
import { BOX_ID, DEN_ID } from '../../../simulator/servers.ts'
import type { Answer, Ask, Browser } from '../../../support/browser.ts'
import { createOffsetClock, loginOf, matchProblem } from '../../../support/sign-in.ts'
import { until } from '../../../support/until.ts'
import { FRIEND, OWNER, PASSWORD, startTestUsher, type TestUsher } from '../../../support/usher.ts'

const KID = '88fad7ef5d91c202'
const GUEST = 'aaaabbbbccccdddd'
const OWNER_UUID = '212acf24b07315e5'
const MINUTE = 60_000

/** What a browser sends when a person follows a link of another site. */
const NAVIGATION = {
  'sec-fetch-site': 'cross-site',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'sec-fetch-user': '?1'
}
const NO_METADATA = { 'sec-fetch-site': undefined }

function begin(browser: Browser, returnTo?: string, headers: Ask['headers'] = NAVIGATION): Promise<Answer> {
  const query = returnTo === undefined ? '' : `?returnTo=${encodeURIComponent(returnTo)}`
  return browser.get(`/session/login${query}`, headers)
}

function comeBack(browser: Browser, headers: Ask['headers'] = NAVIGATION): Promise<Answer> {
  return browser.get('/session/callback', headers)
}

function matchLocation(t: Test, answer: Answer, location: string | RegExp): void {
  t.equal(answer.status, 302, answer.text)
  t.match(answer.headers.location ?? '', location)
  t.equal(answer.headers['cache-control'], 'no-store')
  t.notMatch(
    answer.headers.location ?? '',
    /sim-[a-z]{3}-tok-|564964[78]\d\d/,
    'rule 36: neither a token nor a PIN id'
  )
}

function newestPin(usher: TestUsher): number {
  return usher.simulator.pins.list().at(-1)?.id ?? 0
}

t.test('the redirect flow signs in without a script and goes on to where the person wanted to', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const old = { ...NO_METADATA, accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }
  for (const headers of [NAVIGATION, NO_METADATA, old, { ...NO_METADATA, accept: '*/*' }]) {
    const browser = usher.browser()
    const there = await begin(browser, '/library?x=1#y', headers)
    matchLocation(t, there, /^http:\/\/127\.0\.0\.1:\d+\/auth#\?/)
    const query = new URLSearchParams(new URL(there.headers.location ?? '').hash.slice(2))
    const forwardUrl = query.get('forwardUrl') ?? ''
    t.ok(forwardUrl.startsWith(`${usher.settings['USHER_PUBLIC_URL']}/session/callback?flow=`))
    t.notMatch(forwardUrl, /library/, 'the way back is for Usher alone to read')
    const pin = simulator.pins.list().at(-1)
    t.equal(query.get('code'), pin?.code)
    t.equal(pin?.strong, true)
    t.ok(browser.jar.has('usher-signin'))
    simulator.pins.claim(pin?.id ?? 0, 'friend')
    const back = await comeBack(browser, headers)
    matchLocation(t, back, '/library?x=1#y')
    t.strictSame([...browser.jar.keys()].sort(), ['usher', 'usher-device'], 'the sign-in cookie is gone')
    t.match((await browser.get('/session')).json, {
      account: { username: 'friend' },
      method: 'pin',
      role: 'shared'
    })
    matchLocation(t, await comeBack(browser, headers), /^\/signin$/)
    t.equal((await browser.get('/session')).status, 200, 'the way back through the history changes nothing')
  }
  const plain = usher.browser()
  await begin(plain)
  simulator.pins.claim(newestPin(usher), 'owner')
  matchLocation(t, await comeBack(plain), /^\/signin$/)
})

t.test('robots, scripts, images, prefetches and frames make no PIN, and end none', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const bystander = usher.browser()
  await begin(bystander)
  simulator.pins.claim(newestPin(usher), 'owner')
  for (const headers of [
    { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
    { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
    { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
    { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'object' },
    { 'sec-fetch-mode': 'navigate' },
    { 'sec-fetch-dest': 'document' },
    { 'sec-fetch-site': 'same-origin' },
    { ...NAVIGATION, 'sec-purpose': 'prefetch' },
    { ...NAVIGATION, 'sec-purpose': 'prefetch;prerender' },
    { ...NO_METADATA, purpose: 'prefetch' },
    { ...NO_METADATA, accept: 'image/avif,image/webp,image/svg+xml,image/*,*/*;q=0.8' },
    { ...NO_METADATA, accept: 'text/css,*/*;q=0.1' },
    { ...NO_METADATA, accept: 'application/json, text/plain, */*' }
  ]) {
    const browser = usher.browser()
    const name = JSON.stringify(headers)
    matchProblem(t, await begin(browser, '/', headers), 403, 'USHER_CROSS_SITE', name)
    matchProblem(t, await comeBack(bystander, headers), 403, 'USHER_CROSS_SITE', name)
    t.equal(browser.jar.size, 0)
  }
  t.equal(simulator.pins.list().length, 1)
  matchLocation(t, await comeBack(bystander), /^\/signin$/)
})

t.test(
  'a browser has at most one PIN of each kind, and its address at most ten in five minutes',
  async (t) => {
    const usher = await startTestUsher(t)
    const { simulator } = usher
    const browser = usher.browser()
    const own = { ...NAVIGATION, 'sec-fetch-site': 'same-origin' }
    await begin(browser, '/one', own)
    const second = await begin(browser, '/two', own)
    const third = await browser.post('/session/pin', { returnTo: '/three' })
    t.equal(simulator.pins.list().length, 1)
    t.match(second.headers.location, new RegExp(`code=${third.json.code}&`))
    simulator.pins.claim(newestPin(usher), 'owner')
    matchLocation(t, await comeBack(browser), '/three')
    for (let attempt = 0; attempt < 12; attempt += 1) {
      const again = await browser.post('/session/pin', { kind: 'link' })
      t.equal(again.status, 201, 'what makes no PIN uses up nothing')
    }
    t.equal(simulator.pins.list().length, 2)
    const fresh = { method: 'POST', anonymous: true }
    for (let attempt = 0; attempt < 8; attempt += 1)
      t.equal((await browser.ask('/session/pin', fresh)).status, 201)
    matchProblem(t, await browser.ask('/session/pin', fresh), 429, 'USHER_RATE_LIMITED')
    const limited = '/signin?error=USHER_RATE_LIMITED&returnTo=%2Fx'
    matchLocation(t, await begin(browser, '/x', own), limited)
    t.equal((await browser.post('/session/pin', { kind: 'link' })).status, 201, 'the one it has goes on')
  }
)

t.test('a sign-in that comes back unclaimed was cancelled, says so and can be tried again', async (t) => {
  const usher = await startTestUsher(t)
  const browser = usher.browser()
  await begin(browser, '/deep?link')
  matchLocation(t, await comeBack(browser), '/signin?error=USHER_SIGNIN_CANCELLED&returnTo=%2Fdeep%3Flink')
  t.equal(browser.jar.has('usher-signin'), false)
  matchLocation(t, await comeBack(browser), '/signin?error=USHER_PIN_UNKNOWN')
  await begin(browser, '/deep?link')
  t.equal(usher.simulator.pins.list().length, 2)
  usher.simulator.pins.claim(newestPin(usher), 'owner')
  matchLocation(t, await comeBack(browser), '/deep?link')
})

t.test('a link code is polled: pending, then signed in, once', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const browser = usher.browser()
  const made = await browser.post('/session/pin', { kind: 'link' })
  t.equal(made.status, 201)
  t.strictSame(Object.keys(made.json).sort(), ['authUrl', 'code', 'expiresAt', 'linkUrl', 'pollAfterMs'])
  t.match(made.json.code, /^[A-Z0-9]{4}$/)
  t.equal(made.json.linkUrl, `${simulator.plexUrl}/link/?pin=${made.json.code}`)
  t.notMatch(made.text, new RegExp(String(newestPin(usher))), 'the PIN’s id stays here')
  t.ok(Date.parse(made.json.expiresAt) - Date.now() > 14 * MINUTE)
  const pending = await browser.get('/session/pin')
  t.equal(pending.status, 200)
  t.strictSame(pending.json, { status: 'pending', pollAfterMs: 1000 })
  simulator.clearReceived()
  for (let poll = 0; poll < 5; poll += 1)
    t.match((await browser.get('/session/pin')).json, { status: 'pending' })
  t.ok(simulator.received({ path: '/api/v2/pins/' }).length < 5, 'a page in a hurry does not hurry plex.tv')
  simulator.pins.claim(made.json.code, 'owner')
  let done = await browser.get('/session/pin')
  await until(async () => {
    if (done.json.status === 'pending') done = await browser.get('/session/pin')
    return done.json.status !== 'pending'
  })
  t.match(done.json, { status: 'signed-in', session: { method: 'pin', account: { email: OWNER } } })
  t.equal((await browser.get('/session')).status, 200)
  matchProblem(t, await browser.get('/session/pin'), 404, 'USHER_PIN_UNKNOWN')
})

t.test('an expired PIN is said once and cleared, then there is none', async (t) => {
  const clock = createOffsetClock()
  const usher = await startTestUsher(t, { now: clock.now })
  const taken = usher.browser()
  await taken.post('/session/pin', { kind: 'link' })
  usher.simulator.pins.cancel(newestPin(usher))
  const first = await taken.get('/session/pin')
  t.strictSame(first.json, { status: 'expired' })
  t.match(first.setCookies, [/^usher-signin=;/])
  matchProblem(t, await taken.get('/session/pin'), 404, 'USHER_PIN_UNKNOWN')

  const slow = usher.browser()
  await slow.post('/session/pin', { kind: 'link' })
  const kept = slow.jar.get('usher-signin') ?? ''
  clock.advance(15 * MINUTE)
  t.strictSame((await slow.get('/session/pin')).json, { status: 'expired' })
  slow.jar.set('usher-signin', kept)
  clock.advance(61 * MINUTE)
  matchProblem(t, await slow.get('/session/pin'), 404, 'USHER_PIN_UNKNOWN', 'an hour later it counts as none')

  usher.simulator.modes.set({ unknownPin: 410 })
  const gone = usher.browser()
  await begin(gone, '/x')
  usher.simulator.pins.cancel(newestPin(usher))
  matchLocation(t, await comeBack(gone), '/signin?error=USHER_PIN_UNKNOWN&returnTo=%2Fx')
})

t.test(
  'a PIN belongs to the browser that asked for it: others have none, and an altered cookie is none',
  async (t) => {
    const usher = await startTestUsher(t)
    const { simulator } = usher
    const own = usher.browser()
    const made = await own.post('/session/pin', { kind: 'link' })
    const pin = newestPin(usher)
    simulator.pins.claim(pin, 'owner')
    const other = usher.browser()
    matchProblem(t, await other.get('/session/pin'), 404, 'USHER_PIN_UNKNOWN')
    matchProblem(
      t,
      await other.get(`/session/pin?id=${pin}&code=${made.json.code}`),
      404,
      'USHER_PIN_UNKNOWN'
    )
    matchLocation(t, await comeBack(other), '/signin?error=USHER_PIN_UNKNOWN')
    await other.post('/session/pin', { kind: 'link' })
    t.match((await other.get('/session/pin')).json, { status: 'pending' }, 'its own is another one')
    const cookie = own.jar.get('usher-signin') ?? ''
    const altered = `${cookie.slice(0, -2)}${cookie.endsWith('AA') ? 'BB' : 'AA'}`
    for (const bad of [altered, own.jar.get('usher') ?? 'x', '', 'x.y.z']) {
      const thief = usher.browser()
      thief.jar.set('usher-signin', bad)
      matchProblem(t, await thief.get('/session/pin'), 404, 'USHER_PIN_UNKNOWN')
    }
    t.equal((await own.ask('/session/pin', { method: 'DELETE' })).status, 204)
    matchProblem(t, await own.get('/session/pin'), 404, 'USHER_PIN_UNKNOWN', 'given up')
  }
)

t.test('the way back asks plex.tv although another page was told pending a moment ago', async (t) => {
  const clock = createOffsetClock()
  const usher = await startTestUsher(t, { now: clock.now })
  const browser = usher.browser()
  await browser.post('/session/pin', {})
  clock.advance(4 * MINUTE)
  t.strictSame((await browser.get('/session/pin')).json, { status: 'pending', pollAfterMs: 4000 })
  usher.simulator.pins.claim(newestPin(usher), 'owner')
  matchLocation(t, await comeBack(browser), /^\/signin$/)
})

t.test('a poll and a way back that race, and two ways back, end in one working session', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  for (const ask of [(browser: Browser) => browser.get('/session/pin'), comeBack]) {
    const browser = usher.browser()
    await begin(browser)
    simulator.pins.claim(newestPin(usher), 'owner')
    const answers = await Promise.all([comeBack(browser), ask(browser)])
    for (const answer of answers) t.ok(answer.status === 302 || answer.status === 200, answer.text)
    t.equal((await browser.get('/session/account')).status, 200)
    t.equal(simulator.tokens.living('owner').length, 1)
    await browser.post('/session/logout')
    await until(() => simulator.tokens.living('owner').length === 0)
  }
})

t.test('the small window that comes back last is sent to its last page', async (t) => {
  const usher = await startTestUsher(t)
  const browser = usher.browser()
  const { json } = await browser.post('/session/pin', { returnTo: '/signin?window=done' })
  const forwardUrl = new URLSearchParams(new URL(json.authUrl).hash.slice(2)).get('forwardUrl') ?? ''
  const { pathname, search } = new URL(forwardUrl)
  usher.simulator.pins.claim(newestPin(usher), 'owner')
  t.match((await browser.get('/session/pin')).json, { status: 'signed-in' }, 'the page beside was faster')
  matchLocation(t, await browser.get(pathname + search, NAVIGATION), /^\/signin\?window=done$/)
  const stranger = await usher.browser().get(pathname + search, NAVIGATION)
  const lost = '/signin?error=USHER_PIN_UNKNOWN&returnTo=%2Fsignin%3Fwindow%3Ddone'
  matchLocation(t, stranger, lost)
})

t.test(
  'a second sign-in that is claimed and then abandoned leaves the first session’s token alive',
  async (t) => {
    const usher = await startTestUsher(t)
    const { simulator } = usher
    const browser = await usher.signedIn()
    await begin(browser)
    simulator.pins.claim(newestPin(usher), 'owner')
    t.equal((await browser.get('/session/account')).status, 200)

    const early = usher.browser()
    await early.post('/session/login', { login: FRIEND, password: PASSWORD })
    await early.post('/session/logout')
    await begin(early)
    await early.post('/session/login', { login: FRIEND, password: PASSWORD })
    await begin(early)
    simulator.pins.claim(newestPin(usher), 'friend')
    t.equal(
      (await early.get('/session/account')).status,
      200,
      'also where the PIN was begun before the session'
    )
  }
)

t.test(
  'whoever has no access is refused, the fresh token is signed out and the sign-in is over',
  async (t) => {
    const usher = await startTestUsher(t)
    const { simulator } = usher
    const poller = usher.browser()
    await poller.post('/session/pin', { kind: 'link' })
    simulator.pins.claim(newestPin(usher), 'stranger')
    matchProblem(t, await poller.get('/session/pin'), 403, 'USHER_SERVER_ACCESS_DENIED')
    t.strictSame([...poller.jar.keys()], [])
    const walker = usher.browser()
    await begin(walker, '/x')
    simulator.pins.claim(newestPin(usher), 'stranger')
    matchLocation(t, await comeBack(walker), '/signin?error=USHER_SERVER_ACCESS_DENIED&returnTo=%2Fx')
    t.strictSame([...walker.jar.keys()], [])
    await until(() => simulator.tokens.living('stranger').length === 0)
    const metrics = await usher.core.metrics.registry.metrics()
    t.match(metrics, /usher_signins_total\{method="pin",result="USHER_SERVER_ACCESS_DENIED"\} 2/)
  }
)

t.test('an outage on the way is said, and the same sign-in is finished once it is over', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const browser = usher.browser()
  await begin(browser, '/x')
  simulator.pins.claim(newestPin(usher), 'owner')
  await simulator.plexDown()
  matchLocation(t, await comeBack(browser), '/signin?error=USHER_UPSTREAM_UNREACHABLE&returnTo=%2Fx')
  matchProblem(t, await browser.get('/session/pin'), 503, 'USHER_UPSTREAM_UNREACHABLE')
  const fresh = usher.browser()
  matchLocation(t, await begin(fresh, '/y'), '/signin?error=USHER_UPSTREAM_UNREACHABLE&returnTo=%2Fy')
  matchProblem(t, await fresh.post('/session/pin'), 503, 'USHER_UPSTREAM_UNREACHABLE')
  await simulator.plexUp()
  simulator.faults.set({ service: 'plex', path: '/api/v2/resources', kind: 'unavailable' })
  matchLocation(t, await comeBack(browser), '/signin?error=USHER_UPSTREAM_UNREACHABLE&returnTo=%2Fx')
  simulator.faults.clear()
  matchLocation(t, await comeBack(browser), '/x')
  simulator.limits.set({ pins: 0 })
  const limited = await usher.browser().post('/session/pin')
  matchProblem(t, limited, 503, 'USHER_PLEX_LIMITED')
  t.equal(limited.headers['retry-after'], '60')
  matchLocation(t, await begin(usher.browser()), '/signin?error=USHER_PLEX_LIMITED&returnTo=%2Fsignin')
})

t.test(
  'rule 35: a returnTo that leads elsewhere makes no PIN; a listed origin is gone back to',
  async (t) => {
    const usher = await startTestUsher(t, {
      settings: { USHER_ALLOWED_RETURN_ORIGINS: 'https://app.example', USHER_ALLOW_HTTP: 'true' }
    })
    const { simulator } = usher
    for (const bad of [
      '//evil.example',
      '/\\evil.example',
      'https://evil.example/',
      'javascript:alert(1)',
      '/%0d%0ax',
      ''
    ]) {
      const browser = usher.browser()
      matchLocation(t, await begin(browser, bad), /^\/signin\?error=USHER_INVALID_REQUEST$/)
      matchProblem(
        t,
        await browser.post('/session/pin', { returnTo: bad }),
        400,
        'USHER_INVALID_REQUEST',
        bad
      )
      t.equal(browser.jar.size, 0)
    }
    t.equal(simulator.pins.list().length, 0)
    const browser = usher.browser()
    await begin(browser, 'https://app.example/a?b')
    simulator.pins.claim(newestPin(usher), 'owner')
    matchLocation(t, await comeBack(browser), 'https://app.example/a?b')
    matchProblem(
      t,
      await begin(usher.browser(), '/a&returnTo=/b'.repeat(200)),
      400,
      'USHER_INVALID_REQUEST',
      'too long'
    )
  }
)

t.test('the Home’s profiles are listed, and switched to by PIN and back again', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const browser = await usher.signedIn()
  const profiles = await browser.get('/session/home')
  t.equal(profiles.status, 200)
  t.strictSame(Object.keys(profiles.json), ['users'])
  const byUuid = Object.fromEntries(profiles.json.users.map((user: { uuid: string }) => [user.uuid, user]))
  t.strictSame(byUuid[KID], {
    uuid: KID,
    title: 'Kid',
    thumb: `/plex/users/${KID}/avatar?c=1`,
    admin: false,
    restricted: true,
    protected: true,
    current: false
  })
  t.match(byUuid[OWNER_UUID], { admin: true, current: true, protected: false })
  t.match(byUuid[GUEST], { protected: false, restricted: false })

  const copy = usher.browser()
  for (const [name, value] of browser.jar) copy.jar.set(name, value)
  const toKid = { uuid: KID, pin: '1234' }
  matchProblem(t, await browser.post('/session/home/switch', { uuid: KID }), 403, 'USHER_HOME_PIN_REJECTED')
  const wrong = await browser.post('/session/home/switch', { uuid: KID, pin: '9999' })
  matchProblem(t, wrong, 403, 'USHER_HOME_PIN_REJECTED')
  t.strictSame(wrong.json.upstream, { service: 'plex.tv', status: 403, code: 1041 })
  simulator.modes.set({ homePinErrorWithoutStatus: true })
  const bare = await browser.post('/session/home/switch', { uuid: KID, pin: '9999' })
  matchProblem(t, bare, 403, 'USHER_HOME_PIN_REJECTED')
  t.match((await browser.get('/session')).json, { account: { email: OWNER } }, 'a wrong PIN changes nothing')

  const kid = await browser.post('/session/home/switch', toKid)
  t.equal(kid.status, 201)
  t.match(kid.json, { account: { uuid: KID, email: '', restricted: true }, method: 'home', role: 'home' })
  matchProblem(t, await copy.get('/session'), 401, 'USHER_SESSION_REVOKED', 'the session before it ended')
  t.match((await browser.get('/session/account')).json, { uuid: KID })
  t.equal((await browser.get('/pms/library/sections')).status, 200, 'with a server token of its own')
  t.match(
    (await browser.get('/session/home')).json.users.find((user: { uuid: string }) => user.uuid === KID),
    { current: true }
  )
  const guest = await browser.post('/session/home/switch', { uuid: GUEST })
  t.match(guest.json, { account: { uuid: GUEST }, role: 'home' }, 'from profile to profile')
  await until(() => simulator.tokens.living('kid').length === 0)
  const back = await browser.post('/session/home/switch', { uuid: OWNER_UUID })
  t.match(back.json, { account: { uuid: OWNER_UUID }, role: 'owner', method: 'home' })
  t.equal((await browser.get('/session/account')).status, 200)
  t.equal(simulator.tokens.living('owner').length, 1)
  await until(() => simulator.tokens.living('guest').length === 0)

  const missing = await browser.post('/session/home/switch', { uuid: '0123456789abcdef' })
  matchProblem(t, missing, 404, 'USHER_NOT_FOUND', 'a stranger is no profile')
  await browser.post('/session/home/switch', toKid)
  await browser.post('/session/logout')
  await until(() => simulator.tokens.living('owner').length + simulator.tokens.living('kid').length === 0)
  t.pass('signing out as a profile signs its opener out as well')
})

t.test('a Home PIN cannot be guessed: ten tries in five minutes, whoever tries', async (t) => {
  const usher = await startTestUsher(t)
  const browsers = [await usher.signedIn(), await usher.signedIn()]
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const pin = String(2000 + attempt)
    const answer = await browsers[attempt % 2]?.post('/session/home/switch', { uuid: KID, pin })
    t.equal(answer?.status, 403)
  }
  for (const browser of browsers) {
    const answer = await browser.post('/session/home/switch', { uuid: KID, pin: '1234' })
    matchProblem(t, answer, 429, 'USHER_RATE_LIMITED')
  }
  t.equal((await browsers[0]?.post('/session/home/switch', { uuid: GUEST }))?.status, 201, 'another profile')
})

t.test(
  'a Home whose opener was signed out at Plex stays shut, and the profile’s own session goes on',
  async (t) => {
    const usher = await startTestUsher(t)
    const browser = await usher.signedIn()
    await browser.post('/session/home/switch', { uuid: KID, pin: '1234' })
    usher.simulator.tokens.revokeAccount('owner')
    matchProblem(t, await browser.get('/session/home'), 403, 'USHER_SERVER_ACCESS_DENIED')
    const back = await browser.post('/session/home/switch', { uuid: OWNER_UUID })
    matchProblem(t, back, 403, 'USHER_SERVER_ACCESS_DENIED')
    t.match((await browser.get('/session/account')).json, { uuid: KID })
    const owner = await usher.signedIn()
    usher.simulator.tokens.revokeAccount('owner')
    const dead = await owner.get('/session/home')
    matchProblem(t, dead, 401, 'USHER_SESSION_REVOKED', 'its own dead token ends a session')
    t.match(dead.setCookies, [/^usher=;/])
    t.equal(owner.jar.has('usher'), false)
  }
)

t.test(
  'a switch ends where the profile has no access, with its token signed out and the session kept',
  async (t) => {
    const usher = await startTestUsher(t, { settings: { USHER_ACCESS: 'owner' } })
    const browser = await usher.signedIn()
    const answer = await browser.post('/session/home/switch', { uuid: KID, pin: '1234' })
    matchProblem(t, answer, 403, 'USHER_SERVER_ACCESS_DENIED')
    await until(() => usher.simulator.tokens.living('kid').length === 0)
    t.match((await browser.get('/session/account')).json, { uuid: OWNER_UUID })
    const friend = await startTestUsher(t, { simulator: usher.simulator })
    const outside = await friend.signedIn(FRIEND)
    t.strictSame((await outside.get('/session/home')).json, { users: [] }, 'no Home, no profiles')
  }
)

t.test('without USHER_PMS_URL a session lists its servers and chooses one that proves itself', async (t) => {
  const usher = await startTestUsher(t, { settings: { USHER_PMS_URL: undefined, USHER_ACCESS: 'anyone' } })
  const { simulator } = usher
  const browser = await usher.signedIn()
  t.match((await browser.get('/session')).json, { role: 'none', server: null })
  matchProblem(t, await browser.get('/pms/library/sections'), 403, 'USHER_SERVER_ACCESS_DENIED')
  const list = await browser.get('/session/servers')
  t.equal(list.status, 200)
  t.match(list.json, [
    { name: 'Box', owned: true, presence: true, selected: false },
    { name: 'Den', owned: false, selected: false }
  ])
  t.strictSame(Object.keys(list.json[0]).sort(), [
    'connections',
    'home',
    'machineIdentifier',
    'name',
    'owned',
    'presence',
    'selected'
  ])
  t.ok(list.json[0].connections.some(({ uri }: { uri: string }) => uri === simulator.pmsUrl))
  t.strictSame(Object.keys(list.json[0].connections[0]).sort(), ['local', 'relay', 'uri'])
  const [box, den] = list.json.map(
    ({ machineIdentifier }: { machineIdentifier: string }) => machineIdentifier
  )
  const choose = (machineIdentifier: string) =>
    browser.ask('/session/server', { method: 'PUT', body: JSON.stringify({ machineIdentifier }) })

  const copy = usher.browser()
  for (const [name, value] of browser.jar) copy.jar.set(name, value)
  const chosen = await choose(box)
  t.equal(chosen.status, 200)
  t.match(chosen.json, { role: 'owner', server: { name: 'Box', machineIdentifier: box } })
  matchProblem(t, await copy.get('/session'), 401, 'USHER_SESSION_REVOKED', 'under a fresh id')
  t.equal(
    (await browser.get('/session/account')).status,
    200,
    'with the same token, which was not signed out'
  )
  t.equal((await browser.get('/pms/library/sections')).status, 200)
  t.match((await choose(den)).json, { role: 'shared', server: { name: 'Den' } })
  t.equal((await browser.get('/pms/library/sections')).status, 200)
  t.match((await browser.get('/session/servers')).json, [{ selected: false }, { selected: true }])
  const sent = simulator.received({ service: 'pms2', path: '/library' })
  const token = simulator.tokens.server('owner', DEN_ID)
  t.ok(
    sent.length > 0 && sent.every(({ headers }) => headers.some(([, value]) => value === token)),
    'its own token'
  )

  simulator.clearReceived()
  for (const unknown of ['f'.repeat(40), 'plexweb-sim']) {
    matchProblem(t, await choose(unknown), 403, 'USHER_SERVER_ACCESS_DENIED', unknown)
  }
  const address = (uri: string) => {
    const { hostname, port, protocol } = new URL(uri)
    return {
      uri,
      protocol: protocol === 'https:' ? 'https' : 'http',
      address: hostname,
      port: Number(port || 443),
      local: false,
      relay: false,
      IPv6: false
    } as const
  }
  const unusable = [
    [simulator.pmsUrl, 'another machine answers there'],
    ['http://169.254.169.254:80', 'link-local'],
    ['http://10.0.0.1:32400', 'private, and not the account’s own'],
    ['http://203.0.113.7:32400', 'plain http outside']
  ] as const
  for (const [uri, name] of unusable) {
    simulator.servers.setConnections(den, [address(uri)])
    matchProblem(t, await choose(den), 503, 'USHER_UPSTREAM_UNREACHABLE', name)
  }
  simulator.servers.setConnections(den, [address(simulator.pms2Url)])
  simulator.faults.set({
    service: 'pms2',
    path: '/identity',
    kind: 'redirect',
    location: `${simulator.pmsUrl}/identity`
  })
  matchProblem(t, await choose(den), 503, 'USHER_UPSTREAM_UNREACHABLE', 'rule 43: a redirect is not followed')
  const seen = simulator.received().filter(({ service }) => service !== 'plex')
  t.ok(seen.length > 0)
  for (const { url, headers } of seen) {
    t.equal(url, '/identity')
    t.notOk(
      headers.some(([name]) => name.toLowerCase() === 'x-plex-token'),
      'rule 42: no token before the proof'
    )
  }
  t.match(
    (await browser.get('/session')).json,
    { server: { name: 'Den' } },
    'none of them changed the session'
  )
})

t.test(
  'rule 13: a choice that does not fit the cookie is refused, and the session and its token live on',
  async (t) => {
    const usher = await startTestUsher(t, { settings: { USHER_PMS_URL: undefined, USHER_ACCESS: 'anyone' } })
    const { simulator } = usher
    const long = (tag: string) => `sim-${tag}-tok-${'x'.repeat(1500)}`
    simulator.presetSecrets('usr', long('usr'))
    const browser = await usher.signedIn()
    simulator.presetSecrets('srv', long('srv'))
    simulator.shares.add('owner', DEN_ID)
    const answer = await browser.ask('/session/server', {
      method: 'PUT',
      body: JSON.stringify({ machineIdentifier: DEN_ID })
    })
    matchProblem(t, answer, 502, 'USHER_UPSTREAM_INVALID')
    t.strictSame(
      answer.setCookies.filter((line) => line.startsWith('usher=')),
      []
    )
    t.equal((await browser.get('/session/account')).status, 200)
    t.equal(usher.core.signOuts.waiting, 0)
    simulator.presetSecrets('fri', `sim-fri-tok-${'x'.repeat(2047 - 12)}`)
    simulator.shares.remove('friend', BOX_ID)
    simulator.presetSecrets('srv', `sim-srv-tok-${'x'.repeat(2000)}`)
    simulator.shares.add('friend', BOX_ID)
    const fixed = await startTestUsher(t, { simulator })
    const refused = await fixed.browser().post('/session/login', { login: FRIEND, password: PASSWORD })
    matchProblem(t, refused, 502, 'USHER_UPSTREAM_INVALID')
    await until(() => simulator.tokens.living('friend').length === 0)
  }
)

t.test('with USHER_PMS_URL there is that server to choose and no other', async (t) => {
  const usher = await startTestUsher(t)
  const browser = await usher.signedIn()
  const put = (machineIdentifier: string) =>
    browser.ask('/session/server', { method: 'PUT', body: JSON.stringify({ machineIdentifier }) })
  const { machineIdentifier } = (await browser.get('/session')).json.server
  t.match((await put(machineIdentifier)).json, { server: { machineIdentifier }, role: 'owner' })
  matchProblem(t, await put(DEN_ID), 403, 'USHER_SERVER_ACCESS_DENIED')
  t.equal((await browser.get('/session/account')).status, 200)
})

t.test('the account is told as plex.tv tells it now, without its secrets', async (t) => {
  const usher = await startTestUsher(t)
  const browser = await usher.signedIn()
  const answer = await browser.get('/session/account')
  t.equal(answer.status, 200)
  t.match(answer.json, { id: 13_692_262, username: 'simuser', email: OWNER, thumb: /^\/plex\/users\// })
  t.notMatch(answer.text, /"(?:authToken|authentication_?[tT]oken|pin|secret|services)"/)
  usher.simulator.accounts.set('owner', { title: 'Renamed' })
  t.match((await browser.get('/session/account')).json, { title: 'Renamed' })
})

t.test('an owner sees a source without its token; others and odd sources are refused', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const browser = await usher.signedIn()
  const ask = (source: string, by = browser) => by.get(`/session/source?source=${encodeURIComponent(source)}`)
  const good = await ask(`server://${DEN_ID}`)
  t.equal(good.status, 200)
  t.match(good.json, { source: `server://${DEN_ID}`, name: 'Den', clientIdentifier: DEN_ID })
  t.strictSame(Object.keys(good.json), ['source', 'name', 'clientIdentifier', 'connections'])
  t.ok(good.json.connections.length > 0)
  matchProblem(
    t,
    await ask(`server://${DEN_ID}`, await usher.signedIn(FRIEND)),
    403,
    'USHER_SERVER_ACCESS_DENIED'
  )
  simulator.clearReceived()
  for (const bad of [
    '',
    'x',
    'server://',
    'server://a@evil.example',
    'server://../x',
    `server://${DEN_ID}/x`,
    `server://${DEN_ID}?x`,
    `server://${DEN_ID}\r\nX: y`,
    'http://evil.example',
    'SERVER://abc',
    `server://${'a'.repeat(10_000)}`
  ]) {
    const answer = await ask(bad)
    matchProblem(
      t,
      answer,
      bad.length > 9000 ? answer.status : 400,
      'USHER_INVALID_REQUEST',
      bad.slice(0, 50)
    )
  }
  matchProblem(t, await browser.get('/session/source'), 400, 'USHER_INVALID_REQUEST')
  t.equal(simulator.received({ service: 'pms' }).length, 0, 'rule 42: the media server hears of none of them')
  for (const [effect, status, code] of [
    [{ kind: 'server-error' }, 503, 'USHER_UPSTREAM_UNREACHABLE'],
    [{ kind: 'garbage' }, 502, 'USHER_UPSTREAM_INVALID'],
    [{ kind: 'truncate' }, 502, 'USHER_UPSTREAM_INVALID'],
    [{ kind: 'reset' }, 503, 'USHER_UPSTREAM_UNREACHABLE']
  ] as const) {
    simulator.faults.set({ service: 'pms', path: '/security/resources', ...effect })
    matchProblem(t, await ask(`server://${DEN_ID}`), status, code, effect.kind)
    simulator.faults.clear()
  }
  simulator.faults.set({ service: 'pms', path: '/security', kind: 'status', status: 401 })
  const refused = await ask(`server://${DEN_ID}`)
  t.not(refused.status, 401, 'only plex.tv says that a token is dead')
  t.equal((await browser.get('/session')).status, 200)
})

t.test('numbers of two users never mix, however their requests fall together', async (t) => {
  const usher = await startTestUsher(t)
  const browsers = [
    [await usher.signedIn(), OWNER],
    [await usher.signedIn(FRIEND), FRIEND],
    [await usher.signedIn(loginOf(usher.simulator, 'member')), 'robin@example.com']
  ] as const
  let rounds = 0
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let round = 0; round < 25; round += 1) {
        const [browser, email] = browsers[(rounds++ * 7) % 3] ?? browsers[0]
        const [view, account] = await Promise.all([browser.get('/session'), browser.get('/session/account')])
        if (view.json.account.email !== email || account.json.email !== email) t.fail(`rule 25: not ${email}`)
      }
    })
  )
  t.equal(rounds, 200)
})
