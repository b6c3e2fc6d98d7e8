import t from 'tap'
import { startTestUsher } from '../../support/usher.ts'
import { exchange, startFront } from './front.ts'

const POSTERS = 500
const STAMPED = '/library/metadata/7/thumb/1745854354'
const TRANSCODED = `/photo/:/transcode?width=120&height=180&url=${encodeURIComponent(STAMPED)}`

for (const lane of [null, {}]) {
  t.test(`a picture lasts, and its address is its tag, ${lane ? 'lane' : 'undici'}`, async (t) => {
    const front = await startFront(t, { lane, compress: true })
    let fields: Record<string, string> = {}
    const body = Buffer.alloc(200_000, 7)
    front.upstream.answer = (request, response) => {
      if (request.headers['if-none-match'] === '"own"') return response.writeHead(304, fields).end()
      return response.writeHead(200, { 'Content-Type': 'image/jpeg', ...fields }).end(body)
    }
    const ask = async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
      const answer = await fetch(`${front.url}${path}`, {
        method,
        headers: { ...headers, connection: 'close' }
      })
      const { byteLength } = await answer.arrayBuffer()
      return { status: answer.status, headers: answer.headers, bytes: byteLength }
    }
    const said = async (path: string) => (await ask(path)).headers.get('cache-control')

    for (const path of [STAMPED, TRANSCODED]) {
      for (const cached of ['', 'no-cache', 'max-age=0, must-revalidate']) {
        fields = cached === '' ? {} : { 'Cache-Control': cached }
        t.equal(await said(path), 'private, max-age=604800, stale-while-revalidate=2592000', cached)
      }
      fields = { 'Cache-Control': 'public, max-age=86400' }
      t.equal(await said(path), 'private, max-age=86400, stale-while-revalidate=2592000')
      fields = { 'Cache-Control': 'max-age=9, stale-while-revalidate=5' }
      t.equal(await said(path), 'private, max-age=9, stale-while-revalidate=5')
      fields = { 'Cache-Control': 'no-store' }
      t.equal(await said(path), 'private, no-store')

      fields = { 'Content-Length': String(body.length) }
      const first = await ask(path)
      const tag = first.headers.get('etag') ?? ''
      t.equal(tag, 'W/"1745854354-200000"')
      for (const condition of [tag, `"other", ${tag}`, '"1745854354-200000"']) {
        const again = await ask(path, { 'if-none-match': condition })
        t.match(again, { status: 304, bytes: 0 })
        t.equal(again.headers.get('etag'), tag)
        t.match(again.headers.get('cache-control'), /^private, max-age=/)
        t.notOk(again.headers.has('content-type') || again.headers.has('content-length'))
      }
      t.match(await ask(path, { 'if-none-match': 'W/"1745854354-199999"' }), { status: 200, bytes: 200_000 })
      t.match(await ask(path, {}, 'HEAD'), { status: 200, bytes: 0 })
      fields = { ETag: '"own"', 'Cache-Control': 'no-cache' }
      const own = await ask(path, { 'if-none-match': '"own"' })
      t.equal(own.status, 304)
      t.equal(own.headers.get('etag'), '"own"')
      t.match(own.headers.get('cache-control'), /^private, max-age=604800/)
      fields = {}
    }
    fields = {}
    t.equal(await said('/:/resources/movie.png'), 'private, max-age=3600, stale-while-revalidate=86400')
    t.notOk((await ask('/library/metadata/7/thumb')).headers.has('etag'), 'without a number nothing is known')
    fields = { 'Content-Type': 'image/svg+xml' }
    t.equal(await said(STAMPED), 'no-store', 'a text')
    t.match(front.outcomes, { length: front.upstream.requests.length })
    t.ok(front.outcomes.every((outcome) => outcome === 'ok'))
    t.equal(front.streams.size, 0)
  })
}

t.test('a picture that is not sent again leaves its connection and its turn to the next', async (t) => {
  const front = await startFront(t, { lane: {} })
  front.upstream.answer = (_request, response) =>
    response
      .writeHead(200, { 'Content-Type': 'image/jpeg', 'Content-Length': 30_000 })
      .end(Buffer.alloc(30_000))
  const request = `GET ${STAMPED} HTTP/1.1\r\nHost: front\r\nIf-None-Match: W/"1745854354-30000"\r\n`
  const text = await exchange(
    front.port,
    `${`${request}\r\n`.repeat(200)}${request}Connection: close\r\n\r\n`
  )
  t.equal(text.match(/HTTP\/1\.1 304 /g)?.length, 201)
  t.notMatch(text, /HTTP\/1\.1 [1245]/)
})

t.test('a wall of 500 posters costs the second visit nothing', async (t) => {
  const usher = await startTestUsher(t)
  const person = await usher.signedIn()
  const paths = Array.from(
    { length: POSTERS },
    (_, at) =>
      `/pms/photo/:/transcode?width=120&height=180&url=/library/metadata/${(at % 5) + 1}/thumb/${1_700_000_000 + at}`
  )
  let bytes = 0
  for (const path of paths) {
    const { status, headers, body } = await person.get(path)
    t.equal(status, 200)
    const [, seconds] =
      /^private, max-age=(\d+), stale-while-revalidate=\d+$/.exec(String(headers['cache-control'])) ?? []
    if (!(Number(seconds) >= 86_400)) t.fail(`${path}: ${headers['cache-control']}`)
    bytes += body.length
    const later = await person.get(path, { 'if-none-match': String(headers.etag) })
    if (later.status !== 304 || later.body.length > 0)
      t.fail(`${path}: asked again it costs ${later.body.length}`)
  }
  t.ok(bytes > 100_000)
  const list = await person.get('/pms/library/sections/1/all')
  t.equal(list.headers['cache-control'], 'no-store', 'a document is shown by no back button')
})
