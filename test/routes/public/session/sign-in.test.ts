import t, { type Test } from 'tap'
import { VERIFICATION_CODE } from '../../../simulator/accounts.ts'
import type { FaultEffect } from '../../../simulator/faults.ts'
import type { Answer, Browser } from '../../../support/browser.ts'
import { createOffsetClock, loginOf, matchProblem, readSetCookie } from '../../../support/sign-in.ts'
import { until } from '../../../support/until.ts'
import { FRIEND, OWNER, PASSWORD, startTestUsher, type TestUsher } from '../../../support/usher.ts'

function signIn(browser: Browser, login: string, extra: Record<string, unknown> = {}): Promise<Answer> {
  return browser.post('/session/login', { login, password: PASSWORD, ...extra })
}

t.test('the right login and password answer 201 with the session, and the cookie signs in', async (t) => {
  const usher = await startTestUsher(t)
  const browser = usher.browser()
  const answer = await signIn(browser, OWNER)
  t.equal(answer.status, 201)
  t.equal(answer.headers['cache-control'], 'no-store')
  const view = answer.json
  t.match(view, {
    account: {
      id: 13_692_262,
      uuid: '212acf24b07315e5',
      username: 'simuser',
      email: OWNER,
      thumb: '/plex/users/212acf24b07315e5/avatar',
      restricted: false
    },
    role: 'owner',
    server: { name: 'Box', machineIdentifier: 'c997cf82c4158cb986ccc0e8f829a6f5d5086a63' },
    method: 'password',
    stale: false
  })
  t.strictSame(Object.keys(view).sort(), [
    'account',
    'expiresAt',
    'idleExpiresAt',
    'method',
    'role',
    'server',
    'signedInAt',
    'stale'
  ])
  for (const time of [view.signedInAt, view.expiresAt, view.idleExpiresAt]) {
    t.equal(new Date(time).toISOString(), time)
  }
  t.equal(Date.parse(view.expiresAt) - Date.parse(view.signedInAt), 30 * 86_400_000)
  t.strictSame((await browser.get('/session')).json, view)
  t.strictSame([...browser.jar.keys()].sort(), ['usher', 'usher-device'])
  for (const [login, role] of [
    [FRIEND, 'shared'],
    [loginOf(usher.simulator, 'member'), 'home'],
    ['robin', 'home'],
    [' SIM@Example.com ', 'owner']
  ] as const) {
    t.match((await signIn(usher.browser(), login)).json, { role }, login)
  }
})

t.test('every refusal of plex.tv has its own code, and leaves no session', async (t) => {
  const clock = createOffsetClock()
  const usher = await startTestUsher(t, { now: clock.now })
  const { simulator } = usher
  const twoFactor = loginOf(simulator, 'twoFactor')
  const refused = async (body: Record<string, unknown>, status: number, code: string, upstream?: object) => {
    const browser = usher.browser()
    const answer = await browser.post('/session/login', body)
    matchProblem(t, answer, status, code)
    t.strictSame(answer.json.upstream, upstream, `${code}: upstream`)
    t.equal(browser.jar.has('usher'), false)
    t.equal(
      answer.setCookies.some((line) => line.startsWith('usher=')),
      false
    )
  }
  const plex = (status: number, code: number) => ({ service: 'plex.tv', status, code })
  const withPassword = (login: string) => ({ login, password: PASSWORD })
  await refused({ login: OWNER, password: 'wrong' }, 401, 'USHER_CREDENTIALS_REJECTED', plex(401, 1001))
  await refused(withPassword('nobody@example.com'), 401, 'USHER_CREDENTIALS_REJECTED', plex(401, 1001))
  await refused(withPassword(loginOf(simulator, 'sso')), 401, 'USHER_CREDENTIALS_REJECTED', plex(401, 1001))
  await refused(withPassword(twoFactor), 401, 'USHER_VERIFICATION_REQUIRED', plex(401, 1029))
  await refused(
    { ...withPassword(twoFactor), verificationCode: '000000' },
    401,
    'USHER_VERIFICATION_REJECTED',
    plex(401, 1028)
  )
  await refused(withPassword('emailonly'), 401, 'USHER_EMAIL_REQUIRED', plex(401, 1030))
  await refused(withPassword(loginOf(simulator, 'stranger')), 403, 'USHER_SERVER_ACCESS_DENIED')
  await refused(withPassword(loginOf(simulator, 'pending')), 403, 'USHER_SERVER_ACCESS_DENIED')
  await refused(withPassword(loginOf(simulator, 'locked')), 503, 'USHER_PLEX_LIMITED', plex(401, 1031))
  clock.advance(61_000)
  const withCode = await signIn(usher.browser(), twoFactor, { verificationCode: VERIFICATION_CODE })
  t.match(withCode.json, { role: 'shared', account: { username: 'twofactor' } })
  t.equal((await signIn(usher.browser(), loginOf(simulator, 'emailOnly'))).status, 201)
  await until(() => simulator.tokens.living('stranger').length === 0)
  await until(() => simulator.tokens.living('pending').length === 0)
  t.pass('the fresh tokens of refused accounts are signed out again')
  const metrics = await usher.core.metrics.registry.metrics()
  t.match(metrics, /usher_signins_total\{method="password",result="ok"\} 2/)
  t.match(metrics, /usher_signins_total\{method="password",result="USHER_CREDENTIALS_REJECTED"\} 3/)
})

