import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { generate } from 'selfsigned'
import t, { type Test } from 'tap'
import { AnswerReader } from '../../../src/fetch/answer-reader.ts'
import { createLane } from '../../../src/fetch/lane.ts'
import { createLanes } from '../../../src/fetch/lanes.ts'
import { Load } from '../../../src/forward/loads.ts'
import { freePort } from '../../support/ports.ts'
import { fc } from '../../support/properties.ts'
import { until } from '../../support/until.ts'
import { exchange, type Front, type FrontOptions, startFront, TOKEN } from '../forward/front.ts'
import { cases } from './answers.ts'
import { laneFetch, laneOutcome } from './lane-fetch.ts'
import { type RawHandler, type RawUpstream, startRaw } from './raw-upstream.ts'
import { cut } from './readers.ts'

t.setTimeout(120_000)

const OK = 'HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n'

async function startLane(t: Test, options: FrontOptions = {}): Promise<Front> {
  const front = await startFront(t, { lane: {}, ...options })
  front.call = { class: 'media' }
  return front
}

/** A front with the lane, before a server that answers by hand. */
async function startRawLane(
  t: Test,
  answer: RawHandler,
  options: FrontOptions = {}
): Promise<{ front: Front; raw: RawUpstream }> {
  const raw = await startRaw(t, answer)
  return { raw, front: await startLane(t, { origin: raw.origin, ...options }) }
}

function open(front: Front, path = '/x', method = 'GET'): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  httpRequest(front.url + path, { method, agent: false })
    .on('error', reject)
    .on('response', resolve)
    .end()
  return promise
}

/** A whole exchange; `end` is 'end', or the code of the error that broke it off. */
async function ask(front: Front, path = '/x', method = 'GET') {
  return read(await open(front, path, method))
}

async function read(response: IncomingMessage) {
  const chunks: Buffer[] = []
  let end = 'end'
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer)
  } catch (error) {
    end = (error as NodeJS.ErrnoException).code ?? 'error'
  }
  const body = Buffer.concat(chunks)
  return { status: response.statusCode, headers: response.headers, body, text: body.toString('latin1'), end }
}

const closed = (raw: RawUpstream, index: number): Promise<boolean> =>
  until(() => raw.sockets[index]?.destroyed === true)

/** Bytes that tell of which file they are, and at what place. */
function fileBytes(seed: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 7 + seed * 101) & 0xff
  return bytes
}

t.test('a request as undici writes it, with the token last', async (t) => {
  const { front, raw } = await startRawLane(t, (socket) => socket.write(`${OK}Content-Length: 2\r\n\r\nok`))
  t.match(await ask(front, '/library/parts/1?a=b'), {
    status: 200,
    text: 'ok',
    headers: { 'content-length': '2', 'cross-origin-resource-policy': 'same-origin' }
  })
  t.strictSame(raw.heads[0]?.split('\r\n'), [
    'GET /library/parts/1?a=b HTTP/1.1',
    `host: ${new URL(raw.origin).host}`,
    'connection: keep-alive',
    'accept-encoding: identity',
    'X-Plex-Client-Identifier: browser-1',
    'X-Plex-Product: Usher',
    `X-Plex-Token: ${TOKEN}`
  ])
  front.call = { class: 'api' }
  await ask(front)
  t.match(raw.heads[1], /^GET \/x HTTP\/1\.1\r\nhost/)
  t.equal(raw.sockets.length, 2, 'over a connection of its own')
})

t.test('HEAD, 204, 206, 304 and 416', async (t) => {
  const front = await startLane(t)
  front.upstream.answer = (request, response) => {
    if (request.url === '/204') response.writeHead(204).end()
    else if (request.url === '/304') response.writeHead(304, { ETag: '"e"', 'Content-Length': '9' }).end()
    else if (request.url === '/206')
      response.writeHead(206, { 'Content-Type': 'video/mp4', 'Content-Range': 'bytes 1-2/4' }).end('bc')
    else if (request.url === '/416')
      response.writeHead(416, { 'Content-Range': 'bytes */4', 'Content-Type': 'text/html' }).end('<html>')
    else response.writeHead(200, { 'Content-Length': '1234', 'Content-Type': 'video/mp4' }).end()
  }
  t.match(await ask(front, '/x', 'HEAD'), { status: 200, text: '', headers: { 'content-length': '1234' } })
  t.match(await ask(front, '/204'), { status: 204, text: '' })
  t.match(await ask(front, '/304'), { status: 304, text: '', headers: { etag: '"e"' } })
  t.match(await ask(front, '/206'), { status: 206, text: 'bc', headers: { 'content-range': 'bytes 1-2/4' } })
  t.match(await ask(front, '/416'), {
    status: 416,
    headers: { 'content-range': 'bytes */4' },
    text: /USHER_UPSTREAM_REFUSED/
  })
})

