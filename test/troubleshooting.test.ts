import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { printed } from '../src/app/command-result.ts'
import { generateKey, runCommand } from '../src/app/commands.ts'
import { summarizeStart } from '../src/app/start-summary.ts'
import { startMachine, stopMachine } from './attack/machine.ts'
import { BOX_ID, DEN_ID } from './simulator/servers.ts'
import { sendRaw } from './support/raw.ts'
import { until } from './support/until.ts'
import { FRIEND, OWNER, PASSWORD, startTestUsher, type TestUsher } from './support/usher.ts'
import { spawnUsher } from './support/usher-process.ts'

type Env = Record<string, string>

const run = promisify(execFile)
const SERVER = join(import.meta.dirname, '../src/server.ts')
const BASE: Env = {
  USHER_PUBLIC_URL: 'https://usher.example.com',
  USHER_SESSION_KEYS: generateKey(Date.now()),
  USHER_PMS_URL: 'http://127.0.0.1:9'
}
/** Everything that was said so far; the last test looks for the messages of the page here. */
const said: string[] = []

/** What `--check-config` says, on either stream. */
async function check(env: Env) {
  const options = { argv: ['--check-config'], env, now: Date.now, print: () => undefined }
  const { exitCode, stdout, stderr } = (await runCommand(options)) ?? printed('')
  said.push(stdout + stderr)
  return { code: exitCode, text: stdout + stderr }
}

/** What the program says in that folder. */
async function say(env: Env, argv: readonly string[], cwd?: string) {
  const options = { env, timeout: 60_000, ...(cwd && { cwd }) }
  const result = await run(process.execPath, [SERVER, ...argv], options).then(
    ({ stdout, stderr }) => ({ code: 0, text: stdout + stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      text: error.stdout + error.stderr
    })
  )
  said.push(result.text)
  return result
}

/** A log line of a running Usher, once. */
function lineOf(usher: TestUsher, message: string) {
  const lines = usher.logs.filter(({ msg }) => String(msg).startsWith(message))
  said.push(...lines.map((line) => JSON.stringify(line)))
  return lines
}

t.test('the configuration is refused with the setting and the remedy', async (t) => {
  const dir = t.testdir({ state: {} })
  chmodSync(join(dir, 'state'), 0o777)
  const { USHER_PMS_URL: _, ...withoutServer } = BASE
  for (const [env, words] of [
    [{ USHER_PUBLIC_UR: 'x' }, 'USHER_PUBLIC_UR is not a setting'],
    [{ USHER_BRAND_NAME: '"Cinema"' }, 'USHER_BRAND_NAME is in quotes'],
    [{ USHER_PLEX_TOKEN_FILE: '/run/secrets/none' }, '(ENOENT): /run/secrets/none, as user'],
    [{ USHER_PUBLIC_URL: 'https://me.duckdns.org', USHER_COOKIE_DOMAIN: 'duckdns.org' }, 'public suffix'],
    [
      { USHER_APPS: '[{"id":"a","name":"A","url":"https://a.net/","hosts":["a.net"]}]' },
      'hosts must be below USHER_COOKIE_DOMAIN'
    ],
    [{ USHER_REDIS_URL: 'redis://:50%off@valkey' }, 'USHER_REDIS_URL must have percent-encoded credentials'],
    [{ USHER_STATE_DIR: join(dir, 'state') }, 'chmod 700 it']
  ] as const) {
    const { code, text } = await check({ ...BASE, ...env })
    t.equal(code, 1, words)
    t.match(text, words)
  }
  t.match(await check(withoutServer), {
    code: 1,
    text: /USHER_ACCESS needs USHER_PMS_URL: .*USHER_ACCESS=anyone/
  })
})

