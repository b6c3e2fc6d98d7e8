import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import type { Answer, Ask } from '../support/browser.ts'
import { createOffsetClock, matchProblem } from '../support/sign-in.ts'
import { until } from '../support/until.ts'
import { OWNER, PASSWORD, startTestUsher } from '../support/usher.ts'

const SITES = [undefined, 'same-origin', 'same-site', 'cross-site', 'none'] as const

t.test('rules 27 and 28: the same-origin rule, over every site, Origin, method and header', async (t) => {
  const sibling = 'https://sibling.example'
  const usher = await startTestUsher(t, {
    settings: { USHER_ALLOWED_ORIGINS: sibling, USHER_ALLOW_HTTP: 'true' }
  })
  const own = usher.settings['USHER_PUBLIC_URL'] ?? ''
  const browser = await usher.signedIn()
  const origins = [undefined, own, sibling, 'https://evil.example', 'null', `${own}.evil.example`]
  let refusals = 0
  for (const site of SITES) {
    for (const origin of origins) {
      for (const header of [undefined, '1', 'true'] as const) {
        const headers = { 'sec-fetch-site': site, origin, 'x-usher': header }
        // What SECURITY rules 27 and 28 say, in the words of a table: site first, then Origin, then the header.
        const allowed =
          site === 'same-origin' ||
          (site !== undefined && origin === sibling) ||
          (site === undefined && (origin === own || origin === sibling)) ||
          (site === undefined && origin === undefined && header === '1')
        const name = `${site} ${origin} ${header}`
        // A PIN of no kind: 400 tells that the schema was reached, so the request had passed.
        const answer = await usher.browser().post('/session/pin', { kind: 'none' }, headers)
        if (allowed) matchProblem(t, answer, 400, 'USHER_INVALID_REQUEST', name)
        else {
          matchProblem(t, answer, 403, 'USHER_CROSS_SITE', name)
          refusals += 1
        }
        t.strictSame(answer.setCookies, [], name)
        t.equal((await browser.get('/session', headers)).status, 200, `a GET changes nothing: ${name}`)
      }
    }
  }
  const told = await usher.core.metrics.registry.getSingleMetric('usher_csrf_refusals_total')?.get()
  t.equal(
    told?.values.reduce((sum, { value }) => sum + value, 0),
    refusals
  )
  t.ok(
    usher.logs.some(({ msg, reason }) => msg === 'cross-site request refused' && reason === 'sec_fetch_site')
  )
})

t.test(
  'rule 29: a cross-site sign-in, sign-out, switch or choice is refused before anything happens',
  async (t) => {
    const usher = await startTestUsher(t)
    const { simulator } = usher
    const browser = await usher.signedIn()
    simulator.clearReceived()
    const evil = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
    const body = JSON.stringify({ login: OWNER, password: PASSWORD })
    for (const [method, path] of [
      ['POST', '/session/login'],
      ['POST', '/session/logout'],
      ['POST', '/session/pin'],
      ['DELETE', '/session/pin'],
      ['POST', '/session/home/switch'],
      ['PUT', '/session/server'],
      ['POST', '/nowhere'],
      ['POST', '/pms/:/timeline'],
      ['GET', '/pms/library/sections'],
      ['GET', '/plex/api/v2/user']
    ] as const) {
      for (const site of ['cross-site', 'same-site', 'none'] as const) {
        if (site === 'none' && method === 'GET') continue
        const headers = { ...evil, 'sec-fetch-site': site, 'content-type': 'text/plain' }
        const answer = await browser.ask(path, { method, headers, ...(method !== 'GET' && { body }) })
        matchProblem(t, answer, 403, 'USHER_CROSS_SITE', `${method} ${path} ${site}`)
        t.strictSame(answer.setCookies, [])
      }
    }
    const form = await browser.ask('/session/login', {
      method: 'POST',
      body: 'login=sim%40example.com&password=correct-horse',
      headers: {
        'sec-fetch-site': undefined,
        origin: 'null',
        'content-type': 'application/x-www-form-urlencoded'
      }
    })
    matchProblem(t, form, 403, 'USHER_CROSS_SITE', 'a form of another site')
    t.equal((await browser.get('/session')).status, 200)
    t.equal(simulator.received({ service: 'plex' }).length, 0)
  }
)

