import t, { type Test } from 'tap'
import { createOffsetClock, matchProblem } from '../../../support/sign-in.ts'
import { until } from '../../../support/until.ts'
import { FRIEND, PASSWORD, startTestUsher, type TestUsherOptions } from '../../../support/usher.ts'

const CLIP = '/library/parts/221640/1745854354/clip.mp4'
const BIG = '/library/parts/221639/1745854354/big.mkv'
const SIX_HOURS = 6 * 3_600_000

async function start(t: Test, options: TestUsherOptions = {}) {
  const usher = await startTestUsher(t, options)
  const person = await usher.signedIn(FRIEND)
  const ask = (path: string, kind = 'part') => person.post('/session/playback', { path, kind })
  async function cast(path: string, kind = 'part'): Promise<string> {
    const answer = await ask(path, kind)
    if (answer.status !== 201) throw new Error(`${path}: ${answer.text}`)
    return answer.json.url as string
  }
  /** A television: no cookie, another origin, no proof of any kind. */
  const receive = (url: string, init: RequestInit = {}) =>
    fetch(url, { ...init, headers: { origin: 'https://receiver.example', ...init.headers } })
  return { usher, person, ask, cast, receive }
}

const withPath = (url: string, path: string): string => {
  const { origin, searchParams } = new URL(url)
  return `${origin}/pms${path}${path.includes('?') ? '&' : '?'}X-Plex-Token=${searchParams.get('X-Plex-Token')}`
}

t.test('a file plays by its address, in ranges, for a receiver of any origin', async (t) => {
  const { usher, ask, receive } = await start(t)
  const answer = await ask(CLIP)
  t.equal(answer.status, 201)
  t.equal(answer.headers['cache-control'], 'no-store')
  const { url, expiresAt } = answer.json
  t.ok(url.startsWith(`${usher.publicUrl}/pms${CLIP}?X-Plex-Token=`), url)
  t.ok(Math.abs(Date.parse(expiresAt) - Date.now() - SIX_HOURS) < 60_000, expiresAt)

  const whole = await receive(url)
  t.equal(whole.status, 200)
  const bytes = Buffer.from(await whole.arrayBuffer())
  t.equal(whole.headers.get('access-control-allow-origin'), '*')
  t.equal(whole.headers.get('access-control-allow-credentials'), null)
  t.equal(whole.headers.get('cross-origin-resource-policy'), 'cross-origin')
  t.equal(whole.headers.get('set-cookie'), null)
  t.equal(whole.headers.get('referrer-policy'), 'no-referrer')
  const part = await receive(url, { headers: { range: 'bytes=10-19' } })
  t.equal(part.status, 206)
  t.ok(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(10, 20)))
  const head = await receive(url, { method: 'HEAD' })
  t.equal(Number(head.headers.get('content-length')), bytes.length)
  t.equal((await receive(url, { headers: { range: 'bytes=999999999-' } })).status, 416)

  const preflight = await receive(url, {
    method: 'OPTIONS',
    headers: { 'access-control-request-method': 'GET', 'access-control-request-headers': 'range' }
  })
  t.equal(preflight.status, 204)
  t.match(preflight.headers.get('access-control-allow-headers'), /\bRange\b/)
  t.equal(preflight.headers.get('access-control-allow-methods'), 'GET, HEAD')

  const token = new URL(url).searchParams.get('X-Plex-Token') ?? 'none'
  t.notMatch(JSON.stringify(usher.logs), token.slice(-40), 'it is in no log line')
  for (const request of usher.simulator.received({ service: 'pms' }))
    t.notMatch(JSON.stringify(request), token.slice(-40), 'nor does it go to the media server')
})

