import type { IncomingMessage, ServerResponse } from 'node:http'
import t from 'tap'
import { startFront, TOKEN } from './front.ts'

const PLAYLIST = `#EXTM3U\n#EXTINF:1,\na.ts?X-Plex-Token=${TOKEN}\n`
const MASKED = PLAYLIST.replace(TOKEN, '*'.repeat(TOKEN.length))

/** A server that honours Range for everything. */
function serve(type: string, body: string) {
  return (request: IncomingMessage, response: ServerResponse) => {
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
    const headers = { ...(type !== '' && { 'Content-Type': type }), 'Accept-Ranges': 'bytes' }
    if (from === undefined) {
      response.writeHead(200, { ...headers, 'Content-Length': body.length }).end(body)
      return
    }
    const piece = body.slice(Number(from), to === '' ? undefined : Number(to) + 1)
    const range = `bytes ${from}-${Number(from) + piece.length - 1}/${body.length}`
    response.writeHead(206, { ...headers, 'Content-Range': range, 'Content-Length': piece.length }).end(piece)
  }
}

for (const lane of [null, {}]) {
  t.test(
    `rule 57: a range of a text is answered with the whole of it, ${lane ? 'lane' : 'undici'}`,
    async (t) => {
      const front = await startFront(t, { lane })
      front.call = { class: 'media' }
      for (const type of [
        'application/vnd.apple.mpegurl',
        'text/vtt',
        'application/x-subrip',
        'text/xml',
        ''
      ]) {
        front.upstream.answer = serve(type, PLAYLIST)
        for (const range of ['bytes=0-', 'bytes=0-1', `bytes=${PLAYLIST.indexOf(TOKEN) + 3}-`]) {
          front.upstream.requests.length = 0
          const answer = await fetch(front.url, { headers: { range, 'if-range': '"a"' } })
          t.equal(answer.status, 200, `${type} ${range}`)
          t.equal(await answer.text(), MASKED)
          t.equal(answer.headers.get('content-range'), null)
          t.equal(answer.headers.get('content-length'), String(PLAYLIST.length))
          t.strictSame(
            front.upstream.requests.map(({ headers }) => [headers.range, headers['if-range']]),
            [
              [range, '"a"'],
              [undefined, undefined]
            ]
          )
        }
      }
      t.ok(front.outcomes.every((outcome) => outcome === 'ok'))
      t.equal(front.streams.size, 0)
    }
  )

  t.test(`media keep their ranges, ${lane ? 'lane' : 'undici'}`, async (t) => {
    const front = await startFront(t, { lane })
    front.call = { class: 'media' }
    front.upstream.answer = serve('video/x-matroska', 'abcdef')
    const answer = await fetch(front.url, { headers: { range: 'bytes=2-3' } })
    t.equal(answer.status, 206)
    t.equal(await answer.text(), 'cd')
    t.equal(answer.headers.get('content-range'), 'bytes 2-3/6')
    t.equal(front.upstream.requests.length, 1)
  })

  t.test(
    `a server that gives a piece although the whole was asked for, ${lane ? 'lane' : 'undici'}`,
    async (t) => {
      const front = await startFront(t, { lane })
      front.call = { class: 'media' }
      front.upstream.answer = (_request, response) =>
        void response
          .writeHead(206, { 'Content-Type': 'text/vtt', 'Content-Range': 'bytes 0-2/9' })
          .end('WEB')
      const answer = await fetch(front.url, { headers: { range: 'bytes=0-2' } })
      t.equal(answer.status, 502)
      t.equal(front.upstream.requests.length, 2)
      t.strictSame(front.outcomes, ['invalid'])
    }
  )
}
