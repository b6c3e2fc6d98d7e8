import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { brotliDecompressSync, constants, gunzipSync, zstdDecompressSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { Load } from '../../../src/forward/loads.ts'
import { fc } from '../../support/properties.ts'
import { until } from '../../support/until.ts'
import { exchange, type Front, type FrontOptions, startFront, TOKEN } from './front.ts'

t.setTimeout(300_000)

interface Reply {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly raw: Buffer
  /** Without its coding. */
  readonly body: Buffer
}

function decode(coding: string | undefined, raw: Buffer): Buffer {
  if (coding === 'gzip') return gunzipSync(raw)
  if (coding === 'br') return brotliDecompressSync(raw)
  return coding === 'zstd' ? zstdDecompressSync(raw) : raw
}

/** As much as can be read of a text that has not ended. */
function decodePart(coding: string, raw: Buffer): string {
  if (coding === 'gzip') return gunzipSync(raw, { finishFlush: constants.Z_SYNC_FLUSH }).toString()
  if (coding === 'br')
    return brotliDecompressSync(raw, { finishFlush: constants.BROTLI_OPERATION_FLUSH }).toString()
  return zstdDecompressSync(raw, { finishFlush: constants.ZSTD_e_flush }).toString()
}

async function ask(
  front: Front,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET'
): Promise<Reply> {
  const request = httpRequest(`${front.url}/library/all`, { method, headers, agent: false }).end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  const raw = Buffer.concat(chunks)
  const { statusCode: status = 0 } = response
  const body = method === 'HEAD' ? raw : decode(response.headers['content-encoding'], raw)
  return { status, headers: response.headers, raw, body }
}

const start = (t: Test, options: FrontOptions = {}) => startFront(t, { lane: {}, compress: true, ...options })

/** A library of so many films. */
const library = (films: number): string =>
  JSON.stringify({
    MediaContainer: {
      Metadata: Array.from({ length: films }, (_, at) => ({
        ratingKey: String(at),
        title: `千と千尋の神隠し ${(at * 7919) % 10_007}`,
        summary: `A taken kingdom, ${at * 104_729}: to keep the oath the knight takes road ${at % 97} back.`
      }))
    }
  })

function serve(front: Front, body: string | Buffer, headers: Readonly<Record<string, string>> = {}): void {
  front.upstream.answer = (_request, response) => {
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      ...headers
    })
    response.end(body)
  }
}

for (const lane of [null, {}]) {
  t.test(`a text arrives byte for byte in every coding, ${lane ? 'lane' : 'undici'}`, async (t) => {
    const front = await start(t, { lane })
    for (const films of [10, 30, 3000]) {
      const text = library(films)
      serve(front, text, { ETag: '"list-1"', 'Accept-Ranges': 'bytes' })
      for (const coding of ['zstd', 'br', 'gzip']) {
        const { headers, raw, body } = await ask(front, { 'Accept-Encoding': coding })
        t.equal(headers['content-encoding'], coding)
        t.equal(headers.vary, 'Accept-Encoding')
        t.equal(headers.etag, 'W/"list-1"')
        t.equal(headers['accept-ranges'], undefined)
        t.equal(headers['content-type'], 'application/json')
        t.ok(body.equals(Buffer.from(text)), `${films} films, ${coding}`)
        t.ok(raw.length < text.length / 1.5, `${raw.length} of ${text.length}`)
        if (headers['content-length'] !== undefined) t.equal(Number(headers['content-length']), raw.length)
      }
      const plain = await ask(front)
      t.equal(plain.body.toString(), text)
      t.match(plain.headers, { vary: 'Accept-Encoding', etag: '"list-1"', 'accept-ranges': 'bytes' })
      t.equal(plain.headers['content-encoding'], undefined)
      t.equal(plain.headers['content-length'], String(Buffer.byteLength(text)))
    }
  })
}