t.test('rule 34: CORS names exactly the listed origin, with credentials, and no other', async (t) => {
  const settings = { USHER_ALLOWED_ORIGINS: 'https://app.example,http://127.0.0.1:3000' }
  const usher = await startTestUsher(t, { settings })
  const browser = await usher.signedIn()
  // The last two are other spellings of the first.
  const allowed = [
    'https://app.example',
    'http://127.0.0.1:3000',
    'https://APP.example',
    'HTTPS://app.example:443'
  ]
  const others = [
    'null',
    'https://app.example.evil.example',
    'https://evilapp.example',
    'https://app.example:444',
    'http://app.example',
    'https://app.example/',
    'https://user@app.example',
    'http://127.0.0.1:30001',
    'http://127.0.0.1',
    '*'
  ]
  const asked = (origin: string) => ({ origin, 'sec-fetch-site': 'cross-site' })
  for (const origin of [...allowed, ...others]) {
    const good = allowed.includes(origin)
    for (const path of ['/session', '/session/nothing', '/session/pin']) {
      const answer = await browser.get(path, asked(origin))
      t.equal(answer.headers['access-control-allow-origin'], good ? origin : undefined, `${path} ${origin}`)
      if (good) t.equal(answer.headers['access-control-allow-credentials'], 'true')
      t.match(answer.headers.vary ?? '', /\bOrigin\b/i, 'a cache keeps them apart')
    }
    for (const [method, path] of [
      ['POST', '/session/login'],
      ['PUT', '/session/server'],
      ['DELETE', '/session/pin']
    ] as const) {
      const preflight = await usher.browser().ask(path, {
        method: 'OPTIONS',
        headers: {
          ...asked(origin),
          'access-control-request-method': method,
          'access-control-request-headers': 'content-type'
        }
      })
      const name = `preflight of ${method} by ${origin}`
      t.equal(preflight.headers['access-control-allow-origin'], good ? origin : undefined, name)
      if (!good) continue
      const methods = (preflight.headers['access-control-allow-methods'] ?? '').split(/, */)
      t.ok(methods.includes(method), `${name}: ${methods}`)
      t.match(preflight.headers['access-control-allow-headers'] ?? '', /content-type/i, name)
    }
    const answer = await usher.browser().post('/session/pin', { kind: 'link' }, asked(origin))
    t.equal(answer.status, good ? 201 : 403, origin)
  }
  const plain = await startTestUsher(t, { simulator: usher.simulator })
  const without = await plain.browser().get('/session', asked('https://app.example'))
  t.equal(without.headers['access-control-allow-origin'], undefined, 'without the setting there is none')
})

/** An answer read off a socket, for requests that no client would send. */
async function raw(port: string, request: string): Promise<{ status: number; head: string; body: string }> {
  const socket = connect(Number(port), '127.0.0.1')
  await once(socket, 'connect')
  socket.write(request)
  const answer = await text(socket)
  const [head = '', body = ''] = answer.split('\r\n\r\n', 2)
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]), head: head.toLowerCase(), body }
}

const FIXED = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store'
}

