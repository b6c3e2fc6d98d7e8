import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { Problem } from '../../../src/domain/problems.ts'
import { Load } from '../../../src/forward/loads.ts'
import { until } from '../../support/until.ts'
import { exchange, type Front, startFront, TOKEN } from './front.ts'

const HANDSHAKE =
  'GET /:/websockets/notifications HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: secret\r\nX-Plex-Token: foreign\r\n\r\n'

async function startSockets(
  t: Parameters<typeof startFront>[0]
): Promise<{ front: Front; sockets: WebSocketServer }> {
  const front = await startFront(t)
  front.call = { class: 'upgrade', repeatable: false }
  const sockets = new WebSocketServer({ server: front.upstream.server, perMessageDeflate: { threshold: 0 } })
  sockets.on('connection', (socket, request) => {
    front.upstream.requests.push(request)
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  t.teardown(() => sockets.close())
  return { front, sockets }
}

t.test('messages of any size pass both ways, uncompressed, so that tokens in them are masked', async (t) => {
  const { front } = await startSockets(t)
  const socket = new WebSocket(`ws://127.0.0.1:${front.port}/:/websockets/notifications`, {
    perMessageDeflate: { threshold: 0 }
  })
  await once(socket, 'open')
  t.equal(socket.extensions, '')
  for (const size of [1, 1000, 1_000_000]) {
    const sent = 'abcdefghij'.repeat(size / 10 || 1)
    socket.send(sent)
    const [data] = (await once(socket, 'message')) as [Buffer]
    t.equal(data.toString(), sent)
  }
  socket.send(JSON.stringify({ url: `/x?X-Plex-Token=${TOKEN}` }))
  const [masked] = (await once(socket, 'message')) as [Buffer]
  t.notMatch(masked.toString(), TOKEN)
  t.match(masked.toString(), '/x?X-Plex-Token=***')
  t.notOk(front.upstream.requests[0]?.headers['sec-websocket-extensions'])
  t.match(front.upstream.requests[0]?.headers, { 'x-plex-token': TOKEN, 'x-plex-product': 'Usher' })
  t.strictSame(
    [...front.streams].map(({ kind }) => kind),
    ['socket']
  )
  t.strictSame(front.outcomes, ['ok'])
  socket.close(4000, 'done')
  const [code] = await once(socket, 'close')
  t.equal(code, 4000, 'the closing handshake passes too')
  await until(() => front.streams.size === 0)
})

t.test('a socket that Usher ends is closed by a frame that says why', async (t) => {
  const { front, sockets } = await startSockets(t)
  for (const [why, code, reason] of [
    ['session-ended', 1008, 'session ended'],
    ['past-grace', 1013, 'plex.tv cannot be reached'],
    ['shutdown', 1001, 'going away']
  ] as const) {
    const socket = new WebSocket(`ws://127.0.0.1:${front.port}/`)
    await once(socket, 'open')
    await until(() => front.streams.size === 1 && sockets.clients.size === 1)
    socket.send('before')
    await once(socket, 'message')
    const messages: unknown[] = []
    socket.on('message', (data) => messages.push(data))
    const closed = once(socket, 'close')
    const [stream] = front.streams
    stream?.abort(why)
    stream?.abort(why)
    socket.send('after', () => undefined)
    const [found, text] = (await closed) as [number, Buffer]
    t.equal(found, code)
    t.equal(text.toString(), reason)
    t.strictSame(messages, [])
    await until(() => front.streams.size === 0 && sockets.clients.size === 0)
  }
})

t.test('a client that does not answer the close frame is cut off', async (t) => {
  const { front } = await startSockets(t)
  const socket = connect({ port: front.port, host: '127.0.0.1', allowHalfOpen: true })
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1')
  })
  socket.on('error', () => undefined)
  socket.write(HANDSHAKE)
  await until(() => front.streams.size === 1)
  for (const { abort } of front.streams) abort('session-ended')
  await until(() => front.streams.size === 0)
  t.match(received, /\x88\x0f\x03\xf0session ended$/)
  socket.destroy()
})

