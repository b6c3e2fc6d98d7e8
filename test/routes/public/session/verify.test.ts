import { createHash } from 'node:crypto'
import t from 'tap'
import { renderDeniedPage } from '../../../../routes/public/signin/denied-page.ts'
import { createLanguages } from '../../../../routes/public/signin/language.ts'
import type { AccountKey } from '../../../simulator/accounts.ts'
import {
  COOKIE,
  DEEP_LINK,
  HOUR,
  HTML,
  IDENTITY,
  navigation,
  SIGN_IN,
  startStage
} from '../../../support/forward-auth.ts'
import { fc } from '../../../support/properties.ts'
import { sendRaw } from '../../../support/raw.ts'
import { APP_HOST, USHER_HOST } from '../../../support/site.ts'

/** A header's octets read as UTF-8. */
function text(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? Buffer.from(value, 'latin1').toString() : undefined
}

t.test('the verify endpoint', async (t) => {
  const stage = await startStage(t)
  const { usher } = stage

  t.test('tells who is signed in, in every identity header', async (t) => {
    const browser = await stage.signIn()
    const answer = await browser.get('/session/verify')
    t.equal(answer.status, 204)
    t.match(answer.headers, {
      'remote-user': 'simuser',
      'remote-name': 'simuser',
      'remote-email': 'sim@example.com',
      'remote-groups': 'owner',
      'x-usher-account-id': '13692262',
      'x-usher-assertion': '',
      'cache-control': 'no-store'
    })
    t.equal(answer.text, '')
  })

  t.test('names a managed user by its uuid and leaves no header out', async (t) => {
    const { headers } = await (await stage.signIn('kid')).get('/session/verify')
    t.equal(headers['remote-user'], '88fad7ef5d91c202')
    t.equal(headers['remote-name'], 'Kid')
    t.equal(headers['remote-email'], '')
    t.equal(headers['remote-groups'], 'home')
    t.equal(headers['x-usher-account-id'], '23456')
    t.equal(headers['x-usher-assertion'], '')
  })

  t.test('sends names beyond ASCII as UTF-8', async (t) => {
    const account = usher.simulator.accounts.list().find(({ key }) => key === 'unicode')
    const { headers } = await (await stage.signIn('unicode')).get('/session/verify')
    t.ok(account?.username.startsWith(text(headers['remote-user']) ?? '-'))
    t.match(text(headers['remote-user']), /^Zoë Ünïcödé 漢字 🎬/)
    t.match(text(headers['remote-name']), /^Zoë Ünïcödé 漢字 🎬/)
  })

  t.test('keeps the headers of the longest account, assertion and all, below 3 KB', async (t) => {
    const browser = await stage.signIn('unicode')
    const { headers } = await browser.get('/session/verify?audience=poster-wall')
    t.not(headers['x-usher-assertion'], '')
    const bytes = IDENTITY.reduce((sum, name) => sum + name.length + 4 + String(headers[name]).length, 0)
    t.ok(bytes < 3072, `${bytes} bytes`)
    t.ok(bytes > 1200, `${bytes} bytes are not the longest account`)
  })

  t.test('leaves an assertion out that would not fit a proxy’s buffer', async (t) => {
    usher.simulator.presetSecrets('fri', `sim-fri-tok-${'A'.repeat(2000)}`)
    const browser = await stage.signIn('friend')
    const answer = await browser.get('/session/verify?audience=poster-wall')
    t.equal(answer.status, 204)
    t.equal(answer.headers['remote-user'], 'friend')
    t.equal(answer.headers['x-usher-assertion'], '')
  })

  t.test('makes an assertion for the service that is named, and for nobody unknown', async (t) => {
    const browser = await stage.signIn()
    const { headers } = await browser.get('/session/verify?audience=poster-wall')
    const opened = usher.core.assertions.open(String(headers['x-usher-assertion']), 'poster-wall')
    t.match(opened, { account: { id: 13_692_262 } })
    const unknown = await browser.get('/session/verify?audience=nobody')
    t.equal(unknown.status, 204)
    t.equal(unknown.headers['x-usher-assertion'], '')
  })

  t.test('lets nobody in below the role that is demanded', async (t) => {
    const roles: [AccountKey, string[], string[]][] = [
      ['owner', ['shared', 'home', 'owner'], []],
      ['member', ['shared', 'home'], ['owner']],
      ['friend', ['shared'], ['home', 'owner']]
    ]
    for (const [key, allowed, refused] of roles) {
      const browser = await stage.signIn(key)
      for (const role of allowed) t.equal((await browser.get(`/session/verify?role=${role}`)).status, 204)
      for (const role of [...refused, 'none', 'admin', 'OWNER', '', 'owner,shared', '__proto__']) {
        const answer = await browser.get(`/session/verify?role=${role}`)
        t.equal(answer.status, 403, `${key} as ${role}`)
        t.equal(answer.json.code, 'USHER_SERVER_ACCESS_DENIED')
        for (const name of IDENTITY) t.notOk(name in answer.headers, `${name} only where allowed`)
      }
    }
  })

  t.test('refuses a query that says two things', async (t) => {
    const browser = await stage.signIn()
    for (const query of ['role=shared&role=owner', 'audience=a&audience=b', `role=${'o'.repeat(99)}`]) {
      t.equal((await browser.get(`/session/verify?${query}`)).status, 403, query)
    }
  })

  t.test('sends a navigation to the sign-in page with the way back, where asked to', async (t) => {
    const browser = usher.browser()
    const answer = await browser.get('/session/verify?redirect=1', navigation())
    t.equal(answer.status, 302)
    t.equal(answer.headers.location, DEEP_LINK)
    for (const name of IDENTITY) t.notOk(name in answer.headers)
    t.equal((await browser.get('/session/verify', navigation())).status, 401, 'nginx wants 401')
    t.equal((await browser.get('/session/verify?redirect=0', navigation())).status, 401)
    const own = navigation({ 'x-forwarded-host': USHER_HOST, 'x-forwarded-uri': '/' })
    const home = await browser.get('/session/verify?redirect=1', own)
    t.equal(home.headers.location, `${SIGN_IN}?returnTo=%2F`, 'its own origin is not repeated')
  })

  t.test('answers 401, never a redirect, to what is not a navigation', async (t) => {
    const others: Record<string, string | undefined>[] = [
      { 'x-forwarded-method': 'POST' },
      { 'x-forwarded-method': 'HEAD' },
      { 'x-forwarded-method': undefined },
      { 'x-forwarded-method': 'get' },
      { accept: 'application/json' },
      { accept: '*/*' },
      { accept: undefined },
      { 'sec-fetch-mode': 'cors' },
      { 'sec-fetch-mode': 'no-cors' }
    ]
    for (const changes of others) {
      const answer = await usher.browser().get('/session/verify?redirect=1', navigation(changes))
      t.equal(answer.status, 401, JSON.stringify(changes))
      t.equal(answer.json.code, 'USHER_SESSION_REQUIRED')
    }
    const opened = navigation({ 'sec-fetch-mode': 'navigate' })
    t.equal((await usher.browser().get('/session/verify?redirect=1', opened)).status, 302)
  })

  t.test('rule 35: leads back to listed origins alone, whatever X-Forwarded-* says', async (t) => {
    const others: Record<string, string | undefined>[] = [
      { 'x-forwarded-host': 'evil.example' },
      { 'x-forwarded-host': `${APP_HOST}.evil.example` },
      { 'x-forwarded-host': `${APP_HOST}@evil.example` },
      { 'x-forwarded-host': `evil.example, ${APP_HOST}, evil.example` },
      { 'x-forwarded-host': `${APP_HOST}:8443` },
      { 'x-forwarded-host': `${APP_HOST}/x` },
      { 'x-forwarded-host': undefined },
      { 'x-forwarded-host': `${APP_HOST}:80` },
      { 'x-forwarded-proto': 'http' },
      { 'x-forwarded-proto': 'javascript' },
      { 'x-forwarded-proto': 'http, https' },
      { 'x-forwarded-proto': undefined },
      { 'x-forwarded-uri': '@evil.example/' },
      { 'x-forwarded-uri': '.evil.example/' },
      { 'x-forwarded-uri': 'https://evil.example/' },
      { 'x-forwarded-uri': '/a\\b' },
      { 'x-forwarded-uri': '/%0d%0aSet-Cookie:x' },
      { 'x-forwarded-uri': '/a b' },
      { 'x-forwarded-uri': `/${'a'.repeat(3000)}` },
      { 'x-forwarded-uri': '' },
      { 'x-forwarded-uri': undefined },
      { 'x-forwarded-host': USHER_HOST, 'x-forwarded-uri': '//evil.example/' },
      { 'x-forwarded-host': USHER_HOST, 'x-forwarded-uri': '/\\evil.example/' }
    ]
    for (const changes of others) {
      const answer = await usher.browser().get('/session/verify?redirect=1', navigation(changes))
      t.equal(answer.status, 302, JSON.stringify(changes))
      t.equal(answer.headers.location, SIGN_IN, JSON.stringify(changes))
    }
    const nearest = navigation({ 'x-forwarded-host': `evil.example, ${APP_HOST}` })
    const answer = await usher.browser().get('/session/verify?redirect=1', nearest)
    t.equal(answer.headers.location, DEEP_LINK, 'of several proxies the nearest is believed')
  })

  t.test('keeps the deep link in every spelling of the app’s origin', async (t) => {
    const spellings: Record<string, string>[] = [
      { 'x-forwarded-host': `${APP_HOST}:443` },
      { 'x-forwarded-host': APP_HOST.toUpperCase() },
      { 'x-forwarded-proto': 'HTTPS' },
      { 'x-forwarded-proto': 'https, http' },
      { 'x-forwarded-proto': 'https,http,http' },
      { 'x-forwarded-for': '203.0.113.7:51234' },
      { 'x-forwarded-for': '[2001:db8::7]:51234' },
      { 'x-forwarded-for': '203.0.113.7:51234, 127.0.0.1:8080' }
    ]
    for (const changes of spellings) {
      const answer = await usher.browser().get('/session/verify?redirect=1', navigation(changes))
      t.equal(answer.headers.location, DEEP_LINK, JSON.stringify(changes))
    }
  })

  t.test('shows a person who is refused who they are and the way to another account', async (t) => {
    const browser = await stage.signIn('friend')
    const headers = { ...navigation(), 'sec-fetch-mode': 'navigate' }
    const page = await browser.get('/session/verify?role=owner', headers)
    t.equal(page.status, 403)
    t.match(page.headers['content-type'], /^text\/html/)
    t.equal(page.headers['cache-control'], 'no-store')
    t.match(page.text, /signed in as <b>[^<]*friend[^<]*<\/b>/i)
    t.match(page.text, /a person this media server is shared with/)
    t.match(page.text, `href="${DEEP_LINK}&amp;again=1"`)
    t.notMatch(page.text, /<script|<img|<link|<form|onload|javascript:/i)
    const style = /<style>(.*?)<\/style>/s.exec(page.text)?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    t.match(
      page.headers['content-security-policy'],
      `default-src 'none'; style-src 'sha256-${hash}'; form-action 'none'; frame-ancestors 'none'`
    )
    for (const name of IDENTITY) t.notOk(name in page.headers, name)
    t.ok(
      usher.logs.some(({ msg, accountId, address }) => msg === 'access refused' && accountId && address),
      'the log says whom'
    )
    for (const changes of [
      { accept: 'application/json' },
      { 'x-forwarded-method': 'POST' },
      { 'sec-fetch-mode': 'cors' },
      { 'x-forwarded-method': undefined }
    ]) {
      const answer = await browser.get('/session/verify?role=owner', { ...headers, ...changes })
      t.equal(answer.json.code, 'USHER_SERVER_ACCESS_DENIED', JSON.stringify(changes))
    }
    t.match(page.text, '<html lang="en" dir="ltr">')
    const television = await browser.get('/session/verify?role=owner', {
      ...headers,
      'user-agent': 'Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 TV Safari/537.36'
    })
    t.match(television.text, '<html lang="en" dir="ltr" class="television">', 'in large letters')
    const envoy = await browser.get('/session/verify/ext-authz/role=owner/shelf?sort=title&ids=1,2', headers)
    t.equal(envoy.status, 403)
    t.match(envoy.text, `href="${DEEP_LINK}&amp;again=1"`)
  })

  t.test('a name is text on that page, whatever it holds', async (t) => {
    const markup = { title: '<img src=x onerror=alert(1)>"&\'', username: '</b><script>' }
    const page = renderDeniedPage({
      language: createLanguages().find('en'),
      brand: '<Usher>',
      reason: 'outage',
      account: markup,
      role: 'home',
      television: false,
      signInHref: 'https://usher.example/signin?a="><script>'
    })
    t.notMatch(page, /<img|<script|<Usher/)
    t.match(page, /&lt;img src=x onerror=alert\(1\)&gt;&quot;&amp;&#39;/)
    t.match(page, /cannot be checked right now/)
    t.match(page, '<a href="">Try again</a>', 'which is what helps after an outage')
  })

  t.test('rule 36: no secret rides in a redirect', async (t) => {
    const browser = await stage.signIn()
    const cookie = browser.cookie
    await browser.post('/session/logout', {}, { host: USHER_HOST })
    const answer = await usher.browser().get('/session/verify?redirect=1', navigation({ cookie }))
    t.equal(answer.headers.location, DEEP_LINK)
    t.notOk(DEEP_LINK.includes(cookie.split('=')[1]?.slice(0, 20) ?? ''))
  })

  t.test('rule 51: without a trusted proxy there is no way back and no other host', async (t) => {
    const strict = await startStage(t, { USHER_TRUSTED_PROXIES: '' })
    const other = await startStage(t, { USHER_TRUSTED_PROXIES: '192.0.2.1' })
    for (const { usher } of [strict, other]) {
      const answer = await usher.browser().get('/session/verify?redirect=1', navigation())
      t.equal(answer.status, 302)
      t.equal(answer.headers.location, SIGN_IN)
    }
    const direct = await usher
      .browser()
      .get('/session/verify?redirect=1', navigation({ 'x-forwarded-for': undefined }))
    t.equal(direct.headers.location, SIGN_IN, 'a peer that names no client is no proxy')
  })

  t.test('lets a session out at once when it is signed out', async (t) => {
    const browser = await stage.signIn()
    const cookie = browser.cookie
    t.equal((await browser.get('/session/verify')).status, 204)
    await browser.post('/session/logout', {}, { host: USHER_HOST })
    const copied = await usher.browser().get('/session/verify', { cookie })
    t.equal(copied.status, 401)
    t.equal(copied.json.code, 'USHER_SESSION_REVOKED')
    t.match(copied.setCookies[0], /^__Secure-usher=; .*Max-Age=0/)
  })

  t.test('ends a session whose access is gone when the re-check past the grace says so', async (t) => {
    const browser = await stage.signIn('friend')
    usher.simulator.tokens.revokeAccount('friend')
    stage.advance(25 * HOUR)
    const answer = await browser.get('/session/verify')
    t.equal(answer.status, 401)
    t.equal(answer.json.code, 'USHER_SESSION_REVOKED')
    t.match(answer.setCookies[0], /^__Secure-usher=; .*Max-Age=0/, 'the cookie is cleared, not renewed')
  })

  t.test('refuses while plex.tv is away past the grace, and keeps the session', async (t) => {
    const browser = await stage.signIn()
    await usher.simulator.plexDown()
    stage.advance(23 * HOUR)
    t.equal((await browser.get('/session/verify')).status, 204, 'within the grace')
    stage.advance(2 * HOUR)
    const answer = await browser.get('/session/verify')
    t.equal(answer.status, 403)
    t.equal(answer.json.code, 'USHER_SERVER_ACCESS_DENIED')
    t.match(answer.json.detail, /plex\.tv cannot be reached/)
    for (const name of IDENTITY) t.notOk(name in answer.headers)
    t.ok(browser.jar.has(COOKIE))
    await usher.simulator.plexUp()
    stage.advance(5000)
    t.equal((await browser.get('/session/verify')).status, 204)
  })
})

t.test('rule 62: nothing but 204, 302, 401 and 403', async (t) => {
  const stage = await startStage(t, { USHER_ALLOWED_ORIGINS: 'https://frontend.example.com' })
  const { usher } = stage
  const browser = await stage.signIn()
  const good = browser.jar.get(COOKIE) ?? ''
  const base = usher.publicUrl

  t.test('a malformed, foreign or huge cookie is 401', async (t) => {
    const cookies = [
      `${COOKIE}=`,
      `${COOKIE}=x`,
      `${COOKIE}=${good.slice(0, -1)}`,
      `${COOKIE}=${good}x`,
      `${COOKIE}=other; ${COOKIE}=another`,
      `${COOKIE}=%00%ff`,
      `${COOKIE}="${good}"`,
      `${COOKIE}=${'A'.repeat(12_000)}`,
      `${COOKIE}=${'.'.repeat(12_000)}`,
      `__Host-usher-device=${browser.jar.get('__Host-usher-device')}`,
      `${COOKIE}=${browser.jar.get('__Host-usher-device')}`,
      `usher=${good}`,
      `__host-usher=${good}`,
      ';;;===;',
      '\u00ff\u00fe',
      'a'.repeat(14_000)
    ]
    for (const cookie of cookies) {
      const answer = await usher.browser().get('/session/verify', { cookie })
      t.equal(answer.status, 401, cookie.slice(0, 60))
    }
  })

  t.test('no User-Agent passes for a health check', async (t) => {
    for (const agent of ['GoogleHC/1.0', 'kube-probe/1.30', 'ELB-HealthChecker/2.0', 'Envoy/HC', '']) {
      t.equal((await usher.browser().get('/session/verify', { 'user-agent': agent })).status, 401, agent)
    }
  })

  t.test('odd forwarding headers let nobody in', async () => {
    const names = [
      'x-forwarded-uri',
      'x-forwarded-host',
      'x-forwarded-proto',
      'x-forwarded-for',
      'x-forwarded-method',
      'x-forwarded-prefix',
      'x-forwarded-port',
      'x-original-url',
      'x-original-uri',
      'x-original-method',
      'x-rewrite-url',
      'x-real-ip',
      'forwarded',
      'x-http-method-override',
      'x-auth-request-redirect',
      'remote-user',
      'x-usher-assertion',
      'authorization',
      'x-plex-token',
      'x-envoy-original-path'
    ]
    const values = [
      '/healthz',
      '/signin',
      '/session/verify/../../healthz',
      'http://[::1',
      'OPTIONS',
      '%',
      '%zz',
      '\\\\x',
      '*',
      '127.0.0.1',
      '::ffff:127.0.0.1, unknown, _hidden',
      'for="[::1]:80";host=;proto',
      'Bearer x.y',
      'x'.repeat(4000),
      '\u00ff',
      ','
    ]
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.constantFrom(...names), fc.constantFrom(...values), { maxKeys: 6 }),
        fc.constantFrom(
          '',
          '?redirect=1',
          '?role=owner',
          '?audience=poster-wall',
          '?redirect=1&role=%',
          '?%zz'
        ),
        fc.boolean(),
        async (headers, query, html) => {
          const asked = { ...headers, ...(html && { accept: HTML }) }
          const { status } = await usher.browser().get(`/session/verify${query}`, asked)
          return status === 401 || status === 302
        }
      ),
      { numRuns: 300 }
    )
  })

  t.test('bytes that no client would send get one of the four, signed in or not', async (t) => {
    const targets = [
      '/session/verify',
      '/session/verify?',
      '/session/verify?redirect=1',
      '/session/verify?role[]=owner',
      '/session/verify?role=%6fwner',
      '/session/verify?role=owner%00',
      '/session/verify??role=owner',
      '/session/verify?__proto__=1&constructor=2',
      '/session/verify?redirect=1#x',
      '/session/verify?%E0%A4%A',
      'http://evil.example/session/verify'
    ]
    const extras = [
      '',
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n',
      'Connection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n',
      'Content-Type: text/plain\r\nContent-Length: 5\r\n',
      'Content-Type: garbage\r\n',
      'Expect: 100-continue\r\n',
      'Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n',
      'X-Forwarded-Host: a\r\nX-Forwarded-Host: b\r\n',
      'Accept: text/html\r\nX-Forwarded-Method: GET\r\n',
      'Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n',
      'X-Forwarded-For: \x7f,,"\xff\r\n',
      'Content-Encoding: gzip\r\nTE: trailers\r\nRange: bytes=0-1\r\nIf-None-Match: *\r\n'
    ]
    const seen = new Set<number>()
    for (const target of targets) {
      for (const extra of extras) {
        for (const cookie of ['', `Cookie: ${COOKIE}=${good}\r\n`, `Cookie: ${COOKIE}=\xff\x01x\r\n`]) {
          const connection = extra.includes('Connection:') ? '' : 'Connection: close\r\n'
          const body = extra.includes('Content-Length: 5')
            ? 'hello'
            : extra.includes('chunked')
              ? '0\r\n\r\n'
              : ''
          const request = `GET ${target} HTTP/1.1\r\nHost: anything\r\n${connection}${extra}${cookie}\r\n${body}`
          const { status, text } = await sendRaw(base, request)
          const last = Number([...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].at(-1)?.[1])
          // A control character in a header is no HTTP: Node's own parser refuses it.
          const malformed = cookie.includes('\x01') || extra.includes('\x7f')
          const expected = malformed ? [400] : [204, 302, 401, 403]
          t.ok(expected.includes(status === 100 ? last : status), `${status} for ${JSON.stringify(request)}`)
          if (!cookie.includes(good)) t.not(last, 204, JSON.stringify(request))
          seen.add(last)
        }
      }
    }
    t.same([...seen].sort(), [204, 302, 400, 401, 403], 'each of them was seen')
  })

  t.test('a failure of any kind is 403, and tells nothing', async (t) => {
    const parts: readonly [part: object, method: string][] = [
      [usher.core.sessions, 'read'],
      [usher.core.assertions, 'issue']
    ]
    for (const [part, method] of parts) {
      const known: unknown = Reflect.get(part, method)
      Reflect.set(part, method, () => {
        throw new Error('what broke')
      })
      for (const headers of [{}, navigation()]) {
        const answer = await usher
          .browser()
          .get('/session/verify?audience=poster-wall', { cookie: browser.cookie, ...headers })
        t.equal(answer.status, 403, method)
        t.notMatch(answer.text, 'what broke')
      }
      Reflect.set(part, method, known)
    }
    t.ok(usher.logs.some(({ msg }) => msg === 'verify failed'))
    const two = `GET /session/verify HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n`
    t.equal((await sendRaw(base, two)).status, 403)
  })

  t.test('other methods and neighbouring paths are never a yes', async (t) => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND', 'TRACE']) {
      const answer = await usher.browser().ask('/session/verify', {
        method,
        headers: {
          cookie: browser.cookie,
          origin: 'https://frontend.example.com',
          'access-control-request-method': 'GET'
        }
      })
      t.ok(answer.status >= 400, `${method} ${answer.status}`)
    }
    for (const path of ['/session/verify/', '/session/verify/x', '/session/Verify', '//session/verify']) {
      const answer = await usher.browser().get(path, { cookie: browser.cookie, host: USHER_HOST })
      t.equal(answer.status, 404, path)
    }
  })
})

