import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import t from 'tap'
import { createClient, UsherError } from '../../client/src/client.ts'
import { until } from '../support/until.ts'
import { startTestUsher, type TestUsher } from '../support/usher.ts'

const ROOT = join(import.meta.dirname, '../..')
const CREDENTIALS = { login: 'sim@example.com', password: 'correct-horse' }

/** A client as a browser has it: `fetch` with a cookie jar. */
function clientOf(usher: TestUsher) {
  const jar = new Map<string, string>()
  return createClient({
    url: usher.publicUrl,
    async fetch(input, init = {}) {
      const headers = new Headers(init.headers)
      headers.set('cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; '))
      const response = await fetch(input as string, { ...init, headers })
      for (const line of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
        if (value === '') jar.delete(name)
        else jar.set(name, value)
      }
      return response
    }
  })
}

t.test('its types are those of the public document', async () => {
  execFileSync('env', ['-u', 'NODE_OPTIONS', process.execPath, 'scripts/client-types.ts', '--check'], {
    cwd: ROOT
  })
})

t.test('it is at most 6 KB in a page', async (t) => {
  const bundle = await rolldown({ input: join(ROOT, 'client/src/client.ts') })
  const { output } = await bundle.generate({ format: 'esm', minify: true })
  await bundle.close()
  const bytes = gzipSync(output[0].code, { level: 9 }).length
  t.equal(output.length, 1, 'without a dependency')
  t.ok(bytes <= 6 * 1024, `${bytes} bytes`)
})

t.test('it signs in, tells who that is, and signs out', async (t) => {
  const usher = await startTestUsher(t)
  const client = clientOf(usher)
  t.equal(await client.session(), null)
  const session = await client.signInWithPassword(CREDENTIALS)
  t.match(session, { account: { username: 'simuser' }, role: 'owner' })
  t.match(await client.session(), session)
  t.ok((await client.profiles()).length > 1)
  t.ok((await client.servers()).some(({ selected }) => selected))
  await client.signOut()
  t.equal(await client.session(), null)
})

t.test('it lists the sessions of the account and ends another one', async (t) => {
  const usher = await startTestUsher(t)
  const [here, there] = [clientOf(usher), clientOf(usher)]
  await there.signInWithPassword(CREDENTIALS)
  await here.signInWithPassword(CREDENTIALS)
  const sessions = await here.sessions()
  t.strictSame(
    sessions.map(({ current }) => current),
    [true, false]
  )
  const ended: string[] = []
  there.onSessionEnd(({ code }) => ended.push(code))
  await here.endSession(sessions[1]?.handle ?? '')
  t.equal(await there.session(), null)
  t.strictSame(ended, ['USHER_SESSION_REVOKED'])
  await here.signOut({ everywhere: true })
  t.equal(await here.session(), null)
})

t.test(
  'a title has sounds, subtitles, scenes and previews, and a report is known when it resolves',
  async (t) => {
    const usher = await startTestUsher(t)
    const client = clientOf(usher)
    await client.signInWithPassword(CREDENTIALS)
    const playback = await client.play('7101', { startAt: 1000 })
    t.match(playback, { kind: 'hls', title: 'The Unlisted Stop', startAt: 1000, audio: [{ selected: true }] })
    t.match(playback.scenes, [
      { kind: 'chapter' },
      {},
      {},
      {},
      { kind: 'intro', start: 3000, end: 9000 },
      { kind: 'credits' }
    ])
    t.match(playback.subtitles, [{ language: 'English' }, { language: 'Deutsch' }, { language: 'Français' }])
    t.match(playback.preview(8765), /\/pms\/library\/parts\/267101\/indexes\/sd\/8000$/)
    await client.timeline({ ratingKey: '7101', state: 'paused', time: 12_345.6, duration: 32_000 })
    t.equal((await client.play('7101')).startAt, 12_346)
    await t.rejects(client.play('7000'), TypeError, 'a series is no film')
  }
)