t.test('both ways give the client the same, whatever the server sends, and however it is cut', async (t) => {
  let pieces: Buffer[] = []
  const raw = await startRaw(t, async (socket) => {
    for (const piece of pieces) {
      socket.write(piece)
      if (pieces.length > 1) await delay(1)
    }
    socket.end()
  })
  const options = { origin: raw.origin, timeoutMs: 20_000 }
  const byLane = await startLane(t, options)
  const byUndici = await startFront(t, options)
  for (const front of [byLane, byUndici]) front.call = { class: 'media', repeatable: false }
  const plain = ({ status, headers, text, end }: Awaited<ReturnType<typeof ask>>) => {
    const { date: _, connection: __, 'keep-alive': ___, ...fields } = headers
    // Blanks behind a value are no part of it; undici keeps them.
    const values = Object.entries(fields).map(([name, value]) => [
      name,
      String(value).replace(/[\t ]+(?=,|$)/g, '')
    ])
    return { status, values, text, end }
  }
  const attempt = async (front: Front, method: string) => {
    try {
      return plain(await ask(front, '/x', method))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') return null
      throw error
    }
  }
  let agreed = 0
  await fc.assert(
    fc.asyncProperty(
      cases,
      fc.array(fc.nat({ max: 300 }), { maxLength: 3 }),
      async ({ bytes, method }, cuts) => {
        pieces = cut(bytes, cuts)
        const [lane, undici] = [await attempt(byLane, method), await attempt(byUndici, method)]
        // Broken off so soon that not even the head left: only where the other way gives no whole answer either.
        if (lane === null || undici === null) {
          const other = lane ?? undici
          const isWhole = other?.end === 'end' && (other.status ?? 0) < 500
          t.notOk(isWhole, `one way broke off: ${JSON.stringify(bytes.toString('latin1'))}`)
          return
        }
        if (lane.status !== undefined && lane.status < 400 && lane.end === 'end') {
          agreed += 1
          t.strictSame(lane, undici, JSON.stringify(bytes.toString('latin1')))
        } else if (lane.status !== undici.status) {
          t.ok(
            (lane.status ?? 0) >= 502,
            'what undici takes and the lane does not is a problem, not half an answer'
          )
        }
      }
    ),
    { numRuns: 80 }
  )
  t.ok(agreed > 8, `${agreed} answers were taken`)
})