const PLEX_FAULTS: readonly (readonly [FaultEffect, number, string, number | null, number | null])[] = [
  [{ kind: 'server-error' }, 503, 'USHER_UPSTREAM_UNREACHABLE', 500, 1007],
  [{ kind: 'unavailable' }, 503, 'USHER_UPSTREAM_UNREACHABLE', 503, null],
  [{ kind: 'status', status: 502 }, 503, 'USHER_UPSTREAM_UNREACHABLE', 502, null],
  [{ kind: 'rate-limited' }, 503, 'USHER_PLEX_LIMITED', 429, 1003],
  [{ kind: 'rate-limited', format: 'json' }, 503, 'USHER_PLEX_LIMITED', 429, 1003],
  [{ kind: 'status', status: 429, headers: { 'Retry-After': '17' } }, 503, 'USHER_PLEX_LIMITED', 429, null],
  [{ kind: 'invalid-token' }, 502, 'USHER_UPSTREAM_INVALID', 422, null],
  [{ kind: 'redirect', location: 'http://127.0.0.1:1/elsewhere' }, 502, 'USHER_UPSTREAM_INVALID', 302, null],
  [{ kind: 'reset' }, 503, 'USHER_UPSTREAM_UNREACHABLE', null, null],
  [{ kind: 'half-reset' }, 503, 'USHER_UPSTREAM_UNREACHABLE', null, null],
  [{ kind: 'garbage' }, 502, 'USHER_UPSTREAM_INVALID', null, null],
  [{ kind: 'truncate' }, 502, 'USHER_UPSTREAM_INVALID', null, null],
  [{ kind: 'oversized', bytes: 3_000_000 }, 502, 'USHER_UPSTREAM_INVALID', null, null]
]

t.test(
  'rule 23: whatever goes wrong at plex.tv is a problem of 502, 503 or 504, never a session',
  async (t) => {
    const clock = createOffsetClock()
    const usher = await startTestUsher(t, { now: clock.now })
    const { simulator } = usher
    const before = await usher.signedIn(FRIEND)
    const logins = [OWNER, 'simuser', loginOf(simulator, 'member'), 'robin']
    let attempt = 0
    for (const path of ['/api/v2/resources', '/api/v2/users/signin']) {
      for (const [effect, status, code, upstreamStatus, upstreamCode] of PLEX_FAULTS) {
        // At the resources a dead token is told to be dead; that is the next test's.
        if (path.endsWith('resources') && effect.kind === 'invalid-token') continue
        const name = `${effect.kind} at ${path}`
        simulator.faults.set({ service: 'plex', path, ...effect })
        const browser = usher.browser()
        const answer = await signIn(browser, logins[attempt++ % logins.length] ?? '')
        matchProblem(t, answer, status, code, name)
        const upstream = { service: 'plex.tv', status: upstreamStatus, code: upstreamCode }
        t.strictSame(answer.json.upstream, upstreamStatus === null ? undefined : upstream, name)
        const retryAfter = code !== 'USHER_PLEX_LIMITED' ? undefined : effect.kind === 'status' ? '17' : '60'
        t.equal(answer.headers['retry-after'], retryAfter, name)
        t.equal(browser.jar.has('usher'), false, name)
        simulator.faults.clear()
        clock.advance(61_000)
      }
      if (!path.endsWith('resources')) continue
      await until(() => simulator.tokens.living().every(({ account }) => account === 'friend'))
      t.pass('no token that was given out on the way is left alive')
    }
    t.equal((await before.get('/session')).status, 200, 'whoever was signed in still is')
  }
)

