import t from 'tap'
import { sendRaw } from '../support/raw.ts'
import { bearer, startDelegation } from '../support/services.ts'
import { startTestUsher } from '../support/usher.ts'

/** One request to a listener, written byte for byte. */
function send(base: string, line: string, fields: readonly string[] = [], body = '') {
  return sendRaw(base, [line, ...fields, 'Connection: close', '', body].join('\r\n'))
}

const PAGES = ['/healthz', '/readyz', '/metrics', '/openapi.json', '/docs'] as const

t.test('rule 84: a name that was rebound to the internal listener reads nothing there', async (t) => {
  const usher = await startTestUsher(t, { settings: { USHER_INTERNAL_NAMES: 'usher.corp.example' } })
  const { port } = new URL(usher.internalUrl)
  const ask = (path: string, host: string) =>
    send(usher.internalUrl, `GET ${path} HTTP/1.1`, [`Host: ${host}`])
  for (const path of PAGES) {
    for (const host of [
      `127.0.0.1:${port}`,
      `localhost:${port}`,
      '[::1]:9090',
      'usher:9090',
      'usher.default.svc.cluster.local:9090',
      'usher.default.svc',
      'host.docker.internal',
      'USHER.corp.example'
    ])
      t.equal((await ask(path, host)).status, path === '/healthz' ? 204 : 200, `${host} ${path}`)
    for (const host of [
      'rebound.example',
      `rebound.example:${port}`,
      'usher.corp.example.evil.example',
      'a.svc.evil.example',
      '127.0.0.1.nip.io',
      'usher@evil.example',
      'evil.example/usher'
    ]) {
      const { status, text } = await ask(path, host)
      t.equal(status, path === '/healthz' ? 204 : 400, `${host} ${path}`)
      if (status === 400) t.notMatch(text, /usher_http_requests_total|"openapi"/)
    }
  }
  const believed = await send(usher.internalUrl, 'GET /metrics HTTP/1.1', [
    'Host: rebound.example',
    'X-Forwarded-Host: localhost'
  ])
  t.equal(believed.status, 400, 'X-Forwarded-Host is not believed')
  const two = await send(usher.internalUrl, 'GET /metrics HTTP/1.1', ['Host: localhost', 'Host: localhost'])
  t.equal(two.status, 400)
})

t.test('rule 84: X-Forwarded-For makes no other caller of a service, whoever is trusted', async (t) => {
  const { usher } = await startDelegation(t)
  const body = 'token=x'
  const guess = (secret: string, address: string) =>
    send(
      usher.internalUrl,
      'POST /tokens/introspect HTTP/1.1',
      [
        'Host: localhost',
        `Authorization: Bearer ${secret}`,
        `X-Forwarded-For: ${address}`,
        `Forwarded: for=${address}`,
        `X-Real-IP: ${address}`,
        'Content-Type: application/x-www-form-urlencoded',
        `Content-Length: ${body.length}`
      ],
      body
    )
  const statuses: number[] = []
  for (let count = 0; count < 24; count += 1)
    statuses.push((await guess('full.wrong', `203.0.113.${count}`)).status)
  t.strictSame(statuses, [...Array(20).fill(401), ...Array(4).fill(429)])
  const idle = bearer('idle').slice('Bearer '.length)
  t.equal((await guess(idle, '203.0.113.1')).status, 200, 'no forged address locks another service out')
  t.ok(
    usher.logs
      .filter(({ msg }) => msg === 'service authentication failed')
      .every(({ address, service }) => /127\.0\.0\.1$/.test(String(address)) && service === 'full'),
    'the log names the peer and the service that was claimed'
  )
})

t.test('rule 64: every cookie of Usher’s marks a browser, and Node’s own fetch is none', async (t) => {
  const { usher } = await startDelegation(t)
  const ask = (fields: readonly string[]) =>
    send(usher.internalUrl, 'GET /sources?source=server://x HTTP/1.1', [
      'Host: localhost',
      `Authorization: ${bearer('idle')}`,
      ...fields
    ])
  for (const field of [
    'Cookie: usher=x',
    'Cookie: __Host-usher=x',
    'Cookie: a=b; __Secure-usher=x',
    'Cookie: a=b;usher-den=x',
    'Cookie: __Host-usher-signin=x',
    'Cookie: __host-usher-device=x',
    'Origin: null',
    'Sec-Fetch-Site: none',
    'Sec-Fetch-Dest: empty',
    'Sec-Fetch-User: ?1'
  ]) {
    const { status, text } = await ask([field])
    t.equal(status, 403, field)
    t.match(text, 'USHER_BROWSER_REFUSED', field)
  }
  for (const field of ['Sec-Fetch-Mode: cors', 'Cookie: theme=dark', 'Cookie: gusher=x'])
    t.notMatch((await ask([field])).text, 'USHER_BROWSER_REFUSED', field)
})