t.test('an item plays as HLS, and every address of its playlists works by itself', async (t) => {
  const { cast, receive } = await start(t)
  for (const path of [
    '/library/metadata/1003',
    '/pms/library/metadata/1003',
    '/video/:/transcode/universal/start.m3u8?path=%2Flibrary%2Fmetadata%2F1003&session=s-1&protocol=hls&X-Plex-Platform=Chromecast'
  ]) {
    let url = await cast(path, 'hls')
    const seen: string[] = []
    for (;;) {
      const answer = await receive(url)
      t.equal(answer.status, 200, url)
      t.equal(answer.headers.get('access-control-allow-origin'), '*')
      const type = answer.headers.get('content-type') ?? ''
      seen.push(type)
      if (!type.includes('mpegurl')) {
        await answer.arrayBuffer()
        break
      }
      const text = await answer.text()
      t.notMatch(text, /\*\*\*\*/)
      const addresses = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
      t.ok(addresses.every((address) => /[?&]X-Plex-Token=play\./.test(address)))
      url = new URL(addresses[0] ?? '', url).href
    }
    t.strictSame(seen, ['application/vnd.apple.mpegurl', 'application/vnd.apple.mpegurl', 'video/MP2T'])
  }
})

t.test('an item plays as DASH, by the addresses that its manifest makes', async (t) => {
  const { cast, receive } = await start(t)
  const url = await cast('/library/metadata/1003', 'dash')
  t.match(url, /\/start\.mpd\?path=/)
  const answer = await receive(url)
  t.equal(answer.status, 200)
  t.equal(answer.headers.get('content-type'), 'application/dash+xml')
  const text = await answer.text()
  const templates = [...text.matchAll(/(?:initialization|media)="([^"]*)"/g)].map(
    ([, address = '']) => address
  )
  t.equal(templates.length, 2)
  for (const template of templates) {
    const address = template
      .replaceAll('&amp;', '&')
      .replace('$RepresentationID$', '0')
      .replace('$Number$', '1')
    const segment = await receive(new URL(address, url).href)
    t.equal(segment.status, 200, template.slice(0, 60))
    t.equal((await segment.arrayBuffer()).byteLength, 4096)
    t.equal((await receive(new URL(address.replace('dash/', 'dash/x'), url).href)).status, 403)
  }
})

t.test('the token of one film is for nothing else', async (t) => {
  const { usher, person, cast, receive } = await start(t)
  const part = await cast(CLIP)
  const hls = await cast('/library/metadata/1003', 'hls')
  const session = new URL(hls).searchParams.get('session')
  const start_ = '/video/:/transcode/universal/start.m3u8'
  const refused = async (url: string, init: RequestInit = {}, status = 403) => {
    const answer = await receive(url, init)
    const text = await answer.text()
    t.equal(
      answer.status,
      status,
      `${init.method ?? 'GET'} ${url.replace(/play\..*/, '…')} ${text.slice(0, 120)}`
    )
  }
  for (const url of [part, hls]) {
    for (const path of [
      BIG,
      '/library/metadata/1003',
      '/library/sections',
      '/',
      '/identity',
      '/:/eventsource/notifications',
      `${CLIP}?download=1`,
      `${start_}?path=/library/metadata/1001&session=${session}`,
      `${start_}?path=/library/metadata/1003&session=other`,
      '/video/:/transcode/universal/session/other/base/index.m3u8',
      `/video/:/transcode/universal/session/${session}x/base/index.m3u8`,
      '/video/:/transcode/universal/stop?session=s-1',
      '/photo/:/transcode?url=/library/metadata/1003/thumb/1&width=9&height=9'
    ])
      await refused(withPath(url, path))
  }
  await refused(withPath(part, new URL(hls).pathname.slice(4)))
  await refused(withPath(hls, CLIP))
  await refused(`${hls}&path=/library/metadata/1001`)
  await refused(hls.replace('path=', 'PATH=/library/metadata/1001&path='))
  await refused(withPath(hls, `/video/:/transcode/universal/session/${session}/../other/index.m3u8`))
  await refused(`${usher.publicUrl}/pms/library/parts/221640/1745854354/../../x${new URL(part).search}`)
  await refused(part.replace('/clip.mp4', '/%2e%2e%2fbig.mkv'), {}, 400)
  await refused(part.replace('/pms/library', '/pms//library'), {}, 400)
  for (const method of ['POST', 'PUT', 'DELETE'])
    await refused(part, { method, headers: { 'content-type': 'application/json' } })
  await refused(part, { method: 'PATCH' }, 405)
  await refused(part, { method: 'OPTIONS', headers: { 'access-control-request-method': 'PUT' } })
  await refused(withPath(part, BIG), {
    method: 'OPTIONS',
    headers: { 'access-control-request-method': 'GET' }
  })

  const altered = part.slice(0, -2) + (part.endsWith('AA') ? 'BB' : 'AA')
  const unknown = await receive(altered)
  t.equal(unknown.status, 401)
  t.equal(unknown.headers.get('access-control-allow-origin'), null, 'nobody vouches for it')
  const token = new URL(part).searchParams.get('X-Plex-Token') ?? ''
  for (const path of ['/session', '/session/sessions'])
    await refused(
      `${usher.publicUrl}${path}?X-Plex-Token=${token}`,
      { headers: { authorization: `Bearer ${token}` } },
      401
    )
  t.equal((await person.get(`/pms${CLIP}`)).status, 200)
})

