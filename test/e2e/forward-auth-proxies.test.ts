import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:tls'
import { chromium } from 'playwright-core'
import t from 'tap'
import { WebSocket } from 'ws'
import { parse, parseAllDocuments } from 'yaml'
import { COOKIE, DEEP_LINK, HOUR, HTML, IDENTITY, startStage } from '../support/forward-auth.ts'
import { requireProgram, skipWithout } from '../support/programs.ts'
import {
  APP_HOST,
  ask,
  type Echo,
  PHOTOS_HOST,
  type Site,
  type SiteAnswer,
  startCaddySite,
  startEchoApp,
  startHaproxySite,
  startNginxSite,
  USHER_HOST
} from '../support/site.ts'
import { until } from '../support/until.ts'
import { PASSWORD } from '../support/usher.ts'
import { openPage } from './support/browser.ts'

/** `demands`: what an operator changes in the example to demand a role or an assertion. */
const PROXIES = [
  {
    name: 'nginx',
    start: startNginxSite,
    demands: (query: string) => ({ "set $usher_demands '';": `set $usher_demands '${query}';` }),
    appHeaders: { '#auth_request_set': 'auth_request_set', '#proxy_set_header': 'proxy_set_header' }
  },
  {
    name: 'caddy',
    start: startCaddySite,
    demands: (query: string) => ({
      'uri /session/verify?redirect=1': `uri /session/verify?redirect=1&${query}`
    }),
    appHeaders: { '#copy_headers': 'copy_headers', '#request_header': 'request_header' }
  },
  {
    name: 'haproxy',
    start: startHaproxySite,
    demands: (query: string) => ({ 'lua.usher -': `lua.usher ${query}` }),
    appHeaders: { 'local APP_HEADERS = {}': 'local APP_HEADERS = { "X-Api-Key" }' }
  }
] as const

/** `app` is for everybody who may sign in, `photos` for the owner alone. */
const APPS = JSON.stringify([
  { id: 'app', name: 'App', url: `https://${APP_HOST}`, hosts: [APP_HOST] },
  {
    id: 'photos',
    name: 'Photos',
    url: `https://${PHOTOS_HOST}`,
    hosts: [PHOTOS_HOST],
    access: { roles: ['owner'] },
    headers: { 'X-Api-Key': 'key-of-the-photos' }
  }
])

/** One sign-in through the proxy; gives the Cookie header. */
async function signInThrough(site: Site, login = 'sim@example.com'): Promise<string> {
  const answer = await ask(site, USHER_HOST, '/session/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
    body: JSON.stringify({ login, password: PASSWORD })
  })
  if (answer.status !== 201) throw new Error(`sign-in answered ${answer.status} ${answer.text}`)
  return (answer.headers['set-cookie'] ?? []).map((line) => line.split(';', 1)[0]).join('; ')
}

/** The SHA-256 of a certificate's public key, base64. */
function hashOfKey(cert: string): string {
  const key = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(key).digest('base64')
}

/** A header's name with an underscore for one or more of its hyphens. */
function spellingsOf(header: string): readonly string[] {
  const [first = '', ...rest] = header.split('-')
  return rest
    .reduce((all, part) => all.flatMap((name) => [`${name}-${part}`, `${name}_${part}`]), [first])
    .filter((name) => name.includes('_'))
}

function echoOf(answer: SiteAnswer): Echo {
  if (answer.status !== 200) throw new Error(`the app was not reached: ${answer.status} ${answer.text}`)
  return JSON.parse(answer.text) as Echo
}

