import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { LIMITS } from '../../../plugins/rate-limits.ts'
import { createLanguage, createLanguages } from '../../../routes/public/signin/language.ts'
import { createPlainPages } from '../../../routes/public/signin/plain-page.ts'
import { createProblemPages } from '../../../routes/public/signin/problem-page.ts'
import { parsePublicUrl } from '../../../src/config/urls.ts'
import { PROBLEMS, Problem, type ProblemCode } from '../../../src/domain/problems.ts'
import type { Answer, Ask } from '../../support/browser.ts'
import { MIRRORED } from '../../support/mirrored.ts'
import { startOpenId } from '../../support/openid.ts'
import { fc } from '../../support/properties.ts'
import { sendRaw } from '../../support/raw.ts'
import { FRIEND, PASSWORD, startTestUsher } from '../../support/usher.ts'

type Voice = NonNullable<Ask['headers']>

const SAFARI_ACCEPT = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
/** The address bar of a current browser. */
const CHROME: Voice = {
  accept:
    'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7',
  'accept-language': 'en-GB,en;q=0.9',
  'sec-fetch-site': 'none',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-user': '?1',
  'sec-fetch-dest': 'document',
  'upgrade-insecure-requests': '1'
}
/** A browser without Fetch Metadata, or any browser on plain HTTP. */
const OLD: Voice = { accept: SAFARI_ACCEPT, 'sec-fetch-site': undefined }
const TELEVISION: Voice = {
  ...OLD,
  'user-agent': 'Mozilla/5.0 (SMART-TV; LINUX; Tizen 5.0) AppleWebKit/537.36 Version/5.0 TV Safari/537.36'
}

const PEOPLE: Readonly<Record<string, Voice>> = {
  Chrome: CHROME,
  Safari: { ...CHROME, accept: SAFARI_ACCEPT, 'sec-fetch-user': undefined },
  'Firefox, by a link of this site': { ...CHROME, 'sec-fetch-site': 'same-origin' },
  'an old browser': OLD,
  'a television': TELEVISION,
  'Internet Explorer': { ...OLD, accept: 'text/html, application/xhtml+xml, */*' },
  Lynx: { ...OLD, accept: 'text/html, text/plain, text/sgml, text/css, application/xhtml+xml, */*;q=0.01' }
}

const PROGRAMS: Readonly<Record<string, Voice>> = {
  fetch: {
    accept: '*/*',
    'sec-fetch-site': 'same-origin',
    'sec-fetch-mode': 'cors',
    'sec-fetch-dest': 'empty'
  },
  'fetch for HTML': { ...CHROME, 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
  'fetch of a service worker for a navigation': { ...CHROME, 'sec-fetch-mode': 'same-origin' },
  'XHR on plain HTTP': { accept: '*/*', 'sec-fetch-site': undefined, 'x-requested-with': 'XMLHttpRequest' },
  'XHR that wants JSON first': { accept: 'application/json, text/html;q=0.9', 'sec-fetch-site': undefined },
  'a picture': {
    accept: 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8',
    'sec-fetch-mode': 'no-cors',
    'sec-fetch-dest': 'image'
  },
  'a video': { accept: '*/*', range: 'bytes=0-', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'video' },
  'a frame': { ...CHROME, 'sec-fetch-dest': 'iframe' },
  'an embedded object': { ...CHROME, 'sec-fetch-dest': 'object' },
  curl: { accept: '*/*', 'user-agent': 'curl/8.5.0', 'sec-fetch-site': undefined },
  'an app of a television': { accept: 'application/json', 'sec-fetch-site': undefined },
  'a player': { accept: '*/*', 'user-agent': 'VLC/3.0.20 LibVLC/3.0.20', 'sec-fetch-site': undefined },
  'a service without Accept': { 'sec-fetch-site': undefined },
  'one that refuses HTML': { accept: 'text/html;q=0, */*', 'sec-fetch-site': undefined }
}

/** The header fields that a page has of its own. */
const OF_PAGES = [
  'content-type',
  'content-security-policy',
  'content-language',
  'content-length',
  'vary',
  'date'
]

function otherHeaders({ headers }: Answer): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_PAGES.includes(name)))
}