t.test('without the setting nothing is compressed, and no field tells of it', async (t) => {
  const front = await start(t, { compress: false })
  serve(front, library(100), { ETag: '"list-1"' })
  const { headers } = await ask(front, { 'Accept-Encoding': 'gzip, br, zstd', 'If-None-Match': 'W/"list-1"' })
  t.equal(headers['content-encoding'], undefined)
  t.equal(headers.vary, undefined)
  t.equal(headers.etag, '"list-1"')
  t.equal(front.upstream.requests[0]?.headers['if-none-match'], 'W/"list-1"')
})

t.test('media, event streams, ranges, short texts and no-transform leave as they are', async (t) => {
  const front = await start(t)
  const all = { 'Accept-Encoding': 'gzip, br, zstd' }
  const plain = async (name: string, headers: Readonly<Record<string, string>> = all, method = 'GET') => {
    const reply = await ask(front, headers, method)
    t.equal(reply.headers['content-encoding'], undefined, name)
    return reply
  }
  const text = library(100)
  for (const type of ['image/jpeg', 'video/mp4', 'application/octet-stream', 'font/woff2']) {
    front.call = { class: 'media' }
    serve(front, text, { 'Content-Type': type })
    t.equal((await plain(type)).headers.vary, undefined)
  }
  front.call = {}
  serve(front, text, { 'Content-Type': 'text/event-stream' })
  t.equal((await plain('an event stream')).headers.vary, undefined)
  serve(front, text, { 'Cache-Control': 'no-cache, no-transform' })
  await plain('no-transform')
  serve(front, 'x'.repeat(1000))
  await plain('a short text')
  serve(front, text)
  await plain('a client without Accept-Encoding, such as an old television', {})
  await plain('a client that wants no coding', { 'Accept-Encoding': 'identity' })
  await plain('a client that allows nothing', { 'Accept-Encoding': 'identity;q=0, *;q=0' })
  await plain('a request with Range', { ...all, Range: 'bytes=0-' })
  await plain('what an old browser opens, wherever the link is', { ...all, Accept: 'text/html,*/*' })
  const head = await plain('HEAD', all, 'HEAD')
  t.match(head.headers, { vary: 'Accept-Encoding', 'content-length': String(Buffer.byteLength(text)) })
  front.call = { handOn: 'play.token' }
  await plain('a text with a secret of its caller')
})

t.test(
  'a condition with the weak tag reaches the server as its own tag, and 304 names the weak one',
  async (t) => {
    const front = await start(t)
    const text = library(100)
    front.upstream.answer = (request, response) => {
      const { 'if-none-match': condition, 'if-match': match } = request.headers
      const headers = { 'Content-Type': 'application/json', ETag: '"list-1"' }
      if (match !== undefined && match !== '"list-1"') response.writeHead(412).end()
      else if (condition === '"list-1"' || condition === '"a", "list-1"')
        response.writeHead(304, headers).end()
      else response.writeHead(200, headers).end(text)
    }
    const gzip = { 'Accept-Encoding': 'gzip' }
    const first = await ask(front, gzip)
    const { etag = '' } = first.headers
    t.equal(etag, 'W/"list-1"')
    const second = await ask(front, { ...gzip, 'If-None-Match': etag })
    t.equal(second.status, 304)
    t.equal(second.headers.etag, etag)
    t.equal(second.headers['content-encoding'], undefined)
    t.equal((await ask(front, { ...gzip, 'If-None-Match': 'W/"a", W/"list-1"' })).status, 304)
    const strong = await ask(front, { 'If-None-Match': '"list-1"' })
    t.match(strong, { status: 304, headers: { etag: '"list-1"' } })
    t.equal((await ask(front, { 'If-Match': 'W/"list-1"' })).status, 200)
    t.equal((await ask(front, { 'If-Match': '"other"' })).status, 412)
  }
)