t.test('tokens are masked in a playlist, across reads', async (t) => {
  const text = `#EXTM3U\nseg.ts?X-Plex-Token=${TOKEN}\nother=${TOKEN}\n`
  const { front } = await startRawLane(t, async (socket) => {
    socket.write(
      `HTTP/1.1 200 OK\r\nContent-Type: application/x-mpegURL\r\nContent-Length: ${text.length}\r\n\r\n`
    )
    for (const piece of text.match(/.{1,7}|\n/g) ?? []) {
      socket.write(piece)
      await delay(1)
    }
  })
  const answer = await ask(front)
  t.equal(answer.body.length, text.length)
  t.notMatch(answer.text, TOKEN)
  t.match(answer.text, /^#EXTM3U\nseg\.ts\?X-Plex-Token=\*+\nother=\*+\n$/)
})

t.test('a connection serves again, and never after bytes that nobody asked for', async (t) => {
  const { front, raw } = await startRawLane(t, (socket) => socket.write(`${OK}Content-Length: 2\r\n\r\nok`))
  for (let i = 0; i < 3; i++) t.equal((await ask(front)).text, 'ok')
  t.equal(raw.sockets.length, 1)

  raw.answer = (socket) =>
    socket.write(`${OK}Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`)
  t.equal((await ask(front)).text, 'ok')
  raw.answer = (socket) => socket.write(`${OK}Content-Length: 2\r\n\r\nok`)
  t.equal((await ask(front)).text, 'ok')
  t.equal(raw.sockets.length, 2, 'with the answer')

  raw.sockets[1]?.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
  await closed(raw, 1)
  t.equal((await ask(front)).text, 'ok')
  t.equal(raw.sockets.length, 3, 'while it is idle')

  for (const head of ['Connection: close\r\n', 'Keep-Alive: timeout=2\r\n']) {
    const before = raw.sockets.length
    raw.answer = (socket) => socket.write(`${OK}${head}Content-Length: 2\r\n\r\nok`)
    await ask(front)
    await ask(front)
    t.ok(raw.sockets.length > before, head)
  }
})

t.test('rule 54: a connection that ended while idle costs one retry', async (t) => {
  const { front, raw } = await startRawLane(t, (socket, _head, requests) => {
    if (requests > 1) socket.resetAndDestroy()
    else socket.write(`${OK}Content-Length: 2\r\n\r\nok`)
  })
  t.equal((await ask(front)).text, 'ok')
  t.equal((await ask(front)).text, 'ok')
  t.equal(raw.heads.length, 3)
  front.call = { class: 'media', repeatable: false }
  t.match(await ask(front), { status: 503, text: /USHER_UPSTREAM_UNREACHABLE/ })
})

t.test('rule 55: a body that is short, broken or reset is never a clean end', async (t) => {
  const { front, raw } = await startRawLane(t, () => {})
  const chunked = `${OK}Transfer-Encoding: chunked\r\n\r\n`
  for (const [name, text, how] of [
    ['short', `${OK}Content-Length: 9\r\n\r\nsome`, 'end'],
    ['reset', `${OK}Content-Length: 9\r\n\r\nsome`, 'reset'],
    ['no last chunk', `${chunked}4\r\nsome\r\n`, 'end'],
    ['half a chunk', `${chunked}9\r\nsome`, 'end'],
    ['a broken chunk', `${chunked}4\r\nsome\r\n`, 'garble']
  ] as const) {
    raw.answer = (socket) => socket.write(text)
    const response = await open(front)
    // Only now: what is broken before anything of it has left is a problem, and no answer.
    const socket = raw.sockets.at(-1)
    if (how === 'end') socket?.end()
    else if (how === 'reset') socket?.resetAndDestroy()
    else socket?.write('xyz\r\n')
    t.match(await read(response), { status: 200, end: 'ECONNRESET' }, name)
  }
  t.equal(front.streams.size, 0)
})

t.test('rule 55: a client that goes away takes its upstream request along, at any time', async (t) => {
  const { front, raw } = await startRawLane(t, (socket, head) => {
    if (head.startsWith('GET /body')) socket.write(`${OK}Content-Length: 99\r\n\r\nsome`)
    if (head.startsWith('GET /big')) {
      const piece = Buffer.alloc(64 * 1024)
      socket.write(`${OK}Content-Length: 999999999\r\n\r\n`)
      const more = () => {
        while (!socket.destroyed && socket.write(piece));
      }
      socket.on('drain', more)
      more()
    }
  })
  const waiting = httpRequest(`${front.url}/head`, { agent: false })
    .on('error', () => {})
    .end()
  await until(() => raw.heads.length === 1)
  waiting.destroy()
  await closed(raw, 0)
  const body = await open(front, '/body')
  await until(() => front.streams.size === 1)
  body.destroy()
  await closed(raw, 1)
  const paused = await open(front, '/big')
  await delay(300)
  paused.destroy()
  await closed(raw, 2)
  const ended = await open(front, '/big')
  await until(() => front.streams.size === 1)
  for (const { abort } of front.streams) abort('session-ended')
  ended.on('error', () => {})
  await closed(raw, 3)
  t.equal(front.streams.size, 0)
})

t.test('rule 53: a server that hangs is a time-out, a client that does is none', async (t) => {
  const big = fileBytes(1, 12 * 1024 * 1024)
  const { front } = await startRawLane(
    t,
    (socket, head) => {
      if (head.startsWith('GET /body')) socket.write(`${OK}Content-Length: 99\r\n\r\nsome`)
      else if (head.startsWith('GET /drip')) {
        const timer = setInterval(() => socket.write('H'), 50)
        socket.on('close', () => clearInterval(timer))
      } else if (head.startsWith('GET /big')) {
        socket.write(`${OK}Content-Length: ${big.length}\r\n\r\n`)
        socket.write(big)
      }
    },
    { timeoutMs: 1000 }
  )
  t.match(await ask(front, '/head'), { status: 504, text: /USHER_UPSTREAM_TIMEOUT/ })
  t.match(
    await ask(front, '/drip'),
    { status: /50[24]/ },
    'a head that comes by the byte does not last longer'
  )
  t.match(await ask(front, '/body'), { status: 200, end: 'ECONNRESET' })
  const slow = await open(front, '/big')
  await delay(2500)
  const chunks: Buffer[] = []
  for await (const chunk of slow) chunks.push(chunk as Buffer)
  t.ok(Buffer.concat(chunks).equals(big), 'every byte came, after a pause longer than the limit')
})

t.test('rule 53: requests beyond the connections wait, in order, and not for ever', async (t) => {
  const release: (() => void)[] = []
  const { front, raw } = await startRawLane(
    t,
    (socket, head) => {
      const answer = () => socket.write(`${OK}Content-Length: 2\r\n\r\nok`)
      if (head.startsWith('GET /held')) release.push(answer)
      else if (head.startsWith('GET /stream')) {
        socket.write(`${OK}Content-Length: 9999\r\n\r\n`)
        const timer = setInterval(() => socket.write('x'), 50)
        socket.on('close', () => clearInterval(timer))
      } else answer()
    },
    { timeoutMs: 2000, connections: { media: 1 } }
  )
  front.call = { class: 'media', repeatable: false }
  const load = new Load()
  front.principal = { load }
  const held = ask(front, '/held')
  await until(() => release.length === 1)
  const waits: ReturnType<typeof ask>[] = []
  for (const path of ['/1', '/2']) {
    waits.push(ask(front, path))
    await until(() => load.media.waiting === waits.length)
  }
  release[0]?.()
  t.equal((await held).text, 'ok')
  for (const answer of waits) t.equal((await answer).text, 'ok')
  t.equal(raw.sockets.length, 1)
  t.strictSame(
    raw.heads.map((head) => head.split(' ')[1]),
    ['/held', '/1', '/2']
  )
  const stream = await open(front, '/stream')
  stream.resume().on('error', () => {})
  t.match(await ask(front, '/late'), { status: 503, text: /USHER_BUSY/ })
  stream.destroy()
  t.equal((await ask(front, '/next')).text, 'ok')
  t.notOk(
    raw.heads.some((head) => head.startsWith('GET /late')),
    'what was given up is not sent later'
  )
})

t.test('a server that is not there, or speaks something else, is told apart', async (t) => {
  const { front, raw } = await startRawLane(t, (socket) => void socket.end('SSH-2.0-nope\r\n\r\n'))
  t.match(await ask(front), { status: 502, text: /USHER_UPSTREAM_INVALID/ })
  raw.answer = (socket) => socket.write(`${OK}X: ${'a'.repeat(70_000)}`)
  t.match(await ask(front), { status: 502, text: /USHER_UPSTREAM_INVALID/ })
  const gone = await startLane(t, { origin: 'http://127.0.0.1:1' })
  t.match(await ask(gone), { status: 503, text: /USHER_UPSTREAM_UNREACHABLE/ })
})

t.test('rule 25: bytes are never mixed up, with slow readers, quick ones and those that leave', async (t) => {
  const files = Array.from({ length: 6 }, (_, seed) => fileBytes(seed, 3_000_000 + seed * 77_777))
  const { front, raw } = await startRawLane(t, (socket, head) => {
    const [, seed, how] = /^GET \/(\d)\/(\w+)/.exec(head) ?? []
    const file = files[Number(seed)] as Buffer
    if (how === 'length') {
      socket.write(`${OK}Content-Length: ${file.length}\r\n\r\n`)
      socket.write(file)
      return
    }
    socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n`)
    for (let at = 0; at < file.length; at += 100_000) {
      const piece = file.subarray(at, at + 100_000)
      socket.write(`${piece.length.toString(16)}\r\n`)
      socket.write(piece)
      socket.write('\r\n')
    }
    socket.write('0\r\n\r\n')
  })
  async function read(seed: number, how: string, manner: 'quick' | 'slow' | 'leaves'): Promise<void> {
    const response = await open(front, `/${seed}/${how}`)
    const file = files[seed] as Buffer
    let at = 0
    try {
      for await (const chunk of response) {
        const piece = chunk as Buffer
        if (!piece.equals(file.subarray(at, at + piece.length))) t.fail(`file ${seed} at ${at}`)
        at += piece.length
        if (manner === 'slow') await delay(1)
        if (manner === 'leaves' && at > 500_000) response.destroy()
      }
      t.equal(at, file.length, `${seed} ${how} ${manner}`)
    } catch {
      t.equal(manner, 'leaves')
    }
  }
  for (let round = 0; round < 3; round++) {
    await Promise.all(
      files.flatMap((_, seed) => [
        read(seed, 'length', 'quick'),
        read(seed, 'length', 'slow'),
        read(seed, 'chunked', 'slow'),
        read(seed, 'chunked', 'quick'),
        read(seed, 'length', 'leaves')
      ])
    )
  }
  t.ok(raw.sockets.length < 60, 'and connections serve again')
})

for (const how of ['with a length', 'in chunks']) {
  t.test(`rule 25: pipelined requests of one browser get their own files, in order, ${how}`, async (t) => {
    const files = [0, 1, 2, 3].map((seed) => fileBytes(seed, 400_000))
    const { front } = await startRawLane(t, async (socket, head) => {
      const seed = Number(/^GET \/(\d)/.exec(head)?.[1])
      const file = files[seed] as Buffer
      // The later a request came, the sooner its answer.
      await delay(40 - seed * 10)
      if (how === 'in chunks') {
        socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n`)
        for (const piece of cut(file, [10, 70_000, 200_000])) {
          socket.write(`${piece.length.toString(16)}\r\n`)
          socket.write(piece)
          socket.write('\r\n')
          await delay(1)
        }
        socket.write('0\r\n\r\n')
        return
      }
      socket.write(`${OK}Content-Length: ${file.length}\r\n\r\n`)
      socket.write(file)
    })
    const lines = files.map(
      (_, seed) => `GET /${seed} HTTP/1.1\r\nHost: a\r\n${seed === 3 ? 'Connection: close\r\n' : ''}\r\n`
    )
    let rest = Buffer.from(await exchange(front.port, lines.join('')), 'latin1')
    for (const file of files) {
      let received = Buffer.alloc(0)
      const reader = new AnswerReader(
        {
          onHead() {},
          onPiece(piece) {
            received = Buffer.concat([received, piece])
          },
          onWhole(over) {
            rest = rest.subarray(rest.length - over)
          }
        },
        false
      )
      reader.take(rest)
      t.ok(received.equals(file))
    }
    t.equal(rest.length, 0)
  })
}