function isPage(t: Test, answer: Answer, status: number, words: string, name: string): void {
  const { headers, text } = answer
  t.equal(answer.status, status, name)
  t.equal(headers['content-type'], 'text/html; charset=utf-8', name)
  t.match(text, words, name)
  t.match(text, /^<!doctype html>\n<html lang="[\w-]+" dir="(?:ltr|rtl)"/, name)
  t.match(text, /<bdi>[\w-]+-[0-9a-z]+<\/bdi>/, `${name}: the reference`)
  t.notMatch(text, /<script|<form|javascript:| style=| on\w+=/i, name)
  t.match(headers.vary, /\bAccept, Accept-Language, Sec-Fetch-Dest, Sec-Fetch-Mode$/, name)
  t.equal(headers['cache-control'], 'no-store', name)
  t.equal(headers['referrer-policy'], 'no-referrer', name)
  t.equal(headers['x-content-type-options'], 'nosniff', name)
  t.equal(
    headers['content-security-policy'],
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
    name
  )
}

function isJson(t: Test, answer: Answer, status: number, code: ProblemCode, name: string): void {
  t.equal(answer.status, status, name)
  t.equal(answer.headers['content-type'], 'application/problem+json', name)
  t.equal(answer.headers['content-security-policy'], "default-src 'none'; frame-ancestors 'none'", name)
  t.equal(answer.headers['content-language'], undefined, name)
  t.strictSame(
    Object.keys(answer.json).filter((member) => member !== 'upstream'),
    ['type', 'title', 'status', 'code', 'detail', 'requestId'],
    name
  )
  t.match(answer.json, { code, status }, name)
}

