import { request as httpRequest, type IncomingMessage } from 'node:http'
import t from 'tap'
import { CHANGE_STAMP, SMALL_PART } from '../simulator/pms/catalogue.ts'
import { createBrowser } from '../support/browser.ts'
import { skipWithout } from '../support/programs.ts'
import { type StartProxy, startBareCaddy, startBareNginx, startHaproxy } from '../support/proxies.ts'
import { until } from '../support/until.ts'
import { OWNER, PASSWORD, startTestUsher } from '../support/usher.ts'

t.setTimeout(300_000)

const CREDENTIALS = { login: OWNER, password: PASSWORD }
const PART = `/pms/library/parts/${SMALL_PART}/${CHANGE_STAMP}/file.mkv`
const EVENTS = '/pms/:/eventsource/notifications?filters='
/** What a browser on plain HTTP sends: no Fetch Metadata, and an Origin with what is not safe. */
const HOST = { host: 'usher.lan', 'sec-fetch-site': undefined, 'x-forwarded-for': undefined }
const ORIGIN = { ...HOST, origin: 'http://usher.lan' }

const PROXIES: readonly {
  readonly name: string
  readonly program: string
  readonly start: StartProxy
  /** What an operator must add to a bare configuration, and nothing more. */
  readonly lines: readonly string[]
}[] = [
  { name: 'HAProxy', program: 'haproxy', start: startHaproxy, lines: [] },
  {
    name: 'nginx',
    program: 'nginx',
    start: startBareNginx,
    lines: ['proxy_set_header Host $http_host;']
  },
  {
    name: 'Caddy',
    program: 'caddy',
    start: startBareCaddy,
    // Its site is named by the port of this test, which a browser on port 80 would not send.
    lines: ['header_up Host usher.lan']
  }
]

for (const { name, program, start, lines } of PROXIES) {
  t.test(`behind a bare ${name}, over plain HTTP`, { skip: skipWithout(program) }, async (t) => {
    const usher = await startTestUsher(t, {
      settings: { USHER_PUBLIC_URL: 'http://usher.lan', USHER_ALLOW_HTTP: 'true', USHER_TRUSTED_PROXIES: '' }
    })
    const url = await start(t, new URL(usher.publicUrl).host, lines)
    const browser = createBrowser(url)
    // Caddy routes by Host, whose port is this test's.
    const host = program === 'caddy' ? { host: undefined } : {}
    const read = { ...HOST, ...host }
    const write = { ...ORIGIN, ...host }

    await t.test('a person signs in, reads, plays and signs out', async (t) => {
      t.equal((await browser.get('/signin', read)).status, 200)
      t.equal((await browser.post('/session/login', CREDENTIALS, write)).status, 201)
      t.equal((await browser.get('/session', read)).status, 200)
      t.equal((await browser.get('/pms/library/sections', read)).status, 200)
      const piece = await browser.get(PART, { ...read, range: 'bytes=100-199' })
      t.equal(piece.status, 206)
      t.equal(piece.body.length, 100)
      const scrobble = '/pms/:/scrobble?key=1001&identifier=com.plexapp.plugins.library'
      t.equal((await browser.get(scrobble, read)).status, 403, 'what changes something wants an Origin')
      t.equal((await browser.get(scrobble, write)).status, 200)
      t.equal((await browser.ask('/session', { method: 'HEAD', headers: read })).status, 200)
    })

    await t.test('an event reaches the browser while the stream is open', async (t) => {
      const headers = { cookie: browser.cookie, ...(program !== 'caddy' && { host: 'usher.lan' }) }
      const stream = await open(url + EVENTS, headers)
      t.equal(stream.statusCode, 200)
      let text = ''
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      stream.on('error', () => {})
      await until(() => text.length > 0, 'the first event')
      t.match(text, /^(?:event|data|:|id|retry)/m)
      stream.destroy()
    })

    await t.test('a wrong Host is refused with its remedy', async (t) => {
      if (program === 'caddy') return
      const answer = await browser.get('/session', { ...read, host: 'other.lan' })
      t.equal(answer.status, 400)
      t.match(answer.json.detail, /USHER_PUBLIC_URL/)
    })

    t.equal((await browser.post('/session/logout', {}, write)).status, 204)
    t.equal((await browser.get('/session', read)).status, 401)
  })
}

t.test(
  'HAProxy’s health check of HTTP/1.0 without a Host keeps the server up',
  {
    skip: skipWithout('haproxy')
  },
  async (t) => {
    const usher = await startTestUsher(t)
    const url = await startHaproxy(t, new URL(usher.publicUrl).host)
    // Ten checks long: three that fail take a server out.
    const end = performance.now() + 1000
    const statuses = new Set<number>()
    while (performance.now() < end) statuses.add((await fetch(`${url}/healthz`)).status)
    t.strictSame([...statuses], [204], 'HAProxy never takes it out')
    const checks = usher.logs.filter(
      ({ route, status }) => route === '/healthz' && status !== 204 && status !== 499
    )
    t.strictSame(checks, [], 'no check was refused')
  }
)

t.test(
  'SWAG’s X-Forwarded-Host with its port is the public host',
  { skip: skipWithout('nginx') },
  async (t) => {
    const usher = await startTestUsher(t, { settings: { USHER_PUBLIC_URL: 'https://usher.example' } })
    const url = await startBareNginx(t, new URL(usher.publicUrl).host, [
      'proxy_set_header Host $host;',
      'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for:$remote_port;',
      'proxy_set_header X-Forwarded-Host usher.example:443;',
      'proxy_set_header X-Forwarded-Proto https;'
    ])
    const browser = createBrowser(url)
    const headers = { host: 'usher.example', 'x-forwarded-for': undefined }
    t.equal((await browser.post('/session/login', CREDENTIALS, headers)).status, 201)
    t.equal((await browser.get('/pms/library/sections', headers)).status, 200)
    const navigation = {
      ...headers,
      'sec-fetch-mode': 'navigate',
      accept: 'text/html',
      'x-forwarded-method': 'GET',
      'x-forwarded-uri': '/deep?link=1'
    }
    const anonymous = await createBrowser(url).get('/session/verify?redirect=1', navigation)
    t.equal(
      anonymous.headers.location,
      `https://usher.example/signin?returnTo=${encodeURIComponent('/deep?link=1')}`
    )
  }
)

function open(url: string, headers: Record<string, string>): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request = httpRequest(url, { headers, agent: false, timeout: 60_000 })
  request.on('timeout', () => request.destroy(new Error('nothing came for a minute')))
  request.on('error', reject).on('response', resolve).end()
  return promise
}