t.test('Vary keeps what the server says', async (t) => {
  const front = await start(t)
  serve(front, library(9), { Vary: 'Accept-Language' })
  const { headers } = await ask(front)
  t.equal(headers.vary, 'Accept-Language, Accept-Encoding')
  serve(front, library(9), { Vary: 'accept-encoding' })
  t.equal((await ask(front)).headers.vary, 'accept-encoding')
})

t.test(
  'HTTP/1.0 gets a short text compressed and a long one as it is, and keeps its connection',
  async (t) => {
    const front = await start(t)
    const request = 'GET /x HTTP/1.0\r\nHost: front\r\nAccept-Encoding: gzip\r\nConnection: '
    serve(front, library(20))
    const short = await exchange(front.port, `${request}close\r\n\r\n`)
    t.match(short, /^HTTP\/1\.1 200 .*\r\ncontent-encoding: gzip\r\n/is)
    const [, packed = ''] = short.split('\r\n\r\n', 2)
    t.match(short, new RegExp(`\r\ncontent-length: ${packed.length}\r\n`, 'i'))
    const text = library(1000)
    serve(front, text)
    const long = await exchange(front.port, `${request}keep-alive\r\n\r\n${request}close\r\n\r\n`)
    t.notMatch(long, /content-encoding|transfer-encoding/i)
    t.equal(long.match(new RegExp(`\r\ncontent-length: ${Buffer.byteLength(text)}\r\n`, 'gi'))?.length, 2)
  }
)

t.test('rule 56: tokens are masked before the text is compressed', async (t) => {
  const front = await start(t)
  for (const films of [20, 2000]) {
    const text = library(films).replace('ratingKey', `key":"/library?X-Plex-Token=${TOKEN}","ratingKey`)
    serve(front, text)
    const { body } = await ask(front, { 'Accept-Encoding': 'br' })
    t.notMatch(body.toString(), TOKEN)
    t.equal(body.toString(), text.replace(TOKEN, '*'.repeat(TOKEN.length)))
  }
})

t.test('whatever the text and however it arrives, the bytes are those of the uncompressed', async (t) => {
  const front = await start(t)
  let pieces: readonly Buffer[] = []
  front.upstream.answer = async (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain' })
    for (const piece of pieces) {
      response.write(piece)
      await new Promise(setImmediate)
    }
    response.end()
  }
  const piece = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 4000 }))
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 8 }),
      fc.constantFrom('gzip', 'br', 'zstd', 'gzip;q=0.2, br;q=0.1'),
      async (parts, accept) => {
        pieces = parts.map(([bytes, times]) => Buffer.concat(Array.from({ length: times }, () => bytes)))
        const { body: plain } = await ask(front)
        const { body } = await ask(front, { 'Accept-Encoding': accept })
        return plain.equals(Buffer.concat(pieces)) && body.equals(plain)
      }
    ),
    { numRuns: 60 }
  )
})

t.test('a text that pauses is given out as far as it has come', async (t) => {
  const front = await start(t)
  front.call = { class: 'media' }
  let goOn = (): void => {}
  front.upstream.answer = (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/vtt' })
    response.write(`WEBVTT\n\n${'00:01.000 --> 00:02.000\nFirst\n\n'.repeat(900)}`)
    goOn = () => response.end('00:03.000 --> 00:04.000\nLast\n\n')
  }
  const request = httpRequest(`${front.url}/x`, { headers: { 'Accept-Encoding': 'gzip' } }).end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  response.on('data', (chunk: Buffer) => chunks.push(chunk))
  const textOf = () => decodePart('gzip', Buffer.concat(chunks))
  await until(() => chunks.length > 0 && textOf().split('First').length === 901)
  goOn()
  await once(response, 'end')
  t.match(textOf(), /Last\n\n$/)
})