t.test('a person reads a page, everybody else the problem', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const friend = await usher.signedIn(FRIEND)
  const stranger = usher.browser()

  await t.test('whoever asks', async (t) => {
    const bare = await stranger.get('/nothing-here')
    for (const [name, voice] of Object.entries(PEOPLE)) {
      const answer = await stranger.get('/nothing-here', voice)
      isPage(t, answer, 404, 'This page does not exist', name)
      t.strictSame(otherHeaders(answer), otherHeaders(bare), `${name}: all other header fields are the same`)
    }
    for (const [name, voice] of Object.entries(PROGRAMS)) {
      isJson(t, await stranger.get('/nothing-here', voice), 404, 'USHER_NOT_FOUND', name)
      isJson(t, await stranger.get('/pms/library/sections', voice), 401, 'USHER_SESSION_REQUIRED', name)
    }
  })

  await t.test('whoever does not navigate gets the same bytes as before', async (t) => {
    const { host } = new URL(usher.publicUrl)
    const ask = async (version: string, path: string, fields: string) => {
      const head = `GET ${path} HTTP/${version}\r\nHost: ${host}\r\nConnection: close\r\n${fields}\r\n`
      const { text } = await sendRaw(usher.publicUrl, head)
      return text.replace(/\r\nDate: [^\r]*/i, '').replace(/"requestId":"[^"]*"/, '')
    }
    for (const path of ['/nothing', '/%zz', '/pms/library/sections', '/session/logout', '/plex/ping']) {
      const bare = await ask('1.1', path, '')
      t.match(bare, /^HTTP\/1\.1 4\d\d [\s\S]*\r\ncontent-type: application\/problem\+json\r\n/i, path)
      t.notMatch(bare, /\r\n(?:vary|content-language):/i, path)
      for (const fields of [
        'Accept: */*\r\n',
        'accept: application/json\r\n',
        'Accept: text/html;q=0\r\n',
        'Accept: text/html\r\nSec-Fetch-Mode: cors\r\n',
        'Accept: text/html\r\nSec-Fetch-Dest: image\r\n',
        'Accept: text/*, */*;q=0.1\r\nUser-Agent: probe\r\n'
      ])
        t.equal(await ask('1.1', path, fields), bare, `${path} ${fields}`)
      t.equal(await ask('1.0', path, ''), bare, `${path}, a probe in HTTP/1.0`)
    }
    t.match(await ask('1.0', '/nothing', 'Accept: text/html\r\n'), /\r\n\r\n<!doctype html>/i)
  })

  await t.test('HEAD is what GET is, without the body', async (t) => {
    const got = await stranger.get('/nothing-here', CHROME)
    const head = await stranger.ask('/nothing-here', { method: 'HEAD', headers: CHROME })
    t.equal(head.status, 404)
    t.equal(head.text, '')
    for (const name of ['content-type', 'content-security-policy', 'content-language', 'vary'])
      t.equal(head.headers[name], got.headers[name], name)
    const old = await stranger.ask('/nothing-here', { method: 'HEAD' })
    t.equal(old.headers['content-type'], 'application/problem+json')
  })

  await t.test('wherever a problem comes from', async (t) => {
    for (const [browser, path, status, words] of [
      [stranger, '/pms/library/sections', 401, 'You are not signed in'],
      [
        stranger,
        '/pms/photo/:/transcode?url=%2Flibrary%2Fmetadata%2F1%2Fthumb%2F2',
        401,
        'You are not signed in'
      ],
      [stranger, '/plex/api/v2/user', 401, 'You are not signed in'],
      [stranger, '/session', 401, 'You are not signed in'],
      [stranger, '/signin/logo', 404, 'This page does not exist'],
      [stranger, '/signin/apps/none', 404, 'This page does not exist'],
      [stranger, '/session/logout', 405, 'That is not possible here'],
      [stranger, '/%zz', 400, 'could not be understood'],
      [stranger, '/pms/%2e%2e/x', 400, 'could not be understood'],
      [friend, '/pms/accounts', 403, 'Your account is not allowed to do that'],
      [friend, '/pms/library/metadata/987654321', 404, 'The media server refused the request'],
      [friend, '/pms/:/websockets/notifications', 400, 'This path accepts WebSocket upgrades only.'],
      [friend, '/session/sessions?account=x', 400, 'could not be understood'],
      [friend, '/session/accounts', 403, 'has no access to this server'],
      [friend, '/plex/api/v2/secret', 403, 'Your account is not allowed to do that']
    ] as const) {
      for (const voice of [CHROME, OLD]) {
        const answer = await browser.get(path, voice)
        isPage(t, answer, status, words, path)
        const program = await browser.get(path, { ...voice, accept: '*/*' })
        isJson(t, program, status, program.json.code, path)
        t.strictSame(otherHeaders(answer), otherHeaders(program), path)
      }
    }
    const crossSite = { ...CHROME, 'sec-fetch-site': 'cross-site' }
    const refused = await friend.get('/pms/library/sections', crossSite)
    isPage(t, refused, 403, 'this request was blocked', 'from another site')
    t.notMatch(refused.text, 'href=""', 'and no button repeats it')
    isPage(t, await stranger.get('/nothing', crossSite), 404, 'does not exist', 'a wrong link elsewhere')
    const altered = usher.browser()
    altered.jar.set('usher', `${friend.jar.get('usher')}A`)
    const cleared = await altered.get('/pms/library/sections', CHROME)
    isPage(t, cleared, 401, 'no longer valid', 'an altered cookie')
    t.match(cleared.setCookies, [/^usher=;/], 'which is cleared as ever')
  })

  await t.test('an upstream that is away', async (t) => {
    for (const [fault, status, words] of [
      [{ kind: 'server-error' }, 503, 'cannot be reached at the moment'],
      [{ kind: 'reset' }, 503, 'cannot be reached at the moment'],
      [{ kind: 'redirect', location: 'http://evil.example/' }, 502, 'sent an unexpected answer']
    ] as const) {
      simulator.faults.set({ ...fault, service: 'pms', path: '/library' })
      const answer = await friend.get('/pms/library/sections', OLD)
      isPage(t, answer, status, words, fault.kind)
      t.match(answer.text, '<a class="button" href="">Try again</a>')
      const program = await friend.get('/pms/library/sections', { accept: '*/*' })
      isJson(t, program, status, program.json.code, fault.kind)
      simulator.faults.clear()
    }
    const text = await friend.get('/pms/library/sections', { ...CHROME, accept: SAFARI_ACCEPT })
    t.equal(text.status, 200)
    t.match(text.headers['content-type'], /xml/, 'what the media server answers passes as it is')
  })

  await t.test('what is sent gets JSON: no navigation sends a body', async (t) => {
    const headers = { ...CHROME, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' }
    const body = JSON.stringify({ login: 'x'.repeat(20_000), password: 'x' })
    const large = await stranger.ask('/session/login', {
      method: 'POST',
      body,
      headers: { ...headers, 'sec-fetch-mode': 'cors' }
    })
    isJson(t, large, 413, 'USHER_INVALID_REQUEST', 'too large')
    const form = await stranger.ask('/session/login', { method: 'POST', body: '{}', headers })
    isJson(t, form, 403, 'USHER_CROSS_SITE', 'a navigation that would change something')
  })

  await t.test('forward-auth answers as ever', async (t) => {
    const verify = await stranger.get('/session/verify', CHROME)
    isJson(t, verify, 401, 'USHER_SESSION_REQUIRED', 'verify')
    isJson(t, await stranger.get('/session/verify?role=king', OLD), 401, 'USHER_SESSION_REQUIRED', 'verify')
    const envoy = await stranger.get('/session/verify/ext-authz/-/path', {
      ...CHROME,
      'x-forwarded-method': 'GET'
    })
    isJson(t, envoy, 401, 'USHER_SESSION_REQUIRED', 'ext_authz')
  })

  await t.test('the internal listener knows no pages', async (t) => {
    const answer = await fetch(`${usher.internalUrl}/nothing`, { headers: { accept: 'text/html' } })
    t.equal(answer.status, 404)
    t.equal(answer.headers.get('content-type'), 'application/problem+json')
  })

  await t.test('log and metric are the same for both', async (t) => {
    const counts = async () =>
      /usher_refusals_total\{listener="public",code="USHER_NOT_FOUND"\} (\d+)/.exec(
        await usher.core.metrics.registry.metrics()
      )?.[1]
    const before = Number(await counts())
    usher.logs.length = 0
    const page = await stranger.get('/nothing', CHROME)
    const reference = /<bdi>([^<]+)<\/bdi>/.exec(page.text)?.[1]
    const json = await stranger.get('/nothing')
    t.equal(Number(await counts()), before + 2)
    const lines = [reference, json.json.requestId].map((id) =>
      usher.logs
        .filter((line) => line['reqId'] === id)
        .map(({ reqId: _, time: __, ms: ___, ...line }) => line)
    )
    t.ok((lines[0]?.length ?? 0) > 0)
    t.strictSame(lines[0], lines[1])
  })

  await t.test('rule 61: nothing of the request is on the page', async (t) => {
    const mark = 'kanarienvogel'
    const markup = fc.constantFrom('<b>', '"', "'", '&', '%3Cb%3E', '%22', '/', '?a=', '#', '\u00e9')
    const piece = fc.array(fc.oneof(markup, fc.constant(mark)), { minLength: 1, maxLength: 6 })
    const encode = (text: string) => text.replace(/[^\x21-\x7e]/g, encodeURIComponent)
    const place = fc.constantFrom('/', '/pms/', '/pms/library/', '/plex/', '/session/', '/signin/', '/oidc/')
    const field = fc.constantFrom(
      'referer',
      'user-agent',
      'x-plex-token',
      'x-forwarded-uri',
      'cookie',
      'origin-agent',
      'accept-language',
      'if-none-match'
    )
    await fc.assert(
      fc.asyncProperty(place, piece, field, piece, async (start, path, name, value) => {
        const voice = { ...OLD, [name]: Buffer.from(`${mark}${value.join('')}`).toString('latin1') }
        const { status, text, headers } = await stranger.get(start + mark + encode(path.join('')), voice)
        if (status < 400) return
        const { location: _, ...others } = headers
        t.notMatch(text + JSON.stringify(others), mark, `${start} ${path.join('')} ${name}`)
      }),
      { numRuns: 150 }
    )
    const foreign = await stranger.get('/nothing', { ...CHROME, host: `${mark}.example` })
    isPage(t, foreign, 400, 'could not be understood', 'another host')
    t.notMatch(foreign.text, mark)
    t.match(foreign.text, 'let the proxy pass it on', 'the operator reads what to change')
    t.match(foreign.text, `href="${usher.publicUrl}/signin"`, 'and the person gets to the right address')
    const [style] = /\/signin\/assets\/\w+\/style\.css/.exec(foreign.text) ?? []
    t.equal((await stranger.get(String(style), { host: `${mark}.example` })).status, 400, 'and nothing else')
  })

  await t.test('the address limit, with the wait in words', async (t) => {
    const browser = usher.browser()
    for (let count = 0; count < LIMITS.address.max; count += 100)
      await Promise.all(Array.from({ length: 100 }, () => browser.get('/session')))
    const page = await browser.get('/session', { ...CHROME, 'accept-language': 'de' })
    isPage(t, page, 429, 'Zu viele Versuche', '429')
    const seconds = Number(page.headers['retry-after'])
    t.ok(seconds > 0 && seconds <= 60)
    t.match(page.text, `Versuchen Sie es in ${seconds} Sekunde`)
    t.match(page.text, '<a class="button" href="">Noch einmal versuchen</a>')
    isJson(t, await browser.get('/session'), 429, 'USHER_RATE_LIMITED', '429')
  })
})

