import { writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { generateKey } from '../../../src/app/commands.ts'
import { BIG_PART, CHANGE_STAMP } from '../../simulator/pms/catalogue.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { createBrowser } from '../../support/browser.ts'
import { memoryInUse } from '../../support/memory.ts'
import { authRequest, CALLBACK, hashOf, KEYS, navigate, SECRET, toClients } from '../../support/openid.ts'
import { freePort } from '../../support/ports.ts'
import { ACCESS, GRANT_TYPE, SESSION } from '../../support/services.ts'
import { until } from '../../support/until.ts'
import { FRIEND, OWNER, PASSWORD, startTestUsher } from '../../support/usher.ts'
import { spawnUsher } from '../../support/usher-process.ts'

const [FIRST, SECOND] = [generateKey(0), generateKey(Date.now())]
const PART = `/pms/library/parts/${BIG_PART}/${CHANGE_STAMP}/big.mkv`
const [WALL, DESK] = ['Wall-secret_of-the-test-1234567890', 'Desk-secret_of-the-test-1234567890']
const SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>'

const app = (id: string, accounts?: readonly number[]) => ({
  id,
  name: id,
  url: `https://${id}.example.com`,
  ...(accounts && { access: { accounts } })
})
const service = (id: string, secret: string) => ({ id, secretHashes: [hashOf(secret)], grants: ['scoped'] })
const client = (id: string) => ({ id, secret: SECRET, name: id })

type Files = Readonly<Record<string, string>>

const FILES: Files = {
  keys: FIRST,
  services: JSON.stringify([service('wall', WALL)]),
  apps: JSON.stringify([app('grafana')]),
  groups: '{}',
  clients: toClients([client('wiki')]),
  oidc: KEYS,
  logo: SVG
}

/** An Usher in a process of its own, whose settings come from files. */
async function start(t: Test) {
  const dir = t.testdir({ ...FILES, 'logo.svg': SVG, state: {} })
  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  const port = await freePort()
  const usher = await spawnUsher(t, {
    USHER_PUBLIC_URL: `http://127.0.0.1:${port}`,
    USHER_HOST: '127.0.0.1',
    USHER_PORT: String(port),
    USHER_INTERNAL_HOST: '127.0.0.1',
    USHER_INTERNAL_PORT: '0',
    USHER_PLEX_URL: simulator.plexUrl,
    USHER_PLEX_CLIENTS_URL: simulator.plexUrl,
    USHER_PLEX_APP_URL: simulator.plexUrl,
    USHER_PMS_URL: simulator.pmsUrl,
    USHER_TRUSTED_PROXIES: '127.0.0.1',
    USHER_DRAIN: '1s',
    USHER_SESSION_KEYS_FILE: join(dir, 'keys'),
    USHER_SERVICES_FILE: join(dir, 'services'),
    USHER_APPS_FILE: join(dir, 'apps'),
    USHER_GROUPS_FILE: join(dir, 'groups'),
    USHER_OIDC_CLIENTS_FILE: join(dir, 'clients'),
    USHER_OIDC_KEYS_FILE: join(dir, 'oidc'),
    USHER_BRAND_LOGO: join(dir, 'logo.svg')
  })

  async function reload(files: Files): Promise<Record<string, unknown>> {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
    const before = usher.logs.length
    usher.signal('SIGHUP')
    const isAbout = ({ msg }: Record<string, unknown>) =>
      /^(?:configuration reloaded|reload )/.test(String(msg))
    return until(() => usher.logs.slice(before).find(isAbout), 'word of the reload')
  }

  async function signIn(login: string) {
    const browser = createBrowser(usher.publicUrl)
    const answer = await browser.post('/session/login', { login, password: PASSWORD })
    t.equal(answer.status, 201)
    return browser
  }

  async function scopedToken(id: string, secret: string, cookie: string) {
    const body = new URLSearchParams({
      grant_type: GRANT_TYPE,
      subject_token: cookie,
      subject_token_type: SESSION,
      requested_token_type: ACCESS,
      scope: 'pms:read'
    })
    const headers = { authorization: `Bearer ${id}.${secret}` }
    const answer = await fetch(`${usher.internalUrl}/tokens/delegated`, { method: 'POST', headers, body })
    return { status: answer.status, json: (await answer.json()) as { access_token: string } }
  }

  return { usher, reload, signIn, scopedToken }
}

/** Reads a response to its end, or to where it breaks. */
function download(base: string, path: string, cookie: string) {
  let bytes = 0
  const ended = new Promise<'whole' | 'cut'>((resolve) => {
    get(new URL(path, base), { headers: { cookie } }, (response) => {
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      response.on('close', () => resolve(response.complete ? 'whole' : 'cut'))
      response.on('error', () => undefined)
    }).on('error', () => resolve('cut'))
  })
  return {
    ended,
    get bytes() {
      return bytes
    }
  }
}

t.test('SIGHUP takes over apps, services, clients and the brand, and no request notices', async (t) => {
  const { usher, reload, signIn, scopedToken } = await start(t)
  const browser = await signIn(OWNER)
  const session = browser.jar.get('usher') ?? ''
  const events = download(usher.publicUrl, '/pms/:/eventsource/notifications', browser.cookie)
  const before = await scopedToken('wall', WALL, session)
  t.equal(before.status, 200)
  const bearer = { authorization: `Bearer ${before.json.access_token}` }
  const ask = () => fetch(`${usher.publicUrl}/pms/library/sections`, { headers: bearer })
  t.equal((await ask()).status, 200)

  let isOver = false
  const failures: unknown[] = []
  const traffic = (async () => {
    for (let asked = 0; !isOver; asked += 1) {
      const answer = await browser.get(asked % 2 === 0 ? '/pms/library/sections' : '/session/verify')
      if (answer.status >= 300) failures.push([answer.status, answer.text])
    }
  })()
  const told = await reload({
    services: JSON.stringify([service('desk', DESK)]),
    apps: JSON.stringify([app('sonarr')]),
    clients: toClients([client('notes')]),
    groups: JSON.stringify({ crew: ['role:owner'] }),
    'logo.svg': `${SVG}<!-- new -->`
  })
  t.match(told, { level: 'info', msg: 'configuration reloaded' }, JSON.stringify(told))
  t.strictSame(told['changed'], [
    'USHER_SERVICES',
    'USHER_APPS',
    'USHER_GROUPS',
    'USHER_OIDC_CLIENTS',
    'USHER_BRAND_LOGO'
  ])
  isOver = true
  await traffic
  t.strictSame(failures, [], 'requests in flight')

  t.equal((await browser.get('/session/verify?app=grafana')).status, 403, 'the app is gone')
  const verified = await browser.get('/session/verify?app=sonarr')
  t.equal(verified.status, 204)
  t.equal(verified.headers['remote-groups'], 'owner,crew')
  t.match((await browser.get('/signin/logo')).text, /new/)
  t.equal((await ask()).status, 401, "the removed service's token is refused at once")
  t.equal((await scopedToken('wall', WALL, session)).status, 401)
  t.equal((await scopedToken('desk', DESK, session)).status, 200)
  const old = await navigate(browser, authRequest('wiki').path)
  t.not(old.status, 303, 'the removed client')
  t.notMatch(String(old.headers.location), CALLBACK)
  const fresh = await navigate(browser, authRequest('notes').path)
  t.match(String(fresh.headers.location), /^https:\/\/app\.example\/callback\?code=/)
  t.equal(await Promise.race([events.ended, 'open']), 'open', 'the stream goes on')
  usher.signal('SIGTERM')
  t.equal(await usher.exited, 0, 'with a stream open on a connection that its client keeps alive')
})

t.test('what is wrong in one file keeps all of them out', async (t) => {
  const { usher, reload, signIn } = await start(t)
  const browser = await signIn(OWNER)
  const refused = await reload({ apps: JSON.stringify([app('sonarr')]), groups: '{ "crew": ' })
  t.match(refused, { level: 'error', msg: 'reload refused, the running configuration stays' })
  t.match(refused['problems'], [/^USHER_GROUPS \(from USHER_GROUPS_FILE\)/])
  t.equal((await browser.get('/session/verify?app=grafana')).status, 204)
  t.equal((await browser.get('/session/verify?app=sonarr')).status, 403)

  // Each file is good, and they contradict each other.
  const lost = JSON.stringify([{ ...app('sonarr'), access: { groups: ['crew'] } }])
  t.match(await reload({ apps: lost, groups: '{}' }), { problems: [/^USHER_APPS entry 1/] })
  // The OpenID library is the one that objects, after all settings were read.
  const odd = toClients([{ ...client('notes'), redirectUris: ['https://app.example/callback#fragment'] }])
  t.match(await reload({ apps: FILES['apps'] ?? '', clients: odd }), { level: 'error' })
  t.match(await reload({ clients: FILES['clients'] ?? '' }), { changed: [] })
  t.match(await reload({ keys: 'short' }), { problems: [/^USHER_SESSION_KEYS/] })
  t.equal((await browser.get('/session')).status, 200)
  t.equal(JSON.stringify(usher.logs).includes('short'), false, 'no value is in the log')
})

t.test('rule 8: a key is added, made the first and removed by reloads, and signs nobody out', async (t) => {
  const { usher, reload, signIn } = await start(t)
  const browser = await signIn(OWNER)
  t.match(await reload({ keys: `${FIRST},${SECOND}` }), { changed: ['USHER_SESSION_KEYS'] })
  t.match(await reload({ keys: `${SECOND},${FIRST}` }), { changed: ['USHER_SESSION_KEYS'] })
  const before = browser.jar.get('usher')
  t.equal((await browser.get('/session')).status, 200)
  t.not(browser.jar.get('usher'), before, 'sealed again by the next response')
  const left = createBrowser(usher.publicUrl)
  left.jar.set('usher', before ?? '')
  const stays = download(usher.publicUrl, PART, browser.cookie)

  const other = await signIn(FRIEND)
  await reload({ keys: SECOND })
  t.equal((await browser.get('/session')).status, 200)
  t.equal((await other.get('/session')).status, 200)
  const dead = await left.get('/session')
  t.match(dead.json, { status: 401, code: 'USHER_SESSION_INVALID' })
  await until(() => stays.bytes > 0, 'the stream')
})

t.test('a session ends at once with the key of its cookie, and so do its streams', async (t) => {
  const { usher, reload, signIn } = await start(t)
  const [first, second] = [await signIn(OWNER), await signIn(FRIEND)]
  for (const browser of [first, second]) await browser.get('/session')
  const events = '/pms/:/eventsource/notifications'
  const cast = await first.post('/session/playback', { path: PART.replace('/pms', ''), kind: 'part' })
  t.equal(cast.status, 201)
  const film = download(usher.publicUrl, cast.json.url, '')
  await until(() => film.bytes > 0, 'the film at a receiver')
  const open = [first, second].map(({ cookie }) => download(usher.publicUrl, events, cookie))
  await until(async () => {
    const metrics = await (await fetch(`${usher.internalUrl}/metrics`)).text()
    return metrics.includes('usher_open_streams{kind="events"} 2')
  }, 'two streams')
  t.match(await reload({ keys: SECOND }), { changed: ['USHER_SESSION_KEYS'] })
  for (const stream of [...open, film]) await stream.ended
  t.equal((await fetch(cast.json.url)).status, 401, 'the address is dead as well')
  for (const browser of [first, second]) t.equal((await browser.get('/session')).status, 401)
  const again = await signIn(OWNER)
  t.equal((await again.get('/pms/library/sections')).status, 200)
})

t.test('a hundred reloads leave nothing behind', async (t) => {
  const usher = await startTestUsher(t, {
    settings: { USHER_OIDC_CLIENTS: toClients([client('wiki')]), USHER_OIDC_KEYS: KEYS }
  })
  const envs = ['wiki', 'notes'].map((id) => ({
    ...usher.settings,
    USHER_LOG_LEVEL: 'trace',
    USHER_OIDC_CLIENTS: toClients([client(id)]),
    USHER_APPS: JSON.stringify([app(id)])
  }))
  const turn = async (times: number) => {
    for (let i = 0; i < times; i++) await usher.core.reload.run(envs[i % 2] ?? {})
  }
  const heap = () => memoryInUse().heapUsed
  await turn(20)
  const before = heap()
  await turn(100)
  t.equal(usher.logs.filter(({ msg }) => msg === 'configuration reloaded').length, 120)
  await until(() => heap() - before < 8_000_000, 'the heap as before', 30_000)
})

t.test('an app that was entered is listed by the name that a reload gave it', async (t) => {
  const usher = await startTestUsher(t, {
    settings: { USHER_APPS: JSON.stringify([app('wiki')]), USHER_TRUSTED_PROXIES: '127.0.0.1' }
  })
  const owner = await usher.signedIn(OWNER)
  t.equal((await owner.get('/session/verify?app=wiki')).status, 204)
  const names = async () => (await owner.get('/session/sessions')).json.sessions[0].apps
  t.strictSame(await names(), [{ id: 'wiki', name: 'wiki' }])
  const USHER_APPS = JSON.stringify([{ ...app('wiki'), name: 'Our wiki' }])
  await usher.core.reload.run({ ...usher.settings, USHER_APPS })
  t.strictSame(await names(), [{ id: 'wiki', name: 'Our wiki' }])
})

t.test('the first client of OpenID Connect is for a restart, and so is every other setting', async (t) => {
  const usher = await startTestUsher(t)
  const clients = { USHER_OIDC_CLIENTS: toClients([client('wiki')]), USHER_OIDC_KEYS: KEYS }
  await usher.core.reload.run({ ...usher.settings, ...clients })
  t.match(usher.logs.at(-1), {
    msg: 'reload refused, the running configuration stays',
    problems: [/^USHER_OIDC_CLIENTS: the first client needs a restart/]
  })
  await usher.core.reload.run({ ...usher.settings, USHER_RECHECK: '1h', USHER_BRAND_NAME: 'Cinema' })
  t.match(usher.logs.at(-1), {
    msg: 'configuration reloaded',
    changed: ['USHER_BRAND_NAME'],
    waiting: ['USHER_RECHECK']
  })
  t.match((await usher.browser().get('/signin')).text, /Cinema/)
  t.equal(usher.core.config.recheckMs, 900_000)
  t.equal(JSON.stringify(usher.core.config).includes(usher.settings['USHER_SESSION_KEYS'] ?? ''), false)
})