t.test('a probe of HTTP/1.0 without a Host finds both listeners alive, and nothing else', async (t) => {
  const usher = await startTestUsher(t)
  for (const base of [usher.publicUrl, usher.internalUrl]) {
    for (const method of ['GET', 'HEAD']) {
      const { status, text } = await sendRaw(base, `${method} /healthz HTTP/1.0\r\n\r\n`)
      t.equal(status, 204, `${method} ${base}`)
      t.match(text, /\r\n\r\n$/, 'and no body')
    }
    for (const path of ['/readyz', '/session', '/metrics'])
      t.not((await sendRaw(base, `GET ${path} HTTP/1.0\r\n\r\n`)).status, 200, path)
    t.equal((await sendRaw(base, 'GET /healthz HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n')).status, 400)
    t.equal((await sendRaw(base, 'GET /healthz HTTP/1.1\r\n\r\n')).status, 400, 'HTTP/1.1 demands one')
  }
})

t.test('rule 41: HEAD is answered wherever GET is, and no unknown method anywhere', async (t) => {
  const usher = await startTestUsher(t)
  const browser = await usher.signedIn()
  for (const path of [
    '/session',
    '/session/account',
    '/session/home',
    '/session/servers',
    '/session/verify',
    '/signin',
    '/healthz',
    '/pms/library/sections'
  ]) {
    const get = await browser.get(path)
    const head = await browser.ask(path, { method: 'HEAD' })
    t.equal(head.status, get.status, path)
    t.ok(head.status < 300, `${path} ${head.status}`)
    t.equal(head.text, '', path)
    for (const name of ['content-type', 'content-length', 'cache-control'])
      t.equal(head.headers[name], get.headers[name], `${path}: ${name}`)
  }
  for (const path of PAGES) {
    const { status, text } = await send(usher.internalUrl, `HEAD ${path} HTTP/1.1`, ['Host: localhost'])
    t.equal(status, path === '/healthz' ? 204 : 200, path)
    t.match(text, /\r\n\r\n$/, path)
  }
  for (const [base, path] of [
    [usher.publicUrl, '/session'],
    [usher.publicUrl, '/session/verify'],
    [usher.publicUrl, '/pms/library/sections'],
    [usher.publicUrl, '/healthz'],
    [usher.internalUrl, '/metrics'],
    [usher.internalUrl, '/tokens/delegated']
  ] as const) {
    for (const method of ['TRACE', 'CONNECT', 'PROPFIND', 'BREW', 'get']) {
      const host = `Host: ${new URL(base).host}`
      const { status } = await send(base, `${method} ${path} HTTP/1.1`, [host, `Cookie: ${browser.cookie}`])
      t.ok(status === 0 || status >= 400, `${method} ${path} ${status}`)
    }
  }
})

t.test('HEAD makes no PIN and ends no sign-in', async (t) => {
  const usher = await startTestUsher(t)
  const browser = usher.browser()
  const checker = { 'sec-fetch-site': undefined, accept: '*/*' }
  const answer = await browser.ask('/session/login?returnTo=/a', { method: 'HEAD', headers: checker })
  t.equal(answer.status, 302)
  t.equal(answer.headers.location, '/signin?returnTo=%2Fa')
  t.strictSame(usher.simulator.pins.list(), [])
  await browser.get('/session/login', checker)
  const [pin] = usher.simulator.pins.list()
  usher.simulator.pins.claim(pin?.id ?? 0, 'owner')
  const callback = await browser.ask('/session/callback', { method: 'HEAD', headers: checker })
  t.strictSame(callback.setCookies, [])
  t.equal((await browser.get('/session/callback', checker)).headers.location, '/signin', 'GET does')
  t.equal((await browser.get('/session')).status, 200)
})