t.test(
  'rules 59 and 60: every answer of Usher’s own has the fixed headers, errors of every kind too',
  async (t) => {
    const usher = await startTestUsher(t, { settings: { USHER_PUBLIC_URL: 'https://usher.example' } })
    const { port } = new URL(usher.publicUrl)
    const host = { host: 'usher.example' }
    const browser = usher.browser()
    const ask = (path: string, options: Ask = {}) =>
      browser.ask(path, { ...options, headers: { ...host, ...options.headers } })
    const post = (path: string, body: unknown, headers: Ask['headers'] = {}) =>
      ask(path, { method: 'POST', body: JSON.stringify(body), headers })
    const answers: [string, number, Answer][] = []
    const see = async (name: string, status: number, answer: Promise<Answer>) => {
      answers.push([name, status, await answer])
    }
    await see('anonymous', 401, ask('/session'))
    await see('sign-in', 201, post('/session/login', { login: OWNER, password: PASSWORD }))
    await see('session', 200, ask('/session'))
    await see('account', 200, ask('/session/account'))
    await see('home', 200, ask('/session/home'))
    await see('servers', 200, ask('/session/servers'))
    await see('source', 400, ask('/session/source?source=x'))
    await see('verify', 204, ask('/session/verify'))
    await see('no role', 403, ask('/session/verify?role=nobody'))
    await see('pin', 201, post('/session/pin', {}))
    await see('pin status', 200, ask('/session/pin'))
    await see('redirect', 302, ask('/session/login', { headers: { 'sec-fetch-site': undefined } }))
    await see('callback', 302, ask('/session/callback', { headers: { 'sec-fetch-site': undefined } }))
    await see('robot', 403, ask('/session/login'))
    await see('page', 200, ask('/signin'))
    await see('no asset', 404, ask('/signin/assets/1/nothing.js'))
    await see(
      'not JSON',
      415,
      ask('/session/logout', { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } })
    )
    await see('not valid', 400, post('/session/logout', { everywhere: 1 }))
    await see('too large', 413, post('/session/logout', 'x'.repeat(20_000)))
    await see('cross-site', 403, post('/session/logout', {}, { 'sec-fetch-site': 'cross-site' }))
    await see('no path', 404, ask('/nowhere'))
    await see('no method', 405, ask('/session', { method: 'POST' }))
    await see('other method', 405, ask('/session', { method: 'TRACE' }))
    await see('denied path', 403, ask('/pms/accounts'))
    await see('other document', 403, ask('/plex/api/v2/friends/requests'))
    await see('read-only', 405, ask('/plex/api/v2/user', { method: 'POST' }))
    await see('other host', 400, ask('/session', { headers: { host: 'evil.example' } }))
    await see('bad escape', 400, ask('/session/%zz'))
    await see('health', 204, ask('/healthz'))
    await usher.simulator.plexDown()
    await see('plex.tv away', 503, ask('/session/account'))
    await usher.simulator.plexUp()
    await see('sign-out', 204, post('/session/logout', {}))
    for (let count = 0; count < 10; count += 1) await post('/session/login', {})
    await see('limited', 429, post('/session/login', {}))
    for (const [name, status, answer] of answers) {
      t.equal(answer.status, status, `${name}: ${answer.text.slice(0, 200)}`)
      for (const [header, value] of Object.entries(FIXED))
        t.equal(answer.headers[header], value, `${name}: ${header}`)
      t.match(answer.headers['content-security-policy'], /default-src 'none'.*frame-ancestors 'none'/, name)
      t.equal(answer.headers['strict-transport-security'], 'max-age=31536000', name)
      for (const header of ['server', 'x-powered-by', 'via']) t.equal(answer.headers[header], undefined, name)
      if (status >= 400) matchProblem(t, answer, status, answer.json.code, name)
    }
    for (const [name, status, request] of [
      ['not HTTP', 400, 'nonsense\r\n\r\n'],
      [
        'headers too large',
        431,
        `GET /session HTTP/1.1\r\nHost: usher.example\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`
      ],
      [
        'two lengths',
        400,
        'POST /session/logout HTTP/1.1\r\nHost: usher.example\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'
      ]
    ] as const) {
      const answer = await raw(port, request)
      t.equal(answer.status, status, name)
      for (const [header, value] of Object.entries(FIXED)) t.match(answer.head, `${header}: ${value}`, name)
      t.match(JSON.parse(answer.body), { code: 'USHER_INVALID_REQUEST', status, requestId: String }, name)
    }
  }
)