for (const { name, start, demands, appHeaders } of PROXIES) {
  t.test(`behind ${name}`, { skip: skipWithout(name) }, async (t) => {
    const stage = await startStage(t, { USHER_APPS: APPS })
    const { usher } = stage
    const app = await startEchoApp(t)
    const addresses = { usher: new URL(usher.publicUrl).host, app: app.address }
    const site = await start(t, addresses)
    const guarded = (query: string) => start(t, { ...addresses, changes: demands(query) })
    const cookie = await signInThrough(site)

    t.test('a navigation without a session is sent to sign in, and back where it was going', async (t) => {
      const before = app.count
      const answer = await ask(site, APP_HOST, '/shelf?sort=title&ids=1,2', { headers: { accept: HTML } })
      t.equal(answer.status, 302)
      t.equal(answer.headers.location, DEEP_LINK)
      t.equal(app.count, before)
    })

    t.test('a fetch or a POST without a session is 401', async (t) => {
      const before = app.count
      const asks = [
        { headers: { accept: '*/*' } },
        { headers: { accept: HTML, 'sec-fetch-mode': 'cors' } },
        { method: 'POST', headers: { accept: HTML, 'content-type': 'text/plain' }, body: 'a=1' },
        { method: 'DELETE', headers: { accept: HTML } }
      ]
      for (const options of asks) {
        const answer = await ask(site, APP_HOST, '/api', options)
        t.equal(answer.status, 401, JSON.stringify(options))
        t.equal(answer.headers.location, undefined)
        t.equal(JSON.parse(answer.text).code, 'USHER_SESSION_REQUIRED')
      }
      t.equal(app.count, before)
    })

    t.test('the app learns who is there, and not the session', async (t) => {
      const headers = { cookie: `lang=en; ${cookie}; a=1`, 'content-type': 'text/plain' }
      const answer = await ask(site, APP_HOST, '/api?x=1', { method: 'POST', headers, body: 'hello' })
      const echo = echoOf(answer)
      t.match(echo, { method: 'POST', url: '/api?x=1', body: 'hello' })
      t.match(echo.headers, {
        'remote-user': ['simuser'],
        'remote-name': ['simuser'],
        'remote-email': ['sim@example.com'],
        'remote-groups': ['owner'],
        'x-usher-account-id': ['13692262']
      })
      const cookies = String(echo.headers['cookie'])
      t.notMatch(cookies, new RegExp(`${COOKIE}=`))
      t.match(cookies, /lang=en/)
      t.match(cookies, /a=1/)
      t.match(answer.headers['set-cookie'], ['theme=dark'])
      const alone = echoOf(await ask(site, APP_HOST, '/', { headers: { cookie } }))
      t.notMatch(JSON.stringify(alone), /eyJ|(?:Host|Secure)-usher/)
    })

    t.test('rule 90: no cookie of Usher’s reaches the app, whatever its name', async (t) => {
      const others = [
        '__Host-usher',
        '__Host-usher-signin',
        '__Host-usher-device',
        '__Secure-usher-tv-signin'
      ]
      const own = ['lang=en', 'x__Host-usher=mine', 'usherette=1', 'quoted="a b"']
      for (const names of [others.slice(0, 1), others.slice(1, 3), others.slice(1)]) {
        const mixed = [
          own[0],
          cookie,
          ...names.flatMap((name) => [`${name}=secret`, own[1]]),
          ...own.slice(2)
        ]
        for (const header of [mixed, mixed.toReversed()]) {
          const echo = echoOf(await ask(site, APP_HOST, '/', { headers: { cookie: header.join('; ') } }))
          const text = String(echo.headers['cookie'])
          t.notMatch(text, /secret|eyJ/, names.join())
          for (const kept of own) t.ok(text.includes(kept), `${kept} in ${text}`)
        }
      }
      const many = Array.from({ length: 9 }, (_, index) => `__Host-usher-${index}=secret`)
      const flood = echoOf(
        await ask(site, APP_HOST, '/', { headers: { cookie: `${cookie}; ${many.join('; ')}` } })
      )
      t.notMatch(JSON.stringify(flood), /secret|eyJ/)
    })

    t.test('what a client says of itself never reaches the app', async (t) => {
      const renewed = name === 'caddy' ? ['X-Usher-Renewed'] : []
      const forged = [...IDENTITY, ...renewed].flatMap((header) => [
        header,
        'forged',
        header.toUpperCase(),
        'forged',
        header.replace('-', '_'),
        'forged',
        header.replaceAll('-', '_'),
        'forged'
      ])
      const inOrder = ['X-Usher-Account_Id', 'X_Usher-Assertion', 'x-usher_account-id'].flatMap((header) => [
        header,
        'forged'
      ])
      const list = `close, ${IDENTITY.join(', ')}`
      const more = ['Connection', list, 'Cookie', cookie]
      for (const headers of [
        [...forged, ...inOrder, 'Cookie', cookie],
        [...forged, ...more]
      ]) {
        const answer = await ask(site, APP_HOST, '/', { headers })
        const echo = echoOf(answer)
        t.notMatch(JSON.stringify({ ...echo.headers, connection: [] }), /forged/)
        t.notMatch(JSON.stringify(answer.headers['set-cookie']), /forged/)
        const user = echo.headers['remote-user'] ?? []
        // A client may have its own headers dropped, which leaves nobody, never somebody else.
        t.ok(user.length === 0 || (user.length === 1 && user[0] === 'simuser'), String(user))
      }
    })

    t.test('headers with nothing in them are overwritten too', async (t) => {
      const kid = await stage.signIn('kid')
      const forged = IDENTITY.flatMap((header) => [header, 'forged'])
      const { headers } = echoOf(
        await ask(site, APP_HOST, '/', { headers: [...forged, 'Cookie', kid.cookie] })
      )
      t.same(headers['remote-user'], ['88fad7ef5d91c202'])
      t.same(headers['remote-name'], ['Kid'])
      t.same(headers['remote-groups'], ['home'])
      t.equal((headers['remote-email'] ?? ['']).join(), '')
      t.equal((headers['x-usher-assertion'] ?? ['']).join(), '')
    })

    t.test('roles and audiences are demanded in the proxy’s own file', async (t) => {
      const owners = await guarded('role=owner')
      const friend = await stage.signIn('friend')
      const before = app.count
      const refused = await ask(owners, APP_HOST, '/?role=shared', { headers: { cookie: friend.cookie } })
      t.equal(refused.status, 403)
      const shown = await ask(owners, APP_HOST, '/shelf?sort=title&ids=1,2', {
        headers: { cookie: friend.cookie, accept: HTML }
      })
      t.equal(shown.status, 403)
      t.match(shown.text, /signed in as <b>/, 'a person sees a page')
      t.match(shown.text, encodeURIComponent(`https://${APP_HOST}/shelf?sort=title&ids=1,2`))
      t.equal(app.count, before)
      t.equal((await ask(owners, APP_HOST, '/', { headers: { cookie } })).status, 200)
      const unknown = await guarded('role=king')
      t.equal((await ask(unknown, APP_HOST, '/', { headers: { cookie } })).status, 403)
    })

    t.test('one rule serves all apps: the host says which, and who may open it', async (t) => {
      const both = await start(t, { ...addresses, changes: appHeaders })
      const friend = await stage.signIn('friend')
      const spellings = ['X-Api-Key', 'X_Api_Key', 'x-api_key'].flatMap((name) => [name, 'forged'])
      const forged = [...spellings, 'X-Forwarded-Host', APP_HOST]
      const at = (host: string, cookies: string) =>
        ask(both, host, '/', { headers: [...forged, 'Cookie', cookies] })
      const photos = echoOf(await at(PHOTOS_HOST, cookie))
      t.same(photos.headers['x-api-key'], ['key-of-the-photos'])
      t.same(photos.headers['remote-user'], ['simuser'])
      t.notMatch(JSON.stringify(photos.headers), /forged/)
      const before = app.count
      t.equal((await at(PHOTOS_HOST, friend.cookie)).status, 403, 'whatever it says of its host')
      t.equal(app.count, before)
      const other = echoOf(await at(APP_HOST, friend.cookie))
      t.same(other.headers['remote-groups'], ['shared'])
      t.equal((other.headers['x-api-key'] ?? ['']).join(), '', 'the key of the other app, and no forged one')
      t.notMatch(JSON.stringify(other.headers), /forged/)
    })

    t.test('apps find the provider of OpenID Connect through the proxy', async (t) => {
      for (const path of ['/.well-known/openid-configuration', '/oidc/jwks']) {
        const { status, headers } = await ask(site, USHER_HOST, path)
        t.equal(status, 404)
        t.match(headers['content-type'], /problem\+json/, 'of Usher, which has none here')
      }
    })

    t.test('the longest account, an assertion and a renewed cookie pass in one answer', async (t) => {
      const audience = await guarded('role=shared&audience=poster-wall')
      const browser = await stage.signIn('unicode')
      stage.advance(9 * HOUR)
      const answer = await ask(audience, APP_HOST, '/', { headers: { cookie: browser.cookie } })
      const { headers } = echoOf(answer)
      t.match(String(headers['remote-user']), /^Zoë Ünïcödé 漢字 🎬/)
      const opened = usher.core.assertions.open(String(headers['x-usher-assertion']), 'poster-wall')
      t.match(opened, { account: { id: 9_007_199_254_740_991 } })
      const cookies = answer.headers['set-cookie'] ?? []
      t.ok(
        cookies.some((line) => line.startsWith(`${COOKIE}=`)),
        'the session was renewed'
      )
      t.ok(cookies.includes('theme=dark'), 'and the app set its own')
      t.equal(headers['x-usher-renewed'], undefined)
    })

    t.test('malformed and huge cookies are 401, odd claims lead nowhere', async (t) => {
      const cookies = [
        `${COOKIE}=x`,
        `${COOKIE}=`,
        `${COOKIE}=${'A'.repeat(7000)}`,
        ';;=;',
        `${COOKIE}=x; ${COOKIE}=y`,
        `other=${'A'.repeat(7000)}`,
        `${COOKIE}=\u00ff\u00fe`
      ]
      for (const value of cookies) {
        const answer = await ask(site, APP_HOST, '/', { headers: { cookie: value } })
        t.equal(answer.status, 401, value.slice(0, 60))
        const page = await ask(site, APP_HOST, '/', { headers: { cookie: value, accept: HTML } })
        t.equal(page.status, 302, value.slice(0, 60))
      }
      const twice = await ask(site, APP_HOST, '/', { headers: { cookie: `${cookie}; ${cookie}` } })
      t.equal(twice.status, 200, 'the same value twice says one thing')
      for (const value of [`${cookie}; ${COOKIE}=x`, `${COOKIE}=x; ${cookie}`]) {
        const tossed = await ask(site, APP_HOST, '/', { headers: { cookie: value } })
        t.equal(tossed.status, 200, 'one that does not open here is none')
        t.notMatch(String(echoOf(tossed).headers['cookie']), /__Secure-usher/)
      }
      t.notMatch(String(echoOf(twice).headers['cookie']), new RegExp(`${COOKIE}=`))
      const big = Array.from({ length: 3 }, (_, index) => [
        'Cookie',
        `other${index}=${'A'.repeat(6000)}`
      ]).flat()
      const anonymous = await ask(site, APP_HOST, '/', { headers: big })
      t.ok([401, 431].includes(anonymous.status), `${anonymous.status}`)
      const claims = {
        accept: HTML,
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'http',
        'x-forwarded-uri': '//evil.example/',
        'x-forwarded-method': 'GET',
        'x-forwarded-for': '127.0.0.1',
        'x-original-url': '/session/login',
        'x-original-uri': '/healthz'
      }
      const answer = await ask(site, APP_HOST, '/shelf?sort=title&ids=1,2', { headers: claims })
      t.equal(answer.status, 302)
      t.equal(answer.headers.location, DEEP_LINK)
      t.equal((await ask(site, APP_HOST, '/', { method: 'POST', headers: claims })).status, 401)
    })

    t.test('a WebSocket of the app is let in with its session alone', async (t) => {
      const open = (headers: Record<string, string>) => {
        const socket = new WebSocket(
          `wss://${APP_HOST}:${site.port}/live`,
          socketOptions(site, APP_HOST, headers)
        )
        t.teardown(() => socket.terminate())
        return socket
      }
      const socket = open({ cookie, 'Remote-User': 'forged' })
      const [hello] = await once(socket, 'message')
      t.equal(String(hello), 'simuser')
      const refused = open({ 'Remote-User': 'forged' })
      const [error] = await once(refused, 'error')
      t.match(String(error), /Unexpected server response: 401/)
    })

    t.test('notifications of the media server come through, by event stream and by WebSocket', async (t) => {
      const headers = { cookie, 'sec-fetch-site': 'same-origin' }
      const path = '/pms/:/websockets/notifications'
      const socket = new WebSocket(`wss://${USHER_HOST}:${site.port}${path}`, {
        ...socketOptions(site, USHER_HOST, headers)
      })
      t.teardown(() => socket.terminate())
      await once(socket, 'open')
      const message = once(socket, 'message')
      await until(() => usher.simulator.pms.sockets() > 0, 'the media server has the socket')
      usher.simulator.pms.push('playing', { state: 'playing', key: '/library/metadata/7' })
      t.match(String((await message)[0]), /library\/metadata\/7/)

      const stream = connect({ host: '127.0.0.1', port: site.port, servername: USHER_HOST, ca: site.cert })
      t.teardown(() => stream.destroy())
      await once(stream, 'secureConnect')
      const lines = Object.entries(headers).map(([field, value]) => `${field}: ${value}\r\n`)
      let heard = ''
      stream.on('data', (chunk: Buffer) => {
        heard += chunk.toString()
      })
      stream.write(
        `GET /pms/:/eventsource/notifications HTTP/1.1\r\nHost: ${USHER_HOST}\r\n${lines.join('')}\r\n`
      )
      await until(() => usher.simulator.pms.streams() > 0, 'the stream is open')
      usher.simulator.pms.push('playing', { state: 'paused', key: '/library/metadata/8' })
      await until(() => heard.includes('/library/metadata/8'), 'the notification arrives')
      t.match(heard, /^HTTP\/1\.1 200/)
      t.match(heard, /text\/event-stream/)
    })

    t.test('plex.tv away past the grace is 403, and the session is there when it is back', async (t) => {
      await usher.simulator.plexDown()
      stage.advance(26 * HOUR)
      t.equal((await ask(site, APP_HOST, '/', { headers: { cookie } })).status, 403)
      await usher.simulator.plexUp()
      // After a failure plex.tv is left in peace for a moment.
      stage.advance(60_000)
      t.equal((await ask(site, APP_HOST, '/', { headers: { cookie } })).status, 200)
    })

    t.test('who signs out is out at once', async (t) => {
      const out = await ask(site, USHER_HOST, '/session/logout', {
        method: 'POST',
        headers: { cookie, 'sec-fetch-site': 'same-origin' }
      })
      t.equal(out.status, 204)
      const before = app.count
      t.equal((await ask(site, APP_HOST, '/', { headers: { cookie } })).status, 401)
      t.equal(app.count, before)
    })

    t.test('Usher away lets nobody in', async (t) => {
      const dead = await start(t, { ...addresses, usher: '127.0.0.1:9' })
      const answer = await ask(dead, APP_HOST, '/', { headers: { cookie } })
      t.ok(answer.status >= 500, `${answer.status}`)
    })
  })
}