t.test('what plex.tv does not answer in time is a 504, and leaves no token alive', async (t) => {
  const silences: readonly FaultEffect[] = [
    { kind: 'hang' },
    { kind: 'latency', ms: 4500 },
    { kind: 'stall' }
  ]
  // Side by side, because each waits. Whatever answers may stand still for two seconds on a busy machine.
  await Promise.all(
    silences.map(async (effect) => {
      const usher = await startTestUsher(t, { settings: { USHER_UPSTREAM_TIMEOUT: '3s' } })
      const { simulator } = usher
      for (const path of ['/api/v2/resources', '/api/v2/users/signin']) {
        const name = `${effect.kind} at ${path}`
        simulator.faults.set({ service: 'plex', path, ...effect })
        const browser = usher.browser()
        const answer = await signIn(browser, OWNER)
        matchProblem(t, answer, 504, 'USHER_UPSTREAM_TIMEOUT', name)
        t.equal(answer.json.upstream, undefined, name)
        t.equal(answer.headers['retry-after'], undefined, name)
        t.equal(browser.jar.has('usher'), false, name)
        simulator.faults.clear()
        if (path.endsWith('resources'))
          await until(() => simulator.tokens.living().length === 0, `${name}: the token is signed out`)
      }
    })
  )
})

t.test(
  'a fresh token that plex.tv calls dead at once is an answer not understood, and ends nothing else',
  async (t) => {
    const usher = await startTestUsher(t)
    const browser = await usher.signedIn()
    usher.simulator.faults.set({
      service: 'plex',
      path: '/api/v2/resources',
      kind: 'invalid-token',
      count: 1
    })
    matchProblem(t, await signIn(browser, FRIEND), 502, 'USHER_UPSTREAM_INVALID')
    t.match((await browser.get('/session')).json, { account: { email: OWNER } })
  }
)