t.test('rule 50: one Host, and the public one; links never come from it', async (t) => {
  const usher = await startTestUsher(t, { settings: { USHER_PUBLIC_URL: 'https://usher.example/base' } })
  const { port } = new URL(usher.publicUrl)
  const get = (hosts: string) =>
    raw(port, `GET /base/session HTTP/1.1\r\n${hosts}X-Forwarded-For: 10.0.0.1\r\nConnection: close\r\n\r\n`)
  t.equal((await get('Host: usher.example\r\n')).status, 401)
  t.equal((await get('Host: USHER.example\r\n')).status, 401)
  t.equal((await get('Host: usher.example\r\nHost: usher.example\r\n')).status, 400)
  t.equal((await get('Host: usher.example\r\nHost: evil.example\r\n')).status, 400)
  t.equal((await get('Host: evil.example\r\n')).status, 400)
  t.equal((await get('Host: usher.example:444\r\n')).status, 400)
  t.equal((await get('Host: usher.example.evil.example\r\n')).status, 400)
  t.equal((await get('Host: \r\n')).status, 400)
  t.equal((await get('')).status, 400)
  t.equal(
    (await get('Host: 10.0.0.7\r\nX-Forwarded-Host: usher.example\r\n')).status,
    401,
    'by a trusted proxy'
  )
  const there = await usher.browser().get('/base/session/login', {
    host: 'usher.example',
    'x-forwarded-proto': 'http',
    'sec-fetch-site': undefined
  })
  t.match(
    decodeURIComponent(there.headers.location ?? ''),
    /forwardUrl=https:\/\/usher\.example\/base\/session\/callback/
  )
})

t.test(
  'healthz lives, readyz tells each dependency, and only a media server away is not ready',
  async (t) => {
    const clock = createOffsetClock()
    const usher = await startTestUsher(t, { now: clock.now })
    const { simulator } = usher
    const get = async (path: string) => {
      const response = await fetch(usher.internalUrl + path)
      return {
        status: response.status,
        text: await response.text(),
        type: response.headers.get('content-type')
      }
    }
    const ready = async () => {
      clock.advance(3000)
      return get('/readyz')
    }
    t.equal((await get('/healthz')).status, 204)
    const fresh = await ready()
    t.equal(fresh.status, 200)
    t.match(fresh.type, /^text\/plain/)
    t.match(fresh.text, /^ready\npms: up, last seen \d{4}-.*Z\nplex\.tv: unknown\nredis: not configured\n$/)
    const browser = await usher.signedIn()
    t.match((await ready()).text, /plex\.tv: up, last seen/)
    await simulator.pmsDown()
    const without = await ready()
    t.equal(without.status, 503)
    t.match(without.text, /^not ready\npms: down, last seen/)
    t.equal((await get('/healthz')).status, 204)
    await simulator.pmsUp()
    t.equal((await ready()).status, 200)
    await simulator.plexDown()
    matchProblem(t, await browser.get('/session/account'), 503, 'USHER_UPSTREAM_UNREACHABLE')
    const degraded = await ready()
    t.equal(degraded.status, 200)
    t.match(degraded.text, /^ready\n/)
    t.match(degraded.text, /plex\.tv: down, last seen/)
    await simulator.plexUp()
    t.equal((await browser.get('/session/account')).status, 200)
    t.match((await ready()).text, /plex\.tv: up/)
    const metrics = await get('/metrics')
    t.match(metrics.type, /^text\/plain; version=/)
    for (const name of [
      'usher_http_requests_total',
      'usher_http_request_duration_seconds',
      'usher_signins_total',
      'usher_sessions_ended_total',
      'usher_session_unseals_total',
      'usher_csrf_refusals_total',
      'usher_rate_limited_total',
      'usher_upstream_request_duration_seconds',
      'usher_delegated_tokens_total',
      'usher_open_streams',
      'usher_shared_store_up',
      'usher_oidc_logouts_waiting',
      'usher_oidc_signins'
    ]) {
      t.match(metrics.text, new RegExp(`# TYPE ${name} `))
    }
    usher.core.drain()
    t.equal((await ready()).status, 503, 'draining')
  }
)