t.test('languages, television letters, brand and base path', async (t) => {
  const usher = await startTestUsher(t, {
    basePath: '/x',
    settings: { USHER_BRAND_NAME: 'Kino & <Co>', USHER_UPSTREAM_TIMEOUT: '3s' }
  })
  const browser = usher.browser()
  const page = await browser.get('/x/pms/library/sections', { ...TELEVISION, 'accept-language': 'pt-BR' })
  isPage(t, page, 401, 'Kino &amp; &lt;Co&gt;', 'the brand')
  t.match(page.text, '<html lang="pt-BR" dir="ltr" class="television">')
  t.equal(page.headers['content-language'], 'pt-BR')
  t.match(page.text, '<a class="button" href="/x/signin">')
  t.notMatch(page.text, /returnTo|\/pms/, 'nobody is led back to an API')
  const [style] = /\/x\/signin\/assets\/\w+\/style\.css/.exec(page.text) ?? []
  t.equal((await browser.get(String(style))).status, 200)
  t.equal((await browser.post('/x/session/login', { login: FRIEND, password: PASSWORD })).status, 201)
  usher.simulator.faults.set({ kind: 'hang', service: 'pms', path: '/library' })
  const late = await browser.get('/x/pms/library/sections', { ...OLD, 'accept-language': 'fr' })
  isPage(t, late, 504, 'Kino &amp; &lt;Co&gt;', 'a media server that hangs')
  t.match(late.text, 'Réessayez dans quelques minutes')
  const above = await browser.get('/elsewhere', CHROME)
  isPage(t, above, 404, 'This page does not exist', 'above the base path')
  t.match(above.text, 'href="/x/signin"')
})