t.test('in the middle of a frame the socket is cut off, for no other may begin there', async (t) => {
  const front = await startFront(t)
  front.call = { class: 'upgrade' }
  front.upstream.server.on('upgrade', (_request, socket: Socket) => {
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n'
    )
    // A text message of which the second fragment's payload is missing.
    socket.write(Buffer.concat([Buffer.from([0x01, 0x02]), Buffer.from('ab'), Buffer.from([0x80, 0x05])]))
    socket.on('error', () => undefined)
  })
  const socket = connect(front.port, '127.0.0.1')
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1')
  })
  socket.on('error', () => undefined)
  socket.write(HANDSHAKE)
  await until(() => received.includes('ab'))
  const closed = once(socket, 'close')
  ;[...front.streams][0]?.abort('session-ended')
  await closed
  t.match(received, /ab(?:\x88\x0f\x03\xf0session ended)?$/)
})

t.test("a socket ends with the server's", async (t) => {
  const { front, sockets } = await startSockets(t)
  const socket = new WebSocket(`ws://127.0.0.1:${front.port}/`)
  await once(socket, 'open')
  await until(() => front.streams.size === 1 && sockets.clients.size === 1)
  ;[...sockets.clients][0]?.terminate()
  const [code] = await once(socket, 'close')
  t.equal(code, 1006)
  await until(() => front.streams.size === 0 && sockets.clients.size === 0)
})

t.test('rule 56: what the server says over a socket is masked, and what is no frame ends it', async (t) => {
  const { front, sockets } = await startSockets(t)
  const socket = new WebSocket(`ws://127.0.0.1:${front.port}/`)
  await once(socket, 'open')
  await until(() => sockets.clients.size === 1)
  const [server] = [...sockets.clients]
  const said = `{"NotificationContainer":{"url":"/x?X-Plex-Token=${TOKEN}","title":"One last token: 'tis the season."}}`
  for (const fragments of [[said], [said.slice(0, 60), said.slice(60)]]) {
    for (const [index, fragment] of fragments.entries())
      server?.send(fragment, { fin: index === fragments.length - 1 })
    const [data] = (await once(socket, 'message')) as [Buffer]
    t.equal(data.toString(), said.replace(TOKEN, '*'.repeat(TOKEN.length)))
  }
  server?.send(Buffer.from([0, 255]))
  const [data] = (await once(socket, 'message')) as [Buffer]
  t.strictSame([...data], [0, 255], 'a binary message passes')
  const raw = server as unknown as { readonly _socket: Socket }
  raw._socket.write(Buffer.from([0xc1, 1, 0]))
  const [code] = await once(socket, 'close')
  t.equal(code, 1006)
  await until(() => front.streams.size === 0)
})

t.test('a browser that goes away takes the upstream socket along', async (t) => {
  const { front, sockets } = await startSockets(t)
  const socket = new WebSocket(`ws://127.0.0.1:${front.port}/`)
  await once(socket, 'open')
  await until(() => sockets.clients.size === 1)
  socket.terminate()
  await until(() => front.streams.size === 0 && sockets.clients.size === 0)
  t.pass('both are gone')
})

t.test('rule 47: the handshake carries its own fields and the identity, nothing of the caller', async (t) => {
  const front = await startFront(t)
  front.call = { class: 'upgrade', extra: () => ['set-cookie', 'a=b'] }
  let upstreamSocket: Socket | undefined
  front.upstream.server.on('upgrade', (request, socket: Socket) => {
    front.upstream.requests.push(request)
    upstreamSocket = socket
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSet-Cookie: leak=1\r\nServer: PMS\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n\x82\x05early',
      'latin1'
    )
    socket.resume().on('end', () => socket.end('\x82\x04half', 'latin1'))
  })
  const socket = connect({ port: front.port, host: '127.0.0.1', allowHalfOpen: true })
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1')
  })
  socket.write(`${HANDSHAKE}behind`)
  await until(() => received.endsWith('early'))
  t.equal(
    received,
    'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nset-cookie: a=b\r\n\r\n\x82\x05early'
  )
  const [request] = front.upstream.requests
  t.match(request?.headers, { upgrade: 'websocket', 'sec-websocket-version': '13', 'x-plex-token': TOKEN })
  t.notOk(request?.headers.cookie)
  t.equal(request?.rawHeaders.filter((name) => name.toLowerCase() === 'x-plex-token').length, 1)
  socket.end('last')
  await once(socket, 'end')
  t.match(received, /half$/, 'half-closing passes, and what follows it')
  t.ok(upstreamSocket)
})