async function createCertificate(name: string, ip: string) {
  const result = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip }] }
    ]
  })
  return { key: result.private, cert: result.cert }
}

t.test('rule 52: TLS is verified, and carries every byte', async (t) => {
  const file = fileBytes(5, 5_000_000)
  const certificate = await createCertificate('media', '127.0.0.1')
  const other = await createCertificate('media', '127.0.0.2')
  async function serve(served: { key: string; cert: string }): Promise<string> {
    const server = createTlsServer(served, (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'video/mp4', 'Content-Length': String(file.length) })
      response.end(file)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => {
      server.close()
      server.closeAllConnections()
    })
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const origin = await serve(certificate)
  const trusting = await startLane(t, { origin, lane: { ca: certificate.cert } })
  for (let i = 0; i < 2; i++) {
    const quick = await ask(trusting)
    t.equal(quick.status, 200)
    t.ok(quick.body.equals(file))
  }
  const slow = await open(trusting)
  const chunks: Buffer[] = []
  for await (const chunk of slow) {
    chunks.push(chunk as Buffer)
    if (chunks.length % 10 === 0) await delay(5)
  }
  t.ok(Buffer.concat(chunks).equals(file), 'slowly read too')

  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  t.teardown(() => {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
  })
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  t.match(await ask(await startLane(t, { origin })), { status: 503, text: /USHER_UPSTREAM_UNREACHABLE/ })
  const misnamed = await startLane(t, { origin: await serve(other), lane: { ca: other.cert } })
  t.match(await ask(misnamed), { status: 503 }, 'a certificate of another address')
})