t.test(
  'rule 64: neither listener has the other’s routes, and the internal one answers no browser',
  async (t) => {
    const usher = await startTestUsher(t)
    const browser = await usher.signedIn()
    for (const path of [
      '/metrics',
      '/readyz',
      '/tokens/delegated',
      '/tokens/introspect',
      '/sources',
      '/docs'
    ]) {
      matchProblem(t, await browser.get(path), 404, 'USHER_NOT_FOUND', path)
    }
    for (const path of ['/session', '/signin', '/pms/library', '/plex/api/v2/user', '/session/login']) {
      t.equal((await fetch(usher.internalUrl + path)).status, 404, path)
    }
    for (const headers of [
      { origin: 'https://usher.example' },
      { 'sec-fetch-dest': 'empty' },
      { 'sec-fetch-site': 'none' },
      { 'sec-fetch-user': '?1' },
      { cookie: browser.cookie }
    ] as Record<string, string>[]) {
      const { port } = new URL(usher.internalUrl)
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
      for (const path of ['/sources?source=x', '/nowhere']) {
        const answer = await raw(
          port,
          `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines.join('')}\r\n`
        )
        t.equal(answer.status, 403, JSON.stringify(headers))
        t.equal(JSON.parse(answer.body).code, 'USHER_BROWSER_REFUSED')
      }
      const page = await raw(
        port,
        `GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines.join('')}\r\n`
      )
      t.equal(page.status, 204, 'the operations pages are exempt')
    }
  }
)

t.test(
  'rule 67: no log line carries a query, a cookie, a password, a code or a body, at any level',
  async (t) => {
    const usher = await startTestUsher(t)
    const browser = await usher.signedIn()
    const marker = 'marker-9f8e7d'
    const twoFactor = { login: 'twofactor@example.com', password: marker, verificationCode: '987654' }
    await usher.browser().post('/session/login', twoFactor)
    await browser.post('/session/home/switch', { uuid: '88fad7ef5d91c202', pin: '8642' })
    await browser.get(`/session?slide=${marker}`)
    await browser.get(`/${marker}?X-Plex-Token=${marker}`)
    await browser.get(`/pms/library/sections?X-Plex-Token=${marker}&q=${marker}`)
    await browser.get(`/session/source?source=${marker}`)
    await browser.get('/session', {
      'user-agent': marker,
      'x-plex-token': marker,
      authorization: `Bearer ${marker}`
    })
    await browser.get(`/session/callback?code=${marker}`, { 'sec-fetch-site': undefined })
    await usher.browser().ask('/session/login', { method: 'POST', body: `{"login":"${marker}"` })
    await usher.browser().get('/session', { cookie: `usher=${marker}` })
    await usher.browser().ask(`/session/%zz${marker}`, {})
    usher.simulator.faults.set({
      service: 'plex',
      path: '/api/v2/user',
      kind: 'status',
      status: 500,
      body: `<html>${marker}</html>`,
      count: 1
    })
    matchProblem(t, await browser.get('/session/account'), 503, 'USHER_UPSTREAM_UNREACHABLE')
    const lines = JSON.stringify(usher.logs)
    for (const secret of [marker, PASSWORD, '987654', '8642', ...browser.jar.values()]) {
      const text = secret.slice(0, 60).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      // A port or an id of the run may have the same few digits among its own.
      t.notMatch(lines, new RegExp(/^\d+$/.test(text) ? `(?<!\\w)${text}(?!\\w)` : text))
    }
    t.notMatch(lines, /"(?:headers|cookie|authorization|body|url)":"(?!http:\/\/127\.0\.0\.1:\d+")/)
    t.ok(
      usher.logs.some(({ msg, route, status }) => msg === 'request' && route === '/session' && status === 401)
    )
    for (const line of usher.logs) t.type(line['msg'], 'string')
  }
)

