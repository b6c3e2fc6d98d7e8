import { decodeProtectedHeader } from 'jose'
import t, { type Test } from 'tap'
import { generateKey } from '../../src/app/commands.ts'
import type { Answer, Browser } from '../support/browser.ts'
import { matchProblem, readSetCookie } from '../support/sign-in.ts'
import { FRIEND, OWNER, PASSWORD, startTestUsher, type TestUsher } from '../support/usher.ts'

const HOST = 'auth.example.com'
const NAVIGATION = {
  'sec-fetch-site': 'cross-site',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document'
}

/** An Usher as it stands behind a proxy that ends TLS. */
function behindTls(
  t: Test,
  settings: Record<string, string | undefined>,
  before?: TestUsher
): Promise<TestUsher> {
  return startTestUsher(t, {
    ...(before && { simulator: before.simulator }),
    settings: {
      ...(before && { USHER_SESSION_KEYS: before.settings['USHER_SESSION_KEYS'] ?? '' }),
      USHER_PUBLIC_URL: `https://${HOST}`,
      ...settings
    }
  })
}

/** The same cookies in a browser of another Usher. */
function movedTo(usher: TestUsher, { jar }: Browser): Browser {
  const browser = usher.browser()
  for (const [name, value] of jar) browser.jar.set(name, value)
  return browser
}

const get = (browser: Browser, path: string, headers = {}) => browser.get(path, { host: HOST, ...headers })
const signIn = (browser: Browser, login = OWNER) =>
  browser.post('/session/login', { login, password: PASSWORD }, { host: HOST })
const kidOf = (value = '') => decodeProtectedHeader(value).kid

/** The client identifier of the last password sign-in that plex.tv saw. */
function newestIdentifier({ simulator }: Pick<TestUsher, 'simulator'>): string | undefined {
  const { headers = [] } = simulator.received({ path: '/api/v2/users/signin' }).at(-1) ?? {}
  return headers.find(([name]) => name.toLowerCase() === 'x-plex-client-identifier')?.[1]
}

function matchHostOnly(t: Test, answer: Answer): void {
  const kept = answer.setCookies.map(readSetCookie)
  for (const { name, attributes } of kept.filter(({ name }) => /-(?:signin|device)$/.test(name))) {
    t.match(name, /^__Host-/)
    t.notOk('domain' in attributes, name)
    t.ok('secure' in attributes && 'httponly' in attributes)
    t.equal(attributes['path'], '/')
  }
}

t.test('rule 90: with a cookie domain only the session goes to other hosts', async (t) => {
  const usher = await behindTls(t, { USHER_COOKIE_DOMAIN: 'example.com' })
  const browser = usher.browser()
  matchHostOnly(t, await get(browser, '/session/login', NAVIGATION))
  const answer = await signIn(browser)
  t.equal(answer.status, 201)
  matchHostOnly(t, answer)
  t.strictSame([...browser.jar.keys()].sort(), [
    '__Host-usher-device',
    '__Host-usher-signin',
    '__Secure-usher'
  ])
  const session = answer.setCookies.map(readSetCookie).find(({ name }) => name === '__Secure-usher')
  t.equal(session?.attributes['domain'], 'example.com')
})

t.test('rule 91: a session tossed in by a sibling host locks nobody out, and signs nobody in', async (t) => {
  const usher = await startTestUsher(t)
  const victim = await usher.signedIn()
  const device = newestIdentifier(usher)
  const attacker = await usher.signedIn(FRIEND)
  const own = victim.jar.get('usher')
  for (const junk of ['', 'x', `${own}A`, attacker.jar.get('usher-device')]) {
    for (const cookie of [`usher=${junk}; usher=${own}`, `usher=${own}; usher=${junk}`])
      t.match((await usher.browser().get('/session?slide=false', { cookie })).json, {
        account: { email: OWNER }
      })
  }
  const tossed = `usher=${attacker.jar.get('usher')}; usher=${own}`
  matchProblem(t, await usher.browser().get('/session', { cookie: tossed }), 401, 'USHER_SESSION_INVALID')
  matchProblem(
    t,
    await usher.browser().get('/pms/library/sections', { cookie: tossed }),
    401,
    'USHER_SESSION_INVALID'
  )
  t.equal((await victim.get('/session')).status, 200)
  await attacker.post('/session/logout')
  t.match((await usher.browser().get('/session', { cookie: tossed })).json, { account: { email: OWNER } })
  const devices = `usher-device=x; usher-device=${victim.jar.get('usher-device')}`
  const again = await usher.browser().ask('/session/login', {
    method: 'POST',
    headers: { cookie: devices, 'content-type': 'application/json' },
    body: JSON.stringify({ login: OWNER, password: PASSWORD })
  })
  t.equal(again.status, 201)
  t.equal(newestIdentifier(usher), device, 'the device that opens counts')
})