t.test('a .env that nobody reads is named where the settings are missing', async (t) => {
  const dir = t.testdir({ '.env': 'USHER_PUBLIC_URL=https://usher.example.com\n' })
  for (const argv of [['--check-config'], []])
    t.match(await say({}, argv, dir), { code: 1, text: /There is a \.env here, .*--env-file=\.env/ })
  t.notMatch((await say({ ...BASE, USHER_PORT: 'x' }, [], dir)).text, '.env')
  t.notMatch((await say({}, [], t.testdir({}))).text, '.env')
})

t.test('a warning is no refusal', async (t) => {
  const kubernetes = { USHER_SERVICE_HOST: '10.0.0.1', USHER_PORT: 'tcp://10.0.0.1:8080' }
  const { code, text } = await check({ ...BASE, ...kubernetes })
  t.equal(code, 0)
  t.match(text, 'configuration is valid')
  t.match(text, 'warning: ignored variables that Kubernetes makes for a Service called usher')
})

t.test('rule 98: --check-config refuses what the start refuses, and opens nothing', async (t) => {
  const taken = createTcpServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const port = String((taken.address() as AddressInfo).port)
  const local = { ...BASE, USHER_HOST: '127.0.0.1', USHER_PORT: port }
  t.match(await check(local), { code: 0, text: 'is valid' })
  const dir = t.testdir({
    state: { 'usher.db': 'not a database, and long enough to be looked at'.repeat(50) }
  })
  chmodSync(join(dir, 'state'), 0o700)
  const broken = { ...local, USHER_PORT: '0', USHER_INTERNAL_PORT: '0', USHER_STATE_DIR: join(dir, 'state') }
  for (const argv of [['--check-config'], []])
    t.match(await say(broken, argv), { code: 1, text: /USHER_STATE_DIR: usher\.db cannot be opened/ })
})

t.test('a listener that cannot be opened names its setting', async (t) => {
  const taken = createTcpServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const port = String((taken.address() as AddressInfo).port)
  const local = { USHER_HOST: '127.0.0.1', USHER_PORT: '0', USHER_INTERNAL_PORT: '0' }
  for (const name of ['USHER_PORT', 'USHER_INTERNAL_PORT'])
    t.match(await say({ ...BASE, ...local, [name]: port }, []), {
      code: 1,
      text: `start failed: ${name}: port ${port} of 127.0.0.1 is taken by another program`
    })
  t.match(await say({ ...BASE, ...local, USHER_HOST: '203.0.113.9' }, []), {
    code: 1,
    text: 'start failed: USHER_HOST: 203.0.113.9 is not an address of this machine'
  })
})

t.test('the start is told in one line, with a server that answers', async (t) => {
  const usher = await startTestUsher(t, { settings: { USHER_ALLOWED_ACCOUNTS: 'friend' } })
  await summarizeStart(usher.core)
  t.match(lineOf(usher, 'started'), [
    {
      level: 'info',
      version: /^\d+\.\d+\.\d+$/,
      publicUrl: usher.settings['USHER_PUBLIC_URL'],
      server: usher.simulator.pmsUrl,
      admits: 'server, accounts listed: 1',
      store: 'memory',
      off: ['single sign-on over subdomains', 'services', 'owner token', 'apps', 'OpenID Connect']
    }
  ])
  t.match(lineOf(usher, 'configuration warning'), [{ warning: /^USHER_ALLOWED_ACCOUNTS has/ }])
  t.ok(
    usher.simulator.received({ service: 'pms' }).every(({ url }) => url === '/identity'),
    'it was asked who it is, without a token'
  )
})

/** Listens as somebody's wrong USHER_PMS_URL might. */
async function listenAs(t: Test, listener: Server): Promise<string> {
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.teardown(() => listener.close())
  return `127.0.0.1:${(listener.address() as AddressInfo).port}`
}