t.test('only what is asked by a token without a cookie may be read elsewhere', async (t) => {
  const { person, cast, receive } = await start(t)
  const url = await cast(CLIP)
  const { pathname, search } = new URL(url)
  const both = await receive(url, { headers: { cookie: person.cookie } })
  t.equal(both.status, 403, 'the cookie decides, and it comes from another origin')
  t.equal(both.headers.get('access-control-allow-origin'), null)
  await both.arrayBuffer()
  const own = await person.get(pathname + search)
  t.equal(own.status, 200)
  t.equal(own.headers['access-control-allow-origin'], undefined)
  t.equal(own.headers['cross-origin-resource-policy'], 'same-origin')
  const preflight = await receive(url, {
    method: 'OPTIONS',
    headers: { cookie: person.cookie, 'access-control-request-method': 'GET' }
  })
  t.equal(preflight.status, 405)
})

t.test('an allowed frontend gets no credentials by such an address', async (t) => {
  const origin = 'http://127.0.0.1:4000'
  const { cast, receive } = await start(t, { settings: { USHER_ALLOWED_ORIGINS: origin } })
  const answer = await receive(await cast(CLIP), { headers: { origin } })
  t.equal(answer.status, 200)
  t.equal(answer.headers.get('access-control-allow-origin'), '*')
  t.equal(answer.headers.get('access-control-allow-credentials'), null)
  await answer.arrayBuffer()
})

t.test('rule 20: the address and what it streams end with the session, which lists them', async (t) => {
  const { person, cast, receive } = await start(t)
  const url = await cast(BIG)
  const stream = await receive(url)
  const reader = stream.body?.getReader()
  await reader?.read()
  await until(async () => {
    const { sessions } = (await person.get('/session/sessions')).json
    return sessions[0].streams.length === 1 && sessions[0].streams[0].kind === 'media'
  })
  t.equal((await person.post('/session/logout', {})).status, 204)
  const answer = await receive(url)
  t.equal(answer.status, 401)
  t.match(await answer.json(), { code: 'USHER_SESSION_REVOKED' })
  await t.rejects(async () => {
    for (;;) if ((await reader?.read())?.done !== false) return
  })
})

t.test('it expires after six hours, or with the session if that is sooner', async (t) => {
  const { now, advance } = createOffsetClock()
  const { cast, receive, usher } = await start(t, { now })
  const url = await cast(CLIP)
  advance(SIX_HOURS - 60_000)
  t.equal((await receive(url, { method: 'HEAD' })).status, 200)
  advance(61_000)
  const answer = await receive(url)
  t.equal(answer.status, 401)
  t.match(await answer.json(), { code: 'USHER_SESSION_EXPIRED' })
  t.ok(usher)

  const short = await start(t, { settings: { USHER_SESSION_IDLE: '1h' } })
  const { expiresAt } = (await short.ask(CLIP)).json
  t.ok(Date.parse(expiresAt) <= Date.now() + 3_600_000, expiresAt)
})