t.test('for Envoy', async (t) => {
  const stage = await startStage(t, { USHER_ALLOWED_ORIGINS: 'https://frontend.example.com' })
  const { usher } = stage
  const prefix = '/session/verify/ext-authz'
  const owner = await stage.signIn()
  const friend = await stage.signIn('friend')

  t.test('a yes is 200, for every method and path of the app', async (t) => {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      for (const path of ['/', '/a/b%20c?x=1&role=nobody', '//double', '/..;/x', '/session/verify']) {
        const headers = { host: APP_HOST, 'content-length': '0', 'content-type': 'text/plain' }
        const answer = await owner.ask(`${prefix}/-${path}`, { method, headers })
        t.equal(answer.status, 200, `${method} ${path}`)
        t.equal(answer.headers['remote-user'], 'simuser')
        const anonymous = await usher.browser().ask(`${prefix}/-${path}`, { method, headers })
        t.equal(anonymous.status, 401, `${method} ${path}`)
      }
    }
  })

  t.test('the demands are the operator’s segment, never the client’s query', async (t) => {
    t.equal((await owner.get(`${prefix}/role=owner/x`)).status, 200)
    t.equal((await friend.get(`${prefix}/role=owner/x?role=shared`)).status, 403)
    t.equal((await friend.get(`${prefix}/role=owner/role=shared/x`)).status, 403)
    t.equal((await friend.get(`${prefix}/-/x?role=owner`)).status, 200, 'nothing is demanded')
    const told = await owner.get(`${prefix}/role=owner&audience=poster-wall/x?audience=nobody`)
    t.not(told.headers['x-usher-assertion'], '')
    const asked = await owner.get(`${prefix}/-/x?audience=poster-wall`)
    t.equal(asked.headers['x-usher-assertion'], '')
    for (const segment of [
      'shelf',
      'role',
      'role=',
      'role=owner&role=shared',
      'role=owner&x=1',
      'constructor=1',
      '%2f',
      '-&'
    ])
      t.equal((await owner.get(`${prefix}/${segment}/x`)).status, 403, `forgotten or odd: ${segment}`)
    for (const path of [prefix, `${prefix}/`, `${prefix}/-`])
      t.ok((await owner.get(path, { host: USHER_HOST })).status >= 400, path)
    const absolute = `GET http://${APP_HOST}${prefix}/-/x HTTP/1.1\r\nHost: ${APP_HOST}\r\nConnection: close\r\n`
    t.equal((await sendRaw(usher.publicUrl, `${absolute}Cookie: ${owner.cookie}\r\n\r\n`)).status, 403)
  })

  t.test('a navigation is sent to the sign-in page with the way back', async (t) => {
    const path = '/shelf?sort=title&ids=1,2'
    const headers = { host: APP_HOST, accept: HTML, 'x-forwarded-proto': 'https' }
    const answer = await usher.browser().get(`${prefix}/redirect=1${path}`, headers)
    t.equal(answer.status, 302)
    t.equal(answer.headers.location, DEEP_LINK)
    const posted = await usher.browser().ask(`${prefix}/redirect=1${path}`, { method: 'POST', headers })
    t.equal(posted.status, 401)
    const evil = await usher
      .browser()
      .get(`${prefix}/redirect=1//evil.example/`, { ...headers, host: USHER_HOST })
    t.equal(evil.headers.location, SIGN_IN)
  })

  t.test('a preflight of an allowed origin is no yes', async (t) => {
    const headers = {
      host: APP_HOST,
      origin: 'https://frontend.example.com',
      'access-control-request-method': 'PUT'
    }
    const answer = await usher.browser().ask(`${prefix}/-/x`, { method: 'OPTIONS', headers })
    t.not(answer.status, 200)
  })
})