t.test('a wrong USHER_PMS_URL is told at start, by host and reason, and stops nothing', async (t) => {
  const web = await listenAs(
    t,
    createServer((_request, response) => response.writeHead(404).end('no'))
  )
  const page = await listenAs(
    t,
    createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<p>hello'))
  )
  const mute = await listenAs(
    t,
    createTcpServer((socket) => socket.on('error', () => undefined).destroy())
  )
  for (const [url, reason, code] of [
    ['http://127.0.0.1:9', 'nothing listens at this port', 'ECONNREFUSED'],
    [
      'http://no-such-host.invalid:32400',
      /no such host name|name server does not answer/,
      /^(ENOTFOUND|EAI_AGAIN)$/
    ],
    [`http://${web}`, 'what answers there is no media server (404)', undefined],
    [`http://${page}`, 'what answers there is no media server', undefined],
    [`http://${mute}`, 'it closes the connection; it may want https:', 'UND_ERR_SOCKET'],
    [`https://${web}`, 'it does not speak TLS; it may want http:', /SSL|EPROTO/]
  ] as const) {
    const usher = await startTestUsher(t, { settings: { USHER_PMS_URL: url } })
    await summarizeStart(usher.core)
    const [line, ...more] = lineOf(usher, 'started')
    t.strictSame(more, [])
    t.match(line, { level: 'warn', server: url, setting: 'USHER_PMS_URL', reason }, url)
    if (code !== undefined) t.match(line?.['code'], code)
  }
  const other = await startTestUsher(t, { settings: { USHER_PMS_MACHINE_ID: 'f'.repeat(40) } })
  await summarizeStart(other.core)
  t.match(lineOf(other, 'started'), [{ setting: 'USHER_PMS_MACHINE_ID', reason: /^another server answers/ }])
})

t.test('a sign-in while the media server is away does not blame Plex', async (t) => {
  const usher = await startTestUsher(t, { settings: { USHER_PMS_URL: 'http://127.0.0.1:9' } })
  const answer = await usher.browser().post('/session/login', { login: OWNER, password: PASSWORD })
  t.equal(answer.status, 503)
  t.match(answer.json, {
    code: 'USHER_UPSTREAM_UNREACHABLE',
    detail: /^The media server cannot be reached\./
  })
  said.push(answer.text)
  const [line] = usher.logs.filter(({ msg }) => msg === 'upstream failed')
  t.match(line, { service: 'pms', host: '127.0.0.1:9', err: { code: 'ECONNREFUSED' } })
  usher.simulator.faults.set({ service: 'plex', kind: 'status', status: 503 })
  const plex = await usher.browser().post('/session/login', { login: OWNER, password: PASSWORD })
  t.notMatch(plex.json.detail, 'media server')
})

t.test('an account that is not listed is told so', async (t) => {
  const usher = await startTestUsher(t, { settings: { USHER_ALLOWED_ACCOUNTS: '1' } })
  const answer = await usher.browser().post('/session/login', { login: FRIEND, password: PASSWORD })
  t.match(answer.json, { code: 'USHER_ACCOUNT_BLOCKED', detail: 'This account may not sign in here.' })
  said.push(answer.text)
})

t.test('a proxy that is not listed is noticed, once', async (t) => {
  const usher = await startTestUsher(t, { settings: { USHER_TRUSTED_PROXIES: undefined } })
  for (let times = 0; times < 3; times += 1)
    await usher.browser().get('/signin', { 'x-forwarded-for': `203.0.113.${times}` })
  t.match(lineOf(usher, 'forwarded headers ignored'), [
    { level: 'warn', address: '127.0.0.1', setting: 'USHER_TRUSTED_PROXIES' }
  ])
  t.equal(lineOf(usher, 'forwarded headers ignored').length, 1)
  const trusted = await startTestUsher(t, { simulator: usher.simulator })
  await trusted.browser().get('/signin', { 'x-forwarded-for': '203.0.113.1' })
  await trusted.browser().get('/signin')
  t.strictSame(lineOf(trusted, 'forwarded headers ignored'), [])
})