t.test('what cannot be played gets no address', async (t) => {
  const { usher, person, ask } = await start(t)
  for (const [path, kind, status, code] of [
    ['/library/sections', 'part', 400, 'USHER_INVALID_REQUEST'],
    ['/library/metadata/1003', 'part', 400, 'USHER_INVALID_REQUEST'],
    [CLIP, 'hls', 400, 'USHER_INVALID_REQUEST'],
    ['/library/parts/221640/../221639/1/big.mkv', 'part', 400, 'USHER_INVALID_REQUEST'],
    ['/library/metadata/1003/children', 'hls', 400, 'USHER_INVALID_REQUEST'],
    [
      '/video/:/transcode/universal/start.mpd?path=/library/metadata/1003&session=a',
      'hls',
      400,
      'USHER_INVALID_REQUEST'
    ],
    [
      '/video/:/transcode/universal/start.m3u8?path=/library/metadata/1003',
      'hls',
      400,
      'USHER_INVALID_REQUEST'
    ],
    [
      '/video/:/transcode/universal/start.m3u8?path=/library/metadata/1003&session=a&session=b',
      'hls',
      400,
      'USHER_INVALID_REQUEST'
    ],
    [
      '/video/:/transcode/universal/start.m3u8?path=/library/metadata/1003&session=a%2Fb',
      'hls',
      400,
      'USHER_INVALID_REQUEST'
    ],
    [
      '/video/:/transcode/universal/start.m3u8?path=http://10.0.0.1/x&session=a',
      'hls',
      400,
      'USHER_INVALID_REQUEST'
    ],
    ['https://evil.example/library/parts/1/2/x', 'part', 400, 'USHER_INVALID_REQUEST'],
    ['/library/parts/221640', 'part', 403, 'USHER_PATH_DENIED'],
    ['/library/parts/221640/1745854354/a/b/c', 'part', 403, 'USHER_PATH_DENIED']
  ] as const)
    matchProblem(t, await ask(path, kind), status, code, path)
  const body = { path: CLIP, kind: 'part' }
  matchProblem(
    t,
    await person.post('/session/playback', { ...body, kind: 'file' }),
    400,
    'USHER_INVALID_REQUEST'
  )
  matchProblem(t, await person.post('/session/playback', { ...body, more: 1 }), 400, 'USHER_INVALID_REQUEST')
  matchProblem(t, await usher.browser().post('/session/playback', body), 401, 'USHER_SESSION_REQUIRED')
  const foreign = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
  matchProblem(t, await person.post('/session/playback', body, foreign), 403, 'USHER_CROSS_SITE')
})

t.test('below a base path the addresses lead there too', async (t) => {
  const usher = await startTestUsher(t, { basePath: '/films' })
  const person = usher.browser()
  const login = { login: FRIEND, password: PASSWORD }
  t.equal((await person.post('/films/session/login', login)).status, 201)
  const { origin } = new URL(usher.publicUrl)
  const body = { path: '/films/pms/library/metadata/1003', kind: 'hls' }
  t.equal((await person.post('/films/session/playback', body)).status, 400, 'a path is one below /pms')
  const made = await person.post('/films/session/playback', { ...body, path: '/library/metadata/1003' })
  t.equal(made.status, 201)
  const { url } = made.json
  t.ok(url.startsWith(`${origin}/films/pms/video/`), url)
  const playlist = await (await fetch(url)).text()
  const [address = ''] = playlist.split('\n').filter((line) => /^[^#]/.test(line))
  t.match(address, /[?&]X-Plex-Token=play\./)
  t.equal((await fetch(new URL(address, url))).status, 200)
})