t.test('a page is compressed where nobody can watch its length', async (t) => {
  const usher = await startTestUsher(t, { settings: { USHER_COMPRESS: 'true' } })
  const browser = usher.browser()
  const packed = { ...CHROME, 'accept-encoding': 'gzip' }
  const { headers, body } = await browser.get('/nothing', packed)
  t.equal(headers['content-encoding'], 'gzip')
  t.equal(headers.vary, 'Accept, Accept-Language, Sec-Fetch-Dest, Sec-Fetch-Mode, Accept-Encoding')
  t.match(gunzipSync(body).toString(), 'This page does not exist')
  for (const voice of [
    { ...packed, 'sec-fetch-site': 'cross-site' },
    { ...OLD, 'accept-encoding': 'gzip' }
  ])
    t.match((await browser.get('/nothing', voice)).text, 'This page does not exist')
  const json = await browser.get('/nothing', { 'accept-encoding': 'gzip' })
  isJson(t, json, 404, 'USHER_NOT_FOUND', 'a problem')
  t.equal(json.headers.vary, undefined)
})

t.test('the provider for apps has pages of its own', async (t) => {
  const usher = await startOpenId(t, [{ id: 'app' }])
  const browser = usher.browser()
  isPageOfProvider(t, await browser.get('/oidc/auth?client_id=stranger', CHROME))
  isJson(t, await browser.get(`/oidc/auth?${'a&'.repeat(200)}`, CHROME), 400, 'USHER_INVALID_REQUEST', 'auth')
})

function isPageOfProvider(t: Test, { headers, text }: Answer): void {
  t.match(headers['content-type'], 'text/html')
  t.match(text, 'Unknown app')
}

t.test('every problem has words, in every direction, and keeps its status', async (t) => {
  const config = {
    publicUrl: parsePublicUrl('https://x.test'),
    brand: { name: 'Usher', logo: null }
  }
  const render = createProblemPages({
    config,
    isOwnHost: () => true,
    render: createPlainPages({ config, assets: { version: 'v' }, languages: createLanguages([MIRRORED]) })
  })
  const { text } = createLanguage(MIRRORED)
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
    const { markup, headers } = render(new Problem(code), { id: 'id-1', host: 'x.test', headers: {} })
    t.match(markup, '<html lang="ar-XB" dir="rtl">', code)
    t.equal(headers['content-language'], 'ar-XB')
    t.match(markup, /<h1 id="h">[^<]{5,}<\/h1>\s*<p class="lead">[^<]{5,}<\/p>/, code)
    t.match(markup, '<bdi>id-1</bdi>')
    t.match(markup, `>${code}</span>`, `${code}: the fixed text says no more than the page`)
    t.ok(Buffer.byteLength(markup) < 4096, `${code}: ${Buffer.byteLength(markup)} bytes`)
    t.notMatch(markup, /\{\w+\}/, code)
  }
  const denied = render(new Problem('USHER_ACCOUNT_BLOCKED'), { id: 'i', host: 'x.test', headers: {} })
  t.match(denied.markup, `href="/signin?again=1">${text('refused.another')}</a>`)
  const limited = new Problem('USHER_PLEX_LIMITED', { retryAfter: 5400 })
  t.match(render(limited, { id: 'i', host: 'x.test', headers: {} }).markup, /\(|90|٩٠/, 'an hour and a half')
})