t.test('a text that pauses after a few lines is given out as well', async (t) => {
  const front = await start(t)
  front.call = { class: 'media' }
  const first = `WEBVTT\n\n${'00:01.000 --> 00:02.000\nFirst\n\n'.repeat(50)}`
  front.upstream.answer = (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/vtt' })
    response.write(first)
  }
  for (const coding of ['gzip', 'br', 'zstd']) {
    const request = httpRequest(`${front.url}/x`, { agent: false, headers: { 'Accept-Encoding': coding } })
    request.on('error', () => {}).end()
    const [response] = (await once(request, 'response', {
      signal: AbortSignal.timeout(20_000)
    })) as [IncomingMessage]
    t.equal(response.headers['content-encoding'], coding)
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => {})
    const textOf = () => decodePart(coding, Buffer.concat(chunks))
    await until(() => chunks.length > 0 && textOf() === first)
    request.destroy()
  }
})

t.test('a slow reader holds back the server, not memory', async (t) => {
  // Longer than the reader takes nothing, however slow the machine is to fill what is between them.
  const front = await start(t, { timeoutMs: 60_000 })
  const piece = () => randomBytes(48 * 1024).toString('base64')
  const total = 900
  let sent = 0
  front.upstream.answer = (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain' })
    const more = (): void => {
      while (sent < total) {
        sent += 1
        if (!response.write(piece())) return void response.once('drain', more)
      }
      response.end()
    }
    more()
  }
  const socket = connect(front.port, '127.0.0.1')
  socket.write('GET /x HTTP/1.1\r\nHost: x\r\nAccept-Encoding: zstd\r\nConnection: close\r\n\r\n')
  await once(socket, 'readable')
  let before = -1
  await until(async () => {
    const isStill = sent === before
    before = sent
    await new Promise((resolve) => setTimeout(resolve, 300))
    return isStill && sent === before
  })
  t.ok(sent < total / 2, `${sent} of ${total} pieces were asked for`)
  socket.resume()
  await once(socket, 'close')
  t.equal(sent, total)
})

t.test(
  'a client that leaves in the middle ends the transfer, and its compressor is free again',
  async (t) => {
    const front = await start(t)
    const load = new Load()
    front.principal = { load }
    let closed = 0
    front.upstream.answer = (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain' })
      const timer = setInterval(() => response.write('x'.repeat(40_000)), 5)
      response.on('close', () => {
        closed += 1
        clearInterval(timer)
      })
    }
    const requests = Array.from({ length: 9 }, () =>
      httpRequest(`${front.url}/x`, { agent: false, headers: { 'Accept-Encoding': 'br' } })
        .on('error', () => {})
        .end()
    )
    const responses = await Promise.all(requests.map(async (request) => (await once(request, 'response'))[0]))
    const coded = responses.filter(({ headers }) => headers['content-encoding'] === 'br')
    t.equal(coded.length, 6, 'an account has six compressors; more texts leave as they are')
    t.equal(load.compressors, 6)
    front.principal = { load: new Load() }
    front.upstream.answer = (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(library(500))
    }
    const other = await ask(front, { 'Accept-Encoding': 'br' })
    t.equal(other.headers['content-encoding'], 'br', 'and takes none from others')
    for (const request of requests) request.destroy()
    await until(() => closed === 9 && load.compressors === 0)
  }
)

t.test('rule 55: a body that breaks off is no whole one, compressed or not', async (t) => {
  const front = await start(t)
  front.upstream.answer = (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 900_000 })
    response.write('some text '.repeat(3000), () => setTimeout(() => response.destroy(), 50))
  }
  // The transfer itself, not only what is in it.
  await t.rejects(ask(front, { 'Accept-Encoding': 'gzip' }), { code: 'ECONNRESET' })
})

t.test('rule 20: a compressed text ends with its session', async (t) => {
  const front = await start(t)
  front.upstream.answer = (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain' })
    response.write('x'.repeat(40_000))
  }
  const asked = ask(front, { 'Accept-Encoding': 'gzip' })
  await until(() => front.streams.size === 1)
  for (const { abort } of front.streams) abort('session-ended')
  await t.rejects(asked, { code: 'ECONNRESET' })
  t.equal(front.streams.size, 0)
})