t.test('what goes wrong is an error with a code of the closed list', async (t) => {
  const usher = await startTestUsher(t)
  const client = clientOf(usher)
  const wrong = await client
    .signInWithPassword({ ...CREDENTIALS, password: 'no' })
    .catch((error: unknown) => error)
  t.type(wrong, UsherError)
  t.match(wrong, { code: 'USHER_CREDENTIALS_REJECTED', status: 401 })
  const ended: string[] = []
  const stop = client.onSessionEnd(({ code }) => ended.push(code))
  await t.rejects(client.pms.fetch('/library/sections'), { code: 'USHER_SESSION_REQUIRED' })
  t.strictSame(ended, ['USHER_SESSION_REQUIRED'])
  stop()
  await t.rejects(client.pms.fetch('/library/sections'))
  t.equal(ended.length, 1)
})

t.test('a code on another device signs in, and leaving the loop gives the code up', async (t) => {
  const usher = await startTestUsher(t)
  const client = clientOf(usher)
  const states: string[] = []
  for await (const state of client.linkCode()) {
    states.push(state.status)
    if (state.status === 'pending') usher.simulator.pins.claim(state.code, 'owner')
  }
  t.strictSame(states, ['pending', 'signed-in'])
  const other = clientOf(usher)
  for await (const state of other.linkCode()) if (state.status === 'pending') break
  t.equal(await other.session(), null)
})

t.test('pictures, files and playlists are addresses without a token', async (t) => {
  const usher = await startTestUsher(t)
  const client = clientOf(usher)
  await client.signInWithPassword(CREDENTIALS)
  const picture = new URL(client.image('/library/metadata/1001/thumb/1', { width: 100, height: 150, dpr: 2 }))
  t.equal(picture.pathname, '/pms/photo/:/transcode')
  t.match(Object.fromEntries(picture.searchParams), { width: '200', height: '300' })
  const playback = await client.play('1001', { maxBitrate: 1000 })
  t.equal(playback.kind, 'hls')
  t.notMatch([...new URL(playback.url).searchParams.keys()].join(), /token/i)
  const playlist = await client.pms.fetch(playback.url.slice(`${usher.publicUrl}/pms`.length))
  t.match(await playlist.text(), /^#EXTM3U/)
  playback.stop()
})

t.test('an address for a device without the cookie plays one film, and ends with the session', async (t) => {
  const usher = await startTestUsher(t)
  const client = clientOf(usher)
  await t.rejects(client.castAddress('/library/metadata/1003', 'hls'), { code: 'USHER_SESSION_REQUIRED' })
  await client.signInWithPassword(CREDENTIALS)
  const { url, expiresAt } = await client.castAddress('/library/metadata/1003', 'hls')
  t.ok(Date.parse(expiresAt) > Date.now())
  const receive = () => fetch(url, { headers: { origin: 'https://receiver.example' } })
  t.match(await (await receive()).text(), /^#EXTM3U/)
  await t.rejects(client.castAddress('/library/sections', 'part'), { code: 'USHER_INVALID_REQUEST' })
  await client.signOut()
  t.equal((await receive()).status, 401)
})

t.test('a transcoder that waits is kept, also on plain HTTP', async (t) => {
  // Browsers have it on secure origins only.
  t.intercept(crypto, 'randomUUID', { value: undefined })
  const usher = await startTestUsher(t)
  const client = clientOf(usher)
  await client.signInWithPassword(CREDENTIALS)
  const playback = await client.play('1001', { maxBitrate: 1000 })
  const session = new URL(playback.url).searchParams.get('session')
  await client.pms.fetch(playback.url.slice(`${usher.publicUrl}/pms`.length))
  playback.keepAlive()
  const pinged = `/video/:/transcode/universal/ping?session=${session}`
  const arrived = () => usher.simulator.received({ service: 'pms' }).some(({ url }) => url.startsWith(pinged))
  t.ok(await until(arrived, 'the ping'))
})

/** A client whose requests get these answers; `null` is a line that is cut. */
function clientOn(answers: (Response | null)[]) {
  const asked: string[] = []
  const client = createClient({
    url: 'https://usher.example',
    async fetch(input, init = {}) {
      asked.push(`${init.method ?? 'GET'} ${new URL(String(input)).pathname}`)
      init.signal?.throwIfAborted()
      const answer = answers.shift() ?? null
      if (answer === null) throw new TypeError('Failed to fetch')
      return answer
    }
  })
  return { client, asked }
}

const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } })

const problem = (status: number, code: string, headers = {}) =>
  json(status, { code, status, detail: 'In words.', requestId: 'r-1' }, headers)

t.test('a link code survives lost polls, and has expired when Usher no longer knows it', async (t) => {
  const pin = {
    code: 'ABCD',
    linkUrl: 'https://plex.tv/link',
    expiresAt: '2026-01-01T00:00:00Z',
    pollAfterMs: 1
  }
  const busy = () => problem(503, 'USHER_PLEX_LIMITED', { 'retry-after': '0' })
  const wayTo = (end: Response) =>
    clientOn([json(201, pin), null, busy(), new Response('<html>', { status: 502 }), end])
  for (const [end, status] of [
    [json(200, { status: 'signed-in', session: {} }), 'signed-in'],
    [json(200, { status: 'expired' }), 'expired'],
    [problem(404, 'USHER_PIN_UNKNOWN'), 'expired']
  ] as const) {
    const { client, asked } = wayTo(end)
    const states: string[] = []
    for await (const state of client.linkCode()) states.push(state.status)
    t.strictSame(states, ['pending', status])
    t.equal(asked.filter((line) => line === 'GET /session/pin').length, 4)
    t.notOk(asked.includes('DELETE /session/pin'))
  }
  const { client, asked } = wayTo(problem(403, 'USHER_ACCOUNT_BLOCKED'))
  await t.rejects(
    async () => {
      for await (const _ of client.linkCode());
    },
    { code: 'USHER_ACCOUNT_BLOCKED' }
  )
  t.equal(asked.at(-1), 'DELETE /session/pin', 'a refusal ends it')
})

t.test('errors of a proxy, a cut line and an abort are not taken for errors of Usher', async (t) => {
  const { client } = clientOn([
    problem(503, 'USHER_BUSY', { 'retry-after': '3' }),
    json(502, { code: 502, message: 'Bad gateway' }),
    json(401, { error: 'no basic credentials' }),
    json(500, null),
    new Response('{"account":', { headers: { 'content-type': 'application/json' } })
  ])
  const ended: string[] = []
  client.onSessionEnd(({ code }) => ended.push(code))
  const get = () => client.pms.fetch('/library/sections')
  await t.rejects(get(), { code: 'USHER_BUSY', retryAfter: 3, message: 'In words.', requestId: 'r-1' })
  await t.rejects(get(), { code: 'USHER_UPSTREAM_UNREACHABLE', status: 502 })
  t.strictSame(ended, [], 'neither ends the session')
  await t.rejects(get(), { code: 'USHER_SESSION_REQUIRED' })
  await t.rejects(get(), { code: 'USHER_UPSTREAM_UNREACHABLE', status: 500 })
  await t.rejects(client.session(), SyntaxError, 'half a response')
  await t.rejects(get(), TypeError, 'offline')
  const signal = AbortSignal.abort()
  await t.rejects(client.pms.fetch('/library/sections', { signal }), { name: 'AbortError' })
})

/** An event stream that ends as soon as it is open. */
class ShortStream extends EventTarget {
  static readonly CLOSED = 2
  readonly readyState = 0
  constructor() {
    super()
    queueMicrotask(() => {
      this.dispatchEvent(new Event('open'))
      this.dispatchEvent(new Event('error'))
    })
  }
  close() {}
}

t.test('event streams that end at once are retried more and more rarely', async (t) => {
  t.intercept(globalThis, 'EventSource', { value: ShortStream })
  const waits: number[] = []
  t.intercept(globalThis, 'setTimeout', {
    value: (run: () => void, ms: number) => {
      waits.push(ms)
      if (waits.length < 9) queueMicrotask(run)
    }
  })
  const { client, asked } = clientOn([])
  client.notifications()
  for (let turn = 0; turn < 100; turn += 1) await Promise.resolve()
  t.equal(waits.length, 9)
  t.ok((waits[3] ?? 0) >= 6000 && (waits[8] ?? 0) >= 45_000, waits.join(' '))
  t.strictSame(asked, [], 'nobody has to ask why')
})