function socketOptions(site: Site, host: string, headers: Record<string, string>) {
  return {
    ca: site.cert,
    servername: host,
    headers: { Host: host, ...headers },
    lookup: (_name: string, options: { all?: boolean }, done: (...results: unknown[]) => void) =>
      options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)
  }
}

t.test('the files for Traefik and Envoy are YAML and name every identity header', async (t) => {
  for (const file of ['traefik/traefik.yml', 'traefik/dynamic.yml', 'envoy/envoy.yaml']) {
    const example = await readFile(new URL(`../../examples/${file}`, import.meta.url), 'utf8')
    const documents = parseAllDocuments(example)
    t.equal(documents.length, 1)
    t.same(
      documents.flatMap(({ errors, warnings }) => [...errors, ...warnings]),
      [],
      file
    )
    if (file === 'traefik/traefik.yml') continue
    // The only one that has to name each spelling which WSGI and CGI read as the same: the others drop them all.
    const spellings = file === 'traefik/dynamic.yml' ? IDENTITY.flatMap(spellingsOf) : []
    for (const spelling of spellings) t.match(example.toLowerCase(), `\n          ${spelling}: ""\n`)
    for (const header of IDENTITY)
      t.match(example.toLowerCase(), `- ${file.startsWith('envoy') ? '{ exact: ' : ''}${header}`)
  }
})