t.test('what is no handshake is refused before the upstream hears of it', async (t) => {
  const { front } = await startSockets(t)
  for (const broken of [
    HANDSHAKE.replace('Version: 13', 'Version: 8'),
    HANDSHAKE.replace(/Sec-WebSocket-Key: \S+/, 'Sec-WebSocket-Key: short'),
    HANDSHAKE.replace(/Sec-WebSocket-Key: \S+\r\n/, '')
  ]) {
    t.match(await exchange(front.port, broken), /^HTTP\/1\.1 400 [\s\S]*USHER_INVALID_REQUEST/)
  }
  t.equal(front.upstream.requests.length, 0)
})

t.test('an upstream that does not upgrade becomes a problem', async (t) => {
  const front = await startFront(t)
  front.call = { class: 'upgrade' }
  const answer = (text: string) => {
    front.upstream.server.removeAllListeners('upgrade')
    front.upstream.server.on('upgrade', (_request, socket: Socket) =>
      text === '' ? socket.destroy() : socket.end(text)
    )
    return exchange(front.port, HANDSHAKE)
  }
  const page = '\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>'
  t.match(await answer(`HTTP/1.1 403 Forbidden${page}`), /^HTTP\/1\.1 403 [\s\S]*USHER_UPSTREAM_REFUSED/)
  t.match(await answer(`HTTP/1.1 503 Away${page}`), /^HTTP\/1\.1 503 [\s\S]*USHER_UPSTREAM_UNREACHABLE/)
  t.match(await answer(`HTTP/1.1 401 Unauthorized${page}`), /^HTTP\/1\.1 401 [\s\S]*USHER_SESSION_REVOKED/)
  t.match(await answer(`HTTP/1.1 200 OK${page}`), /^HTTP\/1\.1 502 [\s\S]*USHER_UPSTREAM_INVALID/)
  t.match(await answer(''), /^HTTP\/1\.1 503 [\s\S]*USHER_UPSTREAM_UNREACHABLE/)
  t.equal(front.streams.size, 0)
  const hasty = await startFront(t, { timeoutMs: 1000 })
  hasty.call = { class: 'upgrade' }
  hasty.upstream.server.on('upgrade', () => {})
  t.match(await exchange(hasty.port, HANDSHAKE), /^HTTP\/1\.1 504 [\s\S]*USHER_UPSTREAM_TIMEOUT/)
  t.equal(hasty.streams.size, 0)
})

t.test('rule 85: a handshake whose session ended while it waited is not sent', async (t) => {
  const { front } = await startSockets(t)
  front.principal = { hasEnded: () => true }
  t.match(await exchange(front.port, HANDSHAKE), /^HTTP\/1\.1 401 [\s\S]*USHER_SESSION_REVOKED/)
  t.equal(front.upstream.requests.length, 0)
})

t.test(
  'rule 77: a handshake waits for the server to prove itself, and is not sent where it does not',
  async (t) => {
    const { front } = await startSockets(t)
    let proven = false
    let proofs = 0
    const load = new Load()
    front.principal = {
      load,
      isProven: () => proven,
      prove: async () => {
        proofs += 1
        proven = true
      }
    }
    const socket = new WebSocket(`ws://127.0.0.1:${front.port}/`)
    await once(socket, 'open')
    t.equal(proofs, 1)
    socket.terminate()
    await until(() => load.isIdle)
    front.principal = {
      load,
      isProven: () => false,
      prove: () => Promise.reject(new Problem('USHER_UPSTREAM_INVALID'))
    }
    const before = front.upstream.requests.length
    t.match(await exchange(front.port, HANDSHAKE), /^HTTP\/1\.1 502 [\s\S]*USHER_UPSTREAM_INVALID/)
    t.equal(front.upstream.requests.length, before)
    // A server that closes every connection is proven anew for each handshake.
    front.principal = { load, isProven: () => false, prove: async () => undefined }
    const another = new WebSocket(`ws://127.0.0.1:${front.port}/`)
    await once(another, 'open')
    another.terminate()
    await until(() => load.isIdle)
  }
)

t.test('rule 70: an account with all the sockets that it may have gets no further one', async (t) => {
  const { front } = await startSockets(t)
  const load = new Load()
  load.upgrade.underWay = 256
  front.principal = { load }
  t.match(await exchange(front.port, HANDSHAKE), /^HTTP\/1\.1 503 [\s\S]*USHER_BUSY/)
  t.equal(load.upgrade.underWay, 256)
})