t.test('rule 67: ten thousand paths and odd methods make no label of their own', async (t) => {
  const usher = await startTestUsher(t)
  const { port } = new URL(usher.publicUrl)
  const count = async () =>
    (await usher.core.metrics.registry.metrics()).split('\n').filter((line) => line.startsWith('usher_'))
      .length
  const ask = (method: string, path: string, last = false) =>
    `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-Usher: 1\r\n${last ? 'Connection: close\r\n' : ''}\r\n`
  await raw(port, ask('GET', '/first') + ask('PROPFIND', '/first') + ask('MKCOL', '/first', true))
  // The first scrape asks the media server, which the metrics of the next one tell.
  const isAsked = async () => (await usher.core.metrics.registry.metrics()).includes('"media_server"')
  await until(isAsked)
  const before = await count()
  const requests = Array.from({ length: 10_000 }, (_, path) =>
    ask(path % 2 === 0 ? 'GET' : 'PURGE', `/path-${path}`, path === 9999)
  )
  const socket = connect(Number(port), '127.0.0.1')
  await once(socket, 'connect')
  socket.write(requests.join(''))
  const answers = await text(socket)
  t.equal(answers.split('HTTP/1.1 ').length - 1, 10_000)
  t.ok((await count()) <= before + 4, `${await count()} after ${before}`)
})

t.test('rule 61: what an upstream says in an error is never repeated', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const browser = await usher.signedIn()
  const canary = 'canary-text-77 at https://upstream.internal:32400/x?X-Plex-Token=abc'
  for (const [service, path, ask] of [
    ['plex', '/api/v2/user', '/session/account'],
    ['plex', '/api/v2/home/users', '/session/home'],
    ['plex', '/api/v2/resources', '/session/servers'],
    ['pms', '/library/sections', '/pms/library/sections'],
    ['pms', '/security/resources', '/session/source?source=server%3A%2F%2Fabc']
  ] as const) {
    for (const [status, body, contentType] of [
      [500, canary, 'text/html'],
      [403, JSON.stringify({ errors: [{ code: 1043, message: canary, status: 403 }] }), 'application/json'],
      [400, `<errors><error code="1004" message="${canary}"/></errors>`, 'application/xml'],
      [418, canary, 'text/plain']
    ] as const) {
      simulator.faults.set({ service, path, kind: 'status', status, body, contentType })
      const answer = await browser.get(ask)
      t.ok(answer.status >= 400, `${status} at ${path} answered ${answer.status}`)
      matchProblem(t, answer, answer.status, answer.json.code, `${status} at ${path}`)
      t.notMatch(answer.text + JSON.stringify(answer.headers), /canary|upstream\.internal/)
      simulator.faults.clear()
    }
  }
  t.equal((await browser.get('/session')).status, 200)
  t.notMatch(JSON.stringify(usher.logs), /canary|upstream\.internal/)
})

t.test('rule 67: what an attack looks like has a line of a fixed name', async (t) => {
  const usher = await startTestUsher(t)
  const browser = await usher.signedIn()
  const lines = (msg: string) => usher.logs.filter((line) => line['msg'] === msg)
  const altered = usher.browser()
  for (const path of ['/session', '/pms/library/sections']) {
    altered.jar.set('usher', `${browser.jar.get('usher')}A`)
    t.equal((await altered.get(path)).status, 401)
  }
  t.match(lines('session cookie refused'), [{ result: 'malformed' }, { result: 'malformed' }])
  await usher.browser().post('/session/login', { login: OWNER, password: 'wrong' })
  const { users } = (await browser.get('/session/home')).json
  const kid = users.find((user: { protected: boolean; current: boolean }) => user.protected && !user.current)
  t.equal((await browser.post('/session/home/switch', { uuid: kid.uuid, pin: '0000' })).status, 403)
  await browser.post('/session/pin', { kind: 'link' })
  await usher.simulator.plexDown()
  t.equal((await browser.get('/session/pin')).status, 503)
  await usher.simulator.plexUp()
  t.match(lines('sign-in failed'), [
    { method: 'password', code: 'USHER_CREDENTIALS_REJECTED' },
    { method: 'home', code: 'USHER_HOME_PIN_REJECTED' },
    { method: 'pin', code: 'USHER_UPSTREAM_UNREACHABLE' }
  ])
  await browser.post('/session/logout', {}, { 'sec-fetch-site': 'cross-site' })
  t.match(lines('cross-site request refused'), [{ reason: 'sec_fetch_site' }])
  await browser.post('/session/logout')
  t.match(lines('session ended'), [{ reason: 'logout' }])
  t.ok(lines('sign-in failed').every(({ reqId }) => typeof reqId === 'string'))
})