t.test('a connection whose last piece was still lent serves again, plain and by TLS', async (t) => {
  const certificate = await createCertificate('media', '127.0.0.1')
  const file = fileBytes(3, 40_000)
  for (const secure of [false, true]) {
    const server = secure ? createTlsServer(certificate) : createServer()
    let connections = 0
    server.on(secure ? 'secureConnection' : 'connection', () => {
      connections++
    })
    server.on('request', (_request: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, { 'Content-Length': String(file.length) }).end(file)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const origin = `${secure ? 'https' : 'http'}://127.0.0.1:${port}`
    const lane = createLane({ origin, ca: certificate.cert, connectTimeoutMs: 20_000, connections: 1 })
    t.teardown(async () => {
      await lane.destroy()
      server.close()
      server.closeAllConnections()
    })
    for (const pauseMs of [5, 0, 1, 5, 0])
      t.ok((await laneFetch(lane, { origin, pauseMs })).equals(file), `${origin} ${pauseMs}`)
    t.equal(connections, 1)
    await laneFetch(lane, { origin, pauseMs: 5 })
    server.closeAllConnections()
    await delay(50)
    // The loop reads what has come between two of these, also where all that time went by at once.
    for (let count = 0; count < 3; count += 1) await turn()
    t.ok((await laneFetch(lane, { origin })).equals(file), 'and its end is heard while it waits')
  }
})

t.test('each server has a lane of its own, which is forgotten when nobody uses it', async (t) => {
  const made: string[] = []
  const lanes = createLanes((origin) => {
    made.push(origin)
    return createLane({ origin, ca: null, connectTimeoutMs: 20_000, connections: 2 })
  })
  t.teardown(() => lanes.destroy())
  const fetchFrom = (origin: string) => laneOutcome(lanes, { origin })
  const raws = await Promise.all(
    ['a', 'b'].map((name) => startRaw(t, (socket) => socket.write(`${OK}Content-Length: 1\r\n\r\n${name}`)))
  )
  const [a = '', b = ''] = raws.map(({ origin }) => origin)
  t.strictSame(await Promise.all([a, b, a].map(fetchFrom)), ['a', 'b', 'a'])
  t.strictSame(made, [a, b])
  const nobody: string[] = []
  while (nobody.length < 70) nobody.push(`http://127.0.0.1:${await freePort()}`)
  for (const origin of nobody) t.equal(await fetchFrom(origin), 'ECONNREFUSED')
  await fetchFrom(a)
  t.equal(made.filter((origin) => origin === a).length, 1, 'the ones in use are kept')
  const [first = ''] = nobody
  await fetchFrom(first)
  t.equal(made.filter((origin) => origin === first).length, 2, 'the others are not')
})

t.test('rule 53: a server that does not take the connection is a time-out', async (t) => {
  // A TLS handshake that nobody answers.
  const { front } = await startRawLane(t, () => {})
  const silent = await startRaw(t, () => {})
  const origin = silent.origin.replace('http:', 'https:')
  const tls = await startLane(t, { origin, lane: { connectTimeoutMs: 1000 } })
  t.match(await ask(tls), { status: 504, text: /USHER_UPSTREAM_TIMEOUT/ })
  await front.forwarder.close()
  t.match(await ask(front), { status: 503 }, 'and a lane that is closed takes nothing')
})

t.test('rule 48: nothing that would end its line early is written', async (t) => {
  const raw = await startRaw(t, (socket) => socket.write(`${OK}Content-Length: 2\r\n\r\nok`))
  const lane = createLane({ origin: raw.origin, ca: null, connectTimeoutMs: 20_000, connections: 2 })
  t.teardown(() => lane.destroy())
  const send = (path: string, headers: string[], origin = raw.origin) =>
    laneOutcome(lane, { origin, path, headers })
  t.equal(await send('/x', ['a', 'b']), 'ok')
  for (const path of ['/x\r\nY: z', '/x y', '/x\0', 'x', '', '/\u00e4']) {
    t.equal(await send(path, []), 'UND_ERR_INVALID_ARG', JSON.stringify(path))
  }
  for (const value of ['a\r\nY: z', 'a\nb', 'a\0', '\u20ac']) {
    t.equal(await send('/x', ['a', value]), 'UND_ERR_INVALID_ARG', JSON.stringify(value))
  }
  t.equal(await send('/x', [], 'http://127.0.0.1:1'), 'UND_ERR_INVALID_ARG', 'and to nobody else')
  t.equal(raw.heads.length, 1)
  await lane.destroy()
  t.equal(await send('/x', []), 'UND_ERR_DESTROYED')
})