t.test('answers in XML are understood as well as JSON', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const xml = (status: number, body: string) =>
    simulator.faults.set({
      service: 'plex',
      path: '/api/v2/users/signin',
      kind: 'status',
      status,
      contentType: 'application/xml; charset=utf-8',
      body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}`
    })
  const token = simulator.tokens.issue('owner', 'elsewhere')
  xml(
    201,
    `<user id="13692262" uuid="212acf24b07315e5" username="simuser" title="simuser" email="${OWNER}" authToken="${token}" restricted="0"/>`
  )
  const browser = usher.browser()
  const answer = await signIn(browser, OWNER)
  t.match(answer.json, { account: { id: 13_692_262, username: 'simuser' }, role: 'owner' })
  t.equal((await browser.get('/session/account')).status, 200)
  for (const [code, status, expected] of [
    [1001, 401, 'USHER_CREDENTIALS_REJECTED'],
    [1029, 401, 'USHER_VERIFICATION_REQUIRED'],
    [1028, 401, 'USHER_VERIFICATION_REJECTED'],
    [1030, 401, 'USHER_EMAIL_REQUIRED']
  ] as const) {
    simulator.faults.clear()
    xml(status, `<errors><error code="${code}" message="Something" status="${status}"/></errors>`)
    matchProblem(t, await signIn(usher.browser(), OWNER), 401, expected)
  }
  simulator.faults.clear()
  xml(201, '<!DOCTYPE x [<!ENTITY a "aaaa">]><user id="1" uuid="212acf24b07315e5" authToken="&a;"/>')
  matchProblem(t, await signIn(usher.browser(), OWNER), 502, 'USHER_UPSTREAM_INVALID', 'rule 57: no DTD')
})

t.test('USHER_ACCESS decides who may come in', async (t) => {
  const first = await startTestUsher(t)
  const { simulator } = first
  const accounts = ['owner', 'member', 'friend', 'stranger'] as const
  for (const [access, ...expected] of [
    ['server', 201, 201, 201, 403],
    ['home', 201, 201, 403, 403],
    ['owner', 201, 403, 403, 403],
    ['anyone', 201, 201, 201, 201]
  ] as const) {
    const usher = await startTestUsher(t, { simulator, settings: { USHER_ACCESS: access } })
    for (const [index, key] of accounts.entries()) {
      const answer = await signIn(usher.browser(), loginOf(simulator, key))
      t.equal(answer.status, expected[index], `${key} under ${access}`)
      if (access === 'anyone' && key === 'stranger') t.match(answer.json, { role: 'none', server: null })
    }
  }
})

t.test('USHER_REQUIRE_2FA refuses accounts without two factors, and signs their token out', async (t) => {
  const first = await startTestUsher(t)
  const { simulator } = first
  const twoFactor = loginOf(simulator, 'twoFactor')
  const all = await startTestUsher(t, { simulator, settings: { USHER_REQUIRE_2FA: 'all' } })
  matchProblem(t, await signIn(all.browser(), FRIEND), 403, 'USHER_TWO_FACTOR_REQUIRED')
  matchProblem(t, await signIn(all.browser(), OWNER), 403, 'USHER_TWO_FACTOR_REQUIRED')
  const code = { verificationCode: VERIFICATION_CODE }
  t.equal((await signIn(all.browser(), twoFactor, code)).status, 201)
  await until(() => simulator.tokens.living('friend').length === 0)
  const owner = await startTestUsher(t, { simulator, settings: { USHER_REQUIRE_2FA: 'owner' } })
  t.equal((await signIn(owner.browser(), FRIEND)).status, 201)
  matchProblem(t, await signIn(owner.browser(), OWNER), 403, 'USHER_TWO_FACTOR_REQUIRED')
})

t.test(
  'the server’s own word about its identity decides: another machine gets no token and no session',
  async (t) => {
    const usher = await startTestUsher(t, { settings: { USHER_PMS_MACHINE_ID: 'f'.repeat(40) } })
    const answer = await signIn(usher.browser(), OWNER)
    matchProblem(t, answer, 403, 'USHER_SERVER_ACCESS_DENIED')
    const down = await startTestUsher(t, { simulator: usher.simulator })
    await usher.simulator.pmsDown()
    t.teardown(() => usher.simulator.pmsUp())
    matchProblem(t, await signIn(down.browser(), OWNER), 503, 'USHER_UPSTREAM_UNREACHABLE')
    await usher.simulator.pmsUp()
    t.equal((await signIn(down.browser(), OWNER)).status, 201)
  }
)

t.test('rule 17: a sign-in over a session begins a fresh one and ends the one before it', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const browser = await usher.signedIn(FRIEND)
  const copy = usher.browser()
  for (const [name, value] of browser.jar) copy.jar.set(name, value)
  const planted = browser.jar.get('usher')
  t.equal((await signIn(browser, OWNER)).status, 201)
  t.not(browser.jar.get('usher'), planted)
  matchProblem(t, await copy.get('/session'), 401, 'USHER_SESSION_REVOKED')
  await until(() => simulator.tokens.living('friend').length === 0)
  t.equal((await browser.get('/session/account')).status, 200)

  const again = usher.browser()
  for (const [name, value] of browser.jar) again.jar.set(name, value)
  t.equal((await signIn(browser, OWNER)).status, 201)
  matchProblem(t, await again.get('/session'), 401, 'USHER_SESSION_REVOKED', 'also for the same account')
  t.equal((await browser.get('/session/account')).status, 200, 'whose new token was not signed out')
  await until(() => simulator.tokens.living('owner').length === 1)
  t.pass('one token for this account and browser')
  const wrong = await browser.post('/session/login', { login: FRIEND, password: 'wrong' })
  t.equal(wrong.status, 401)
  t.match((await browser.get('/session')).json, { account: { email: OWNER } }, 'a failed one ends nothing')
})

t.test('each browser is a client of its own at plex.tv, also after signing out', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const [one, two] = [await usher.signedIn(), await usher.signedIn()]
  t.equal(simulator.tokens.living('owner').length, 2)
  t.equal((await one.get('/session/account')).status, 200, 'the second sign-in did not kill the first')
  t.equal((await two.get('/session/account')).status, 200)
  const identifiers = () =>
    simulator.tokens
      .living('owner')
      .map((entry) => entry.clientIdentifier)
      .sort()
  const before = identifiers()
  await one.post('/session/logout')
  t.ok(one.jar.has('usher-device'))
  await until(() => simulator.tokens.living('owner').length === 1)
  t.equal((await signIn(one, OWNER)).status, 201)
  t.strictSame(identifiers(), before)
})

t.test(
  'rule 66: ten sign-ins an address, IPv6 by /64, and X-Forwarded-For is believed of proxies only',
  async (t) => {
    const usher = await startTestUsher(t)
    const attempt = (browser: Browser, address: string) =>
      browser.post('/session/login', { login: OWNER }, { 'x-forwarded-for': address })
    const browser = usher.browser()
    for (let host = 1; host <= 10; host += 1) {
      matchProblem(t, await attempt(browser, `2001:db8:1:2::${host}`), 400, 'USHER_INVALID_REQUEST')
    }
    const limited = await attempt(browser, '2001:db8:1:2:ffff::1')
    matchProblem(t, limited, 429, 'USHER_RATE_LIMITED')
    const wait = Number(limited.headers['retry-after'])
    t.ok(wait >= 1 && wait <= 300, `Retry-After ${wait}`)
    matchProblem(
      t,
      await attempt(browser, '2001:db8:1:3::1'),
      400,
      'USHER_INVALID_REQUEST',
      'another network'
    )
    const rightPassword = await browser.post(
      '/session/login',
      { login: OWNER, password: PASSWORD },
      { 'x-forwarded-for': '2001:db8:1:2::77' }
    )
    matchProblem(t, rightPassword, 429, 'USHER_RATE_LIMITED', 'the right password does not matter')
    t.equal(usher.simulator.received({ service: 'plex', path: '/api/v2/users/signin' }).length, 0)

    const direct = await startTestUsher(t, {
      simulator: usher.simulator,
      settings: { USHER_TRUSTED_PROXIES: undefined }
    })
    for (let host = 1; host <= 10; host += 1) await attempt(direct.browser(), `203.0.113.${host}`)
    matchProblem(t, await attempt(direct.browser(), '203.0.113.200'), 429, 'USHER_RATE_LIMITED', 'spoofed')
    t.match(
      await usher.core.metrics.registry.metrics(),
      /usher_rate_limited_total\{limit="login_address"\} 2/
    )
  }
)

t.test('rule 66: ten sign-ins an account, however it is spelled', async (t) => {
  const usher = await startTestUsher(t)
  const wide = 'ｓｉｍ@example.com'
  const spellings = [OWNER, ' sim@example.com', 'SIM@EXAMPLE.COM', 'Sim@Example.com  ', wide]
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const login = spellings[attempt % spellings.length] ?? ''
    t.equal((await signIn(usher.browser(), login)).status, 201, JSON.stringify(login))
  }
  for (const login of spellings) {
    matchProblem(t, await signIn(usher.browser(), login), 429, 'USHER_RATE_LIMITED', JSON.stringify(login))
  }
  for (const invisible of ['\u200b', '\u00ad', '\u2060', '\ufe0f', ' ']) {
    const login = `sim${invisible}@example.com`
    matchProblem(t, await signIn(usher.browser(), login), 429, 'USHER_RATE_LIMITED', JSON.stringify(login))
  }
  t.equal((await signIn(usher.browser(), FRIEND)).status, 201, 'another account is not held up')
})

t.test(
  'rule 66: strangers share a ration of failures, and cannot lock out a browser that was here before',
  async (t) => {
    const usher = await startTestUsher(t)
    const { simulator } = usher
    const known = await usher.signedIn(FRIEND)
    await known.post('/session/logout')
    let refused = 0
    const guesses = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        usher.browser().post('/session/login', { login: `guess-${index}@example.com`, password: 'x' })
      )
    )
    for (const guess of guesses) if (guess.status === 429) refused += 1
    t.equal(refused, 28, 'twelve in all, also of those that come at once')
    t.equal(simulator.received({ path: '/api/v2/users/signin' }).length, 1 + 12)
    matchProblem(
      t,
      await signIn(usher.browser(), OWNER),
      429,
      'USHER_RATE_LIMITED',
      'an unknown browser waits'
    )
    for (let attempt = 0; attempt < 4; attempt += 1) {
      matchProblem(t, await signIn(known, FRIEND, { password: 'x' }), 401, 'USHER_CREDENTIALS_REJECTED')
    }
    t.equal((await signIn(known, FRIEND)).status, 201, 'the known one signs in')
    matchProblem(t, await signIn(known, FRIEND, { password: 'x' }), 401, 'USHER_CREDENTIALS_REJECTED')
    matchProblem(
      t,
      await signIn(known, FRIEND, { password: 'x' }),
      429,
      'USHER_RATE_LIMITED',
      'its ration is five'
    )
  }
)

t.test(
  'after plex.tv locked our address no password goes there until the pause is over; sessions go on',
  async (t) => {
    const clock = createOffsetClock()
    const usher = await startTestUsher(t, { now: clock.now })
    const { simulator } = usher
    const browser = await usher.signedIn(FRIEND)
    simulator.limits.lock('127.0.0.1')
    const first = await signIn(usher.browser(), OWNER)
    matchProblem(t, first, 503, 'USHER_PLEX_LIMITED')
    t.equal(first.headers['retry-after'], '60')
    simulator.clearReceived()
    const second = await signIn(usher.browser(), loginOf(simulator, 'member'))
    matchProblem(t, second, 503, 'USHER_PLEX_LIMITED')
    t.ok(Number(second.headers['retry-after']) <= 60)
    t.equal(simulator.received({ service: 'plex' }).length, 0, 'plex.tv hears nothing of it')
    t.equal((await browser.get('/session/account')).status, 200)
    simulator.limits.clear()
    clock.advance(60_000)
    t.equal((await signIn(usher.browser(), OWNER)).status, 201)
  }
)

const NOT_JSON = [
  'text/plain',
  'text/plain; charset=utf-8',
  'text/plain;application/json',
  'text/plain, application/json',
  'text/json',
  'text/html',
  'text/xml',
  'application/x-www-form-urlencoded',
  'application/x-www-form-urlencoded; charset=UTF-8',
  'multipart/form-data; boundary=x',
  'multipart/form-data; boundary=application/json',
  'application/octet-stream',
  'application/xml',
  'application/problem+json',
  'application/vnd.api+json',
  'application/ld+json',
  'application/jsonp',
  'application/json5',
  'application/jsonx',
  'application/x-json',
  'application/json-seq',
  'application/json+x',
  'application/jso',
  'application/javascript',
  'application/graphql',
  'application/csp-report',
  'application/reports+json',
  'application/*',
  '*/*',
  '*/json',
  'json',
  '/json',
  'application',
  'application/',
  'applicationjson',
  'x-application/json',
  'application/json/x',
  'application//json',
  'application/ json',
  'audio/json',
  '"application/json"',
  'null'
]

t.test('rule 30: every content type but application/json is 415 before a schema is asked', async (t) => {
  const usher = await startTestUsher(t)
  t.ok(NOT_JSON.length >= 40)
  const body = '{"everywhere":"no boolean"}'
  const ask = (type: string | undefined, method = 'POST', path = '/session/logout') =>
    usher.browser().ask(path, { method, body, headers: { 'content-type': type } })
  for (const type of NOT_JSON) {
    matchProblem(t, await ask(type), 415, 'USHER_UNSUPPORTED_MEDIA_TYPE', JSON.stringify(type))
  }
  matchProblem(t, await ask(undefined), 415, 'USHER_UNSUPPORTED_MEDIA_TYPE', 'none')
  matchProblem(t, await ask(''), 415, 'USHER_UNSUPPORTED_MEDIA_TYPE', 'empty')
  for (const path of ['/session/login', '/session/pin']) {
    matchProblem(t, await ask('text/plain', 'POST', path), 415, 'USHER_UNSUPPORTED_MEDIA_TYPE', path)
  }
  const browser = await usher.signedIn()
  for (const [method, path] of [
    ['PUT', '/session/server'],
    ['POST', '/session/home/switch']
  ] as const) {
    const answer = await browser.ask(path, { method, body, headers: { 'content-type': 'text/plain' } })
    matchProblem(t, answer, 415, 'USHER_UNSUPPORTED_MEDIA_TYPE', path)
  }
})

t.test('rule 31: no spelling of application/json gets past the schema', async (t) => {
  const usher = await startTestUsher(t)
  const spellings = [
    'application/json',
    'application/json;',
    'application/json; ',
    'application/json;charset=utf-8',
    'application/json; charset=utf-8',
    'application/json ; charset=utf-8',
    'application/json;  charset=utf-8',
    'application/json;charset="utf-8"',
    'application/json; charset=utf-8;',
    'application/json; charset=utf-16',
    'application/json; a=b; c=d',
    'application/json;;',
    'application/json;=',
    'application/json;x',
    'application/json\t',
    'application/json\t;charset=utf-8',
    'application/json;\tcharset=utf-8',
    ' application/json',
    '\tapplication/json',
    'application/json ',
    'application/json x',
    'application/json,',
    'application/json, text/plain',
    'application/json a;b',
    'Application/JSON',
    'APPLICATION/JSON',
    'application/JSON; charset=UTF-8',
    'aPPLICATION/jSON ;',
    'application/json; charset=utf-8, text/plain',
    'application/json;boundary=x'
  ]
  t.equal(spellings.length, 30)
  for (const type of spellings) {
    const ask = (body: string) =>
      usher.browser().ask('/session/logout', { method: 'POST', body, headers: { 'content-type': type } })
    const answer = await ask('{"everywhere":"no boolean"}')
    t.ok([400, 415].includes(answer.status), `${JSON.stringify(type)} answered ${answer.status}`)
  }
})

t.test('rule 32: what is not valid is refused and never tidied, and no answer repeats it', async (t) => {
  const usher = await startTestUsher(t)
  const signedIn = await usher.signedIn()
  const bad: readonly (readonly [string, string, unknown])[] = [
    ['POST', '/session/login', {}],
    ['POST', '/session/login', { login: OWNER }],
    ['POST', '/session/login', { login: OWNER, password: PASSWORD, extra: 'canary-value' }],
    ['POST', '/session/login', { login: 1, password: PASSWORD }],
    ['POST', '/session/login', { login: OWNER, password: ['canary-value'] }],
    ['POST', '/session/login', { login: OWNER, password: '' }],
    ['POST', '/session/login', { login: OWNER, password: 'x'.repeat(513) }],
    ['POST', '/session/login', { login: `${'x'.repeat(250)}@e.com`, password: PASSWORD }],
    ['POST', '/session/login', { login: 'a\r\nX: canary-value', password: PASSWORD }],
    ['POST', '/session/login', { login: OWNER, password: 'a\u0000b' }],
    ['POST', '/session/login', { login: OWNER, password: PASSWORD, verificationCode: 123_456 }],
    ['POST', '/session/login', { login: OWNER, password: PASSWORD, verificationCode: '1\n2' }],
    ['POST', '/session/login', { login: OWNER, password: PASSWORD, rememberMe: 'true' }],
    ['POST', '/session/login', 'canary-value'],
    ['POST', '/session/login', null],
    ['POST', '/session/logout', { everywhere: 'true' }],
    ['POST', '/session/logout', { everywhere: 1 }],
    ['POST', '/session/logout', { everywhere: true, also: 'canary-value' }],
    ['POST', '/session/logout', [true]],
    ['POST', '/session/pin', { kind: 'popup' }],
    ['POST', '/session/pin', { returnTo: '//evil.example' }],
    ['POST', '/session/pin', { returnTo: '/', clientIdentifier: 'canary-value' }],
    ['PUT', '/session/server', { machineIdentifier: 'a/b' }],
    ['PUT', '/session/server', {}],
    ['POST', '/session/home/switch', { uuid: 'UPPER' }],
    ['POST', '/session/home/switch', { uuid: '88fad7ef5d91c202', pin: 1234 }],
    ['POST', '/session/home/switch', { uuid: '88fad7ef5d91c202', pin: '12a4' }]
  ]
  for (const [method, path, value] of bad) {
    const browser = path === '/session/login' ? usher.browser() : signedIn
    const answer = await browser.ask(path, { method, body: JSON.stringify(value) })
    matchProblem(t, answer, 400, 'USHER_INVALID_REQUEST', `${path} ${JSON.stringify(value)}`)
    t.notMatch(answer.text, /canary-value/)
  }
  for (const body of [
    '{',
    '{"login":',
    'nothing',
    '{"__proto__":{"login":"x"}}',
    '{"constructor":{"prototype":{}}}',
    '\ufeff{}'
  ]) {
    const answer = await usher.browser().ask('/session/login', { method: 'POST', body })
    matchProblem(t, answer, 400, 'USHER_INVALID_REQUEST', body)
  }
  const large = await usher
    .browser()
    .ask('/session/login', { method: 'POST', body: `"${'x'.repeat(20_000)}"` })
  matchProblem(t, large, 413, 'USHER_INVALID_REQUEST')
  for (const query of ['slide=no', 'slide=', 'slide=true&slide=false']) {
    matchProblem(t, await signedIn.get(`/session?${query}`), 400, 'USHER_INVALID_REQUEST', query)
  }
  t.equal((await signedIn.get('/session')).status, 200, 'none of them signed anybody out')
  t.equal(usher.simulator.received({ path: '/api/v2/users/signin' }).length, 1, 'nor reached plex.tv')
})

async function allSetCookies(
  usher: TestUsher,
  path: (path: string) => string,
  host: string
): Promise<string[]> {
  const lines: string[] = []
  const browser = usher.browser()
  const ask = async (method: string, to: string, body?: unknown) => {
    const answer = await browser.ask(path(to), {
      method,
      headers: { host },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
    lines.push(...answer.setCookies)
    return answer
  }
  await ask('POST', '/session/pin', { kind: 'link' })
  usher.simulator.pins.claim(usher.simulator.pins.list().at(-1)?.id ?? 0, 'owner')
  await ask('GET', '/session/pin')
  await ask('POST', '/session/home/switch', { uuid: '88fad7ef5d91c202', pin: '1234' })
  await ask('POST', '/session/pin')
  await ask('DELETE', '/session/pin')
  await ask('POST', '/session/logout')
  await ask('POST', '/session/login', { login: FRIEND, password: PASSWORD })
  const [session = ''] = [...browser.jar.keys()].filter((name) => !/-(?:signin|device)$/.test(name))
  browser.jar.set(session, 'altered')
  await ask('GET', '/session')
  return lines
}

t.test(
  'rules 14 and 15: every Set-Cookie, also of clearing, has the attributes of its prefix',
  async (t: Test) => {
    const { simulator } = await startTestUsher(t)
    const table = [
      [{ USHER_PUBLIC_URL: 'https://usher.example' }, '__Host-usher', null, true],
      [{ USHER_PUBLIC_URL: 'https://usher.example', USHER_INSTANCE: 'tv' }, '__Host-usher-tv', null, true],
      [
        { USHER_PUBLIC_URL: 'https://usher.home.example', USHER_COOKIE_DOMAIN: 'home.example' },
        '__Secure-usher',
        'home.example',
        true
      ],
      [{ USHER_PUBLIC_URL: 'https://usher.example/base' }, '__Host-usher', null, true],
      [{ USHER_INSTANCE: 'tv' }, 'usher-tv', null, false]
    ] as const
    for (const [settings, name, domain, secure] of table) {
      const usher = await startTestUsher(t, { simulator, settings })
      const url = new URL(usher.settings['USHER_PUBLIC_URL'] ?? '')
      const lines = await allSetCookies(usher, (path) => url.pathname.replace(/\/$/, '') + path, url.host)
      const seen = new Map<string, number>()
      // Only the session goes to the hosts of a cookie domain (SECURITY rule 90).
      const own = name.replace('__Secure-', '__Host-')
      for (const line of lines) {
        const { name: cookie, value, attributes } = readSetCookie(line)
        const cleared = value === ''
        const key = `${cookie}${cleared ? ' cleared' : ''}`
        seen.set(key, (seen.get(key) ?? 0) + 1)
        const lifetime: Record<string, string> = {
          [name]: String(30 * 86_400),
          [`${own}-signin`]: '900',
          [`${own}-device`]: String(400 * 86_400)
        }
        t.strictSame(
          attributes,
          {
            'max-age': cleared ? '0' : lifetime[cookie],
            path: '/',
            httponly: '',
            samesite: 'Lax',
            ...(secure && { secure: '' }),
            ...(domain !== null && cookie === name && { domain }),
            ...(cleared && { expires: 'Thu, 01 Jan 1970 00:00:00 GMT' })
          },
          line.replace(value, '…')
        )
      }
      t.strictSame(Object.fromEntries(seen), {
        [name]: 3,
        [`${name} cleared`]: 2,
        [`${own}-signin`]: 2,
        [`${own}-signin cleared`]: 2,
        [`${own}-device`]: 2
      })
    }
  }
)

t.test('rule 16: tossed, renamed and moved cookies sign nobody in', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const browser = await usher.signedIn()
  const good = browser.jar.get('usher') ?? ''
  const other = (await usher.signedIn(FRIEND)).jar.get('usher') ?? ''
  const ask = (cookie: string) => usher.browser().get('/session', { cookie })
  t.equal((await ask(`usher=${good}`)).status, 200)
  t.equal((await ask(`usher=${good}; usher=${good}`)).status, 200, 'twice the same is one')
  t.equal((await ask(`usher=bad; usher=${good}`)).status, 200, 'one that does not open is none')
  for (const pair of [`usher=${good}; usher=${other}`, `usher=${other}; usher=${good}`]) {
    const answer = await ask(pair)
    matchProblem(t, answer, 401, 'USHER_SESSION_INVALID', 'two that differ')
    t.match(answer.setCookies, [/^usher=;/])
  }
  for (const name of ['Usher', 'USHER', '__Host-usher', 'usher-device', 'usher-signin', 'xusher']) {
    matchProblem(t, await ask(`${name}=${good}`), 401, 'USHER_SESSION_REQUIRED', name)
  }
  matchProblem(
    t,
    await ask(`usher=${browser.jar.get('usher-device')}`),
    401,
    'USHER_SESSION_INVALID',
    'rule 5'
  )
  const twin = await startTestUsher(t, {
    simulator,
    settings: {
      USHER_INSTANCE: 'b',
      USHER_SESSION_KEYS: usher.settings['USHER_SESSION_KEYS'],
      USHER_PUBLIC_URL: usher.settings['USHER_PUBLIC_URL']
    }
  })
  const moved = await twin.browser().get('/session', { cookie: `usher-b=${good}` })
  matchProblem(t, moved, 401, 'USHER_SESSION_INVALID', 'another instance with the same key')
  const raw = await usher.browser().get('/session', { 'x-plex-token': 'anything', authorization: 'Bearer x' })
  matchProblem(t, raw, 401, 'USHER_SESSION_REQUIRED', 'no route takes a raw Plex token')
})

t.test('below a base path everything is there and nothing is outside', async (t) => {
  const plain = await startTestUsher(t)
  const port = new URL(plain.publicUrl).port
  const { simulator } = plain
  const usher = await startTestUsher(t, {
    simulator,
    settings: { USHER_PUBLIC_URL: `http://127.0.0.1:${port}/media/usher` }
  })
  const browser = usher.browser()
  const answer = await browser.post('/media/usher/session/login', { login: OWNER, password: PASSWORD })
  t.equal(answer.status, 201)
  t.equal(answer.json.account.thumb, '/media/usher/plex/users/212acf24b07315e5/avatar')
  t.equal((await browser.get('/media/usher/session')).status, 200)
  t.match((await browser.get('/media/usher/session/account')).json, {
    thumb: /^\/media\/usher\/plex\/users\//
  })
  t.match((await browser.get('/media/usher/session/home')).json.users[0], {
    thumb: /^\/media\/usher\/plex\//
  })
  for (const path of ['/session', '/media/session', '/signin', '/media/usher/media/usher/session']) {
    matchProblem(t, await browser.get(path), 404, 'USHER_NOT_FOUND', path)
  }
  matchProblem(t, await browser.post('/media/usher/session'), 405, 'USHER_METHOD_NOT_ALLOWED')
  t.equal((await browser.get('/healthz')).status, 204)
  t.equal((await browser.get('/media/usher/healthz')).status, 204)
})