t.test('TLS in front of a public URL with http: is noticed, once', async (t) => {
  const usher = await startTestUsher(t)
  for (let times = 0; times < 3; times += 1)
    await usher.browser().get('/signin', { 'x-forwarded-for': '203.0.113.1', 'x-forwarded-proto': 'https' })
  t.equal(lineOf(usher, 'a proxy ends TLS').length, 1)
  const plain = await startTestUsher(t, { simulator: usher.simulator })
  await plain.browser().get('/signin', { 'x-forwarded-for': '203.0.113.1', 'x-forwarded-proto': 'http' })
  t.strictSame(lineOf(plain, 'a proxy ends TLS'), [])
})

t.test('a Host of another name is refused with the reason, and told once a name', async (t) => {
  const usher = await startTestUsher(t)
  for (const host of ['plex.example.com', 'plex.example.com', 'evil"}\u001b[31m.example']) {
    const answer = await sendRaw(
      usher.publicUrl,
      `GET /signin HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
    )
    t.equal(answer.status, 400)
    said.push(answer.text)
  }
  const lines = lineOf(usher, 'request refused: its Host')
  t.match(lines[0], { listener: 'public', host: 'plex.example.com', setting: 'USHER_PUBLIC_URL' })
  t.ok(lines.slice(1).every(({ host }) => host === '(malformed)') && lines.length <= 2)
})

t.test('a deep link that cannot be returned to, or brings no cookie, is noticed', async (t) => {
  const usher = await startTestUsher(t, {
    settings: { USHER_ALLOWED_RETURN_ORIGINS: 'https://wiki.example.com' }
  })
  const ask = (host: string) =>
    usher.browser().get('/session/verify?redirect=1', {
      accept: 'text/html',
      'x-forwarded-for': '203.0.113.1',
      'x-forwarded-method': 'GET',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': host,
      'x-forwarded-uri': '/page'
    })
  for (const host of ['wiki.example.com', 'photos.example.com', 'photos.example.com']) {
    const answer = await ask(host)
    t.equal(answer.status, 302)
  }
  t.match(lineOf(usher, 'sign-in without a way back'), [
    { origin: 'https://photos.example.com', setting: 'USHER_ALLOWED_RETURN_ORIGINS' }
  ])
  t.match(
    lineOf(usher, 'no browser sends the session cookie').map(({ host }) => host),
    ['wiki.example.com', 'photos.example.com']
  )
})

t.test('another machine at the address of the media server is named as such', async (t) => {
  const right = await startMachine(t, BOX_ID)
  const usher = await startTestUsher(t, { settings: { USHER_PMS_URL: `http://127.0.0.1:${right.port}` } })
  const browser = await usher.signedIn()
  await stopMachine(right.server)
  await startMachine(t, DEN_ID, right.port)
  const answer = await browser.get('/pms/library/sections')
  t.equal(answer.status, 502)
  said.push(answer.text)
})

t.test('rule 97: a signal that arrives twice does not cut the drain, a later one does', async (t) => {
  const settings = {
    ...BASE,
    USHER_PUBLIC_URL: 'http://127.0.0.1:1',
    USHER_HOST: '127.0.0.1',
    USHER_PORT: '0',
    USHER_INTERNAL_PORT: '0',
    USHER_REDIS_URL: 'redis://127.0.0.1:9',
    USHER_DRAIN: '20s'
  }
  const open = async (url: string) => {
    // A request whose head never ends keeps the public listener from closing.
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.on('error', () => undefined)
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    // Usher has read that head when it answers what came in the same piece.
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /signin HTTP/1.1\r\nHost: x\r\n')
    await once(socket, 'data')
    return socket
  }
  const twice = await spawnUsher(t, settings)
  const held = await open(twice.publicUrl)
  twice.signal('SIGTERM')
  twice.signal('SIGINT')
  twice.signal('SIGTERM')
  await new Promise((resolve) => setTimeout(resolve, 300))
  held.destroy()
  t.equal(await twice.exited, 0)
  t.equal(twice.logs.at(-1)?.['msg'], 'stopped')
  said.push(...twice.logs.map((line) => JSON.stringify(line)))

  const cut = await spawnUsher(t, settings)
  await open(cut.publicUrl)
  cut.signal('SIGTERM')
  await until(() => cut.logs.some(({ msg }) => msg === 'stopping'), 'the first signal arrives')
  await new Promise((resolve) => setTimeout(resolve, 1200))
  cut.signal('SIGTERM')
  t.equal(await cut.exited, 1)
  t.match(cut.logs.at(-1), { msg: 'stopped by a second signal, open streams are cut', signal: 'SIGTERM' })
})

t.test('it starts where Kubernetes describes a Service called usher', async (t) => {
  // 8080 and 9090 are the defaults, on a loopback address that no other run has.
  const host = `127.77.${(process.pid >> 8) & 255}.${process.pid & 255 || 1}`
  const usher = await spawnUsher(t, {
    ...BASE,
    USHER_HOST: host,
    USHER_INTERNAL_HOST: host,
    USHER_SERVICE_HOST: '10.96.0.17',
    USHER_SERVICE_PORT: '8080',
    USHER_PORT: 'tcp://10.96.0.17:8080',
    USHER_PORT_8080_TCP: 'tcp://10.96.0.17:8080',
    USHER_PORT_8080_TCP_ADDR: '10.96.0.17',
    USHER_INTERNAL_PORT: 'tcp://10.96.0.18:9090',
    KUBERNETES_SERVICE_HOST: '10.96.0.1'
  })
  t.strictSame([usher.publicUrl, usher.internalUrl], [`http://${host}:8080`, `http://${host}:9090`])
  await until(() => usher.logs.some(({ msg }) => String(msg).startsWith('started')), 'it says so')
  const warnings = usher.logs.filter(({ msg }) => msg === 'configuration warning')
  t.match(warnings, [{ warning: /^ignored variables that Kubernetes makes/ }])
  t.equal(warnings.length, 1)
})

t.test('what the page says, and what programs are told', async (t) => {
  const usher = await startTestUsher(t)
  const stranger = usher.browser()
  const refused = await stranger.post('/session/login', { login: 'stranger', password: PASSWORD })
  t.equal(refused.status, 403)
  const [, explained = ''] = /^<([^>]+)>; rel="help"$/.exec(String(refused.headers['link'] ?? '')) ?? []
  const friend = await usher.signedIn(FRIEND)
  const navigation = { accept: 'text/html', 'x-forwarded-method': 'GET' }
  const answers = [
    await stranger.get(explained),
    await stranger.get('/signin?fresh=1'),
    await stranger.get('/signin?error=USHER_SIGNIN_CANCELLED'),
    await stranger.get('/signin?error=USHER_PIN_UNKNOWN'),
    await stranger.get('/signin?error=USHER_RATE_LIMITED'),
    await friend.get('/session/verify?role=owner', navigation),
    await friend.post('/session/logout', {}, { 'sec-fetch-site': undefined, 'x-usher': undefined }),
    await friend.get('/pms/accounts')
  ]
  t.strictSame(
    answers.map(({ status }) => status),
    [200, 200, 200, 200, 200, 403, 403, 403]
  )
  // Markup inside a sentence is not what people read.
  said.push(...answers.map(({ text }) => text.replace(/<\/?(?:b|bdi)>/g, '')))
})

t.test('every row of docs/troubleshooting.md was said here, or names a command', async (t) => {
  const page = readFileSync(join(import.meta.dirname, '../docs/troubleshooting.md'), 'utf8')
  const rows = [...page.matchAll(/^\| (?!---|it says|symptom)(.+?) \| (.+?) \| (.+) \|$/gm)]
  t.ok(rows.length > 20, `${rows.length} rows`)
  const all = said.join('\n')
  for (const [, symptom = '', , remedy = ''] of rows) {
    const [, message] = /^`(.+)`$/.exec(symptom) ?? []
    if (message === undefined) t.match(remedy, /Show it: `.+`/, symptom)
    else {
      const parts = message.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      t.match(all, new RegExp(parts.join('[^\\n]*?')), symptom)
    }
  }
})