t.test('the files to include say what the tested file says', async (t) => {
  const read = (file: string) => readFile(new URL(`../../examples/${file}`, import.meta.url), 'utf8')
  const linesOf = (text: string) =>
    text.split('\n').flatMap((line) => (/^\s*(?:#.*)?$/.test(line) ? [] : [line.trim()]))
  const tested = new Set(linesOf(await read('nginx/nginx.conf')))
  for (const part of ['http', 'server', 'location']) {
    const lines = linesOf(await read(`nginx-includes/usher-${part}.conf`))
    t.ok(lines.length > 5)
    t.strictSame(
      lines.filter((line) => !tested.has(line)),
      [],
      part
    )
  }
})

t.test('the labels for Traefik name every identity header', async (t) => {
  const page = await readFile(new URL('../../docs/proxies.md', import.meta.url), 'utf8')
  const text = /^```yaml\n(.*?)^```/ms.exec(page)?.[1] ?? ''
  const { services } = parse(text) as { services: Record<string, { labels: string[] }> }
  const labels = services['usher']?.labels ?? []
  const sent = labels.find((label) => label.includes('authResponseHeaders='))?.split('=')[1] ?? ''
  t.strictSame(sent.toLowerCase().split(','), [...IDENTITY])
})

t.test('the files for Traefik and Envoy keep every cookie of Usher’s from the app', async (t) => {
  const read = (file: string) => readFile(new URL(`../../examples/${file}`, import.meta.url), 'utf8')
  const plugin = 'traefik/plugins-local/src/usher.example/cookies'
  for (const file of ['envoy/envoy.yaml', `${plugin}/cookies.go`]) {
    const text = (await read(file)).replaceAll('%-', '-')
    t.match(text, '__Host-usher', file)
    t.match(text, '__Secure-usher', file)
  }
  const fixed = parse(await read('traefik/traefik.yml')) as {
    experimental: { localPlugins: Record<string, { moduleName: string }> }
  }
  const { http } = parse(await read('traefik/dynamic.yml')) as {
    http: {
      routers: Record<string, { middlewares?: string[] }>
      middlewares: Record<string, { plugin?: Record<string, object> }>
    }
  }
  const [[name, { moduleName }] = ['', { moduleName: '' }]] = Object.entries(fixed.experimental.localPlugins)
  t.match(await read(`${plugin}/.traefik.yml`), `import: ${moduleName}\n`)
  t.match(await read(`${plugin}/go.mod`), `module ${moduleName}\n`)
  const last = http.routers['app']?.middlewares?.at(-1) ?? ''
  t.ok(name in (http.middlewares[last]?.plugin ?? {}), 'after the check, which needs the cookie')
})

t.test(
  'the frontend signs in through Usher and browses the library without a token',
  { skip: skipWithout('nginx', 'chromium') },
  async (t) => {
    const stage = await startStage(t)
    const app = await startEchoApp(t)
    const usher = new URL(stage.usher.publicUrl).host
    const site = await startNginxSite(t, { usher, app: app.address })
    const browser = await chromium.launch({
      timeout: 180_000,
      executablePath: requireProgram('chromium'),
      args: [
        '--no-sandbox',
        `--host-resolver-rules=MAP ${USHER_HOST}:443 127.0.0.1:${site.port}`,
        // Trusts this key. With errors ignored for the page, Chromium starts each request anew and at times gives up.
        `--ignore-certificate-errors-spki-list=${hashOfKey(site.cert)}`
      ]
    })
    t.teardown(() => browser.close())
    const { page, complaints } = await openPage(browser)
    await page.goto(`https://${USHER_HOST}/`)
    const signIn = page.getByRole('link', { name: 'Sign in' })
    t.equal(await signIn.getAttribute('href'), '/signin?returnTo=/')
    await signIn.click()
    await page.waitForURL(/\/signin/)
    const status = await page.evaluate(async (password) => {
      const answer = await fetch('/session/login', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ login: 'sim@example.com', password })
      })
      return answer.status
    }, PASSWORD)
    t.equal(status, 201)
    await page.goto(`https://${USHER_HOST}/`)
    await page.getByText('simuser, owner').waitFor()
    await page.getByRole('button', { name: 'Movies' }).click()
    await page.locator('#items li img').first().waitFor()
    const width = await page.evaluate(
      "document.querySelector('#items img').decode().then(() => document.querySelector('#items img').naturalWidth)"
    )
    t.ok(Number(width) > 0, 'the picture came through /pms')
    t.equal(await page.evaluate('document.cookie'), '', 'a script sees no cookie')
    t.notMatch(await page.content(), /-tok-/)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await signIn.waitFor()
    t.equal(await page.locator('#items li').count(), 0)
    t.same(complaints, [])
  }
)