t.test(
  'rule 92: every cookie moves to the newest key, and the device outlives a full rotation',
  async (t) => {
    const first = await startTestUsher(t)
    const a = first.settings['USHER_SESSION_KEYS'] ?? ''
    const b = generateKey(Date.now()).replace(/^[^:]+/, 'newer')
    const at = { USHER_PUBLIC_URL: 'http://127.0.0.1:1' }
    const one = await startTestUsher(t, {
      simulator: first.simulator,
      settings: { ...at, USHER_SESSION_KEYS: a }
    })
    const old = await one.signedIn()
    await old.post('/session/pin', { kind: 'link' })
    const before = newestIdentifier(first)
    await one.stop(0)

    const two = await startTestUsher(t, {
      simulator: first.simulator,
      settings: { ...at, USHER_SESSION_KEYS: `${b},${a}` }
    })
    const browser = movedTo(two, old)
    const answer = await browser.get('/session')
    t.strictSame(
      ['usher', 'usher-device', 'usher-signin'].map((name) => kidOf(browser.jar.get(name))),
      ['newer', 'newer', 'newer']
    )
    t.equal(answer.headers['cache-control'], 'no-store')
    for (const line of answer.setCookies.map(readSetCookie))
      t.ok(Number(line.attributes['max-age']) > 0, line.name)
    t.strictSame((await browser.get('/session')).setCookies, [], 'and then no more')
    t.match((await browser.get('/session/pin')).json, { status: 'pending' }, 'the sign-in under way goes on')
    await browser.ask('/session/pin', { method: 'DELETE' })
    t.equal(browser.jar.has('usher-signin'), false, 'what a reply clears is not sealed anew beside that')
    await browser.post('/session/logout')
    await two.stop(0)

    const three = await startTestUsher(t, {
      simulator: first.simulator,
      settings: { ...at, USHER_SESSION_KEYS: b }
    })
    const last = movedTo(three, browser)
    t.equal((await last.post('/session/login', { login: OWNER, password: PASSWORD })).status, 201)
    t.equal(newestIdentifier(first), before, 'plex.tv sees the device it knows')
  }
)

t.test('rule 93: a change of cookie domain signs out once, and a fresh sign-in holds', async (t) => {
  const domains = [undefined, 'example.com', undefined, 'auth.example.com', 'example.com']
  let before: TestUsher | undefined
  let browser: Browser | undefined
  for (const domain of domains) {
    const usher: TestUsher = await behindTls(t, { USHER_COOKIE_DOMAIN: domain }, before)
    if (before !== undefined && browser !== undefined) {
      // A browser keeps what no answer could clear; both are sent from now on.
      const next = movedTo(usher, browser)
      const device = next.jar.get('__Host-usher-device')
      const refused = await get(next, '/session')
      t.equal(refused.status, 401)
      t.equal((await signIn(next)).status, 201, `${domain}`)
      t.equal((await get(next, '/session')).status, 200)
      const stale = [...browser.jar].filter(([name]) => !name.includes('-device'))
      const both = [...stale, ...next.jar].map(([name, value]) => `${name}=${value}`).join('; ')
      const answer = await usher.browser().get('/session', { host: HOST, cookie: both })
      t.equal(answer.status, 200, 'the old one beside it changes nothing')
      t.ok(device !== undefined && next.jar.has('__Host-usher-device'))
      browser = next
    } else {
      browser = usher.browser()
      await signIn(browser)
      t.equal((await get(browser, '/session')).status, 200)
    }
    before = usher
  }
})

t.test('rule 93: what the setting before left is cleared where a server can', async (t) => {
  const plain = await behindTls(t, {})
  const browser = plain.browser()
  await signIn(browser)
  const wide = await behindTls(t, { USHER_COOKIE_DOMAIN: 'example.com' }, plain)
  const next = movedTo(wide, browser)
  const answer = await signIn(next)
  const gone = answer.setCookies.map(readSetCookie).filter(({ value }) => value === '')
  t.match(gone, [{ name: '__Host-usher', attributes: { path: '/', 'max-age': '0' } }])
  t.equal(gone.length, 1)
  const back = await behindTls(t, {}, wide)
  const last = movedTo(back, next)
  const cleared = (await last.post('/session/logout', undefined, { host: HOST })).setCookies
    .map(readSetCookie)
    .filter(({ name }) => name === '__Secure-usher')
  t.strictSame(
    cleared.map(({ attributes }) => attributes['domain']),
    [undefined, HOST, 'example.com']
  )
  t.ok(cleared.every(({ value, attributes }) => value === '' && 'secure' in attributes))
})

t.test('rule 93: nested deployments leave each other’s sessions alone', async (t) => {
  const above = await behindTls(t, { USHER_COOKIE_DOMAIN: 'example.com' })
  const nested = await startTestUsher(t, {
    simulator: above.simulator,
    settings: { USHER_PUBLIC_URL: `https://${HOST}`, USHER_COOKIE_DOMAIN: HOST }
  })
  const [outer, inner] = [above.browser(), nested.browser()]
  await signIn(outer)
  await signIn(inner, FRIEND)
  const values = [outer, inner].map(({ jar }) => `__Secure-usher=${jar.get('__Secure-usher')}`)
  for (const cookie of [values.join('; '), values.toReversed().join('; ')]) {
    const one = await above.browser().get('/session', { host: HOST, cookie })
    t.match(one.json, { account: { email: OWNER } })
    const two = await nested.browser().get('/session', { host: HOST, cookie })
    t.match(two.json, { account: { email: FRIEND } })
    const out = await nested.browser().ask('/session', { headers: { host: HOST, cookie: values[0] ?? '' } })
    t.equal(out.status, 401)
    t.ok(
      out.setCookies.map(readSetCookie).every(({ attributes }) => attributes['domain'] === HOST),
      'only its own scope is cleared'
    )
  }
})
