import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { WebSocket } from 'ws'
import { closeFrame, createFrameBoundary } from '../../../src/forward/socket-frames.ts'
import { fc } from '../../support/properties.ts'

function frame(length: number, masked: boolean, extended: 0 | 16 | 64): Buffer {
  const mask = masked ? 0x80 : 0
  const head =
    extended === 64
      ? [0x82, mask | 127, 0, 0, 0, 0, 0, 0, length >> 8, length & 0xff]
      : extended === 16
        ? [0x82, mask | 126, length >> 8, length & 0xff]
        : [0x82, mask | length]
  return Buffer.concat([Buffer.from(head), Buffer.alloc(masked ? 4 : 0, 7), Buffer.alloc(length, 0x88)])
}

t.test('a boundary is where a frame has ended, however the bytes are cut', async (t) => {
  const frames = fc.array(
    fc.oneof(
      fc.tuple(fc.integer({ min: 0, max: 125 }), fc.boolean(), fc.constant(0 as const)),
      fc.tuple(fc.integer({ min: 0, max: 3000 }), fc.boolean(), fc.constantFrom(16 as const, 64 as const))
    ),
    { minLength: 1, maxLength: 6 }
  )
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 700 })), (list, cuts) => {
      const whole = list.map(([length, masked, extended]) => frame(length, masked, extended))
      const ends = new Set(whole.map((_, index) => Buffer.concat(whole.slice(0, index + 1)).length))
      const bytes = Buffer.concat(whole)
      const boundary = createFrameBoundary()
      let at = 0
      for (const cut of [...cuts, bytes.length]) {
        const next = Math.min(bytes.length, at + cut)
        boundary.take(bytes.subarray(at, next))
        at = next
        if (boundary.isReached() !== (at === 0 || ends.has(at))) return false
      }
      return true
    })
  )
  t.equal(createFrameBoundary().isReached(), true, 'before the first frame')
})

t.test('a WebSocket client reads the code and the reason of a close frame', async (t) => {
  const server = createServer((socket) => {
    socket.once('data', (request) => {
      const key = /sec-websocket-key: (\S+)/i.exec(request.toString())?.[1] ?? ''
      void accept(key).then((value) => {
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${value}\r\n\r\n`
        )
        socket.end(closeFrame(1008, 'session ended'))
      })
    })
    socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer]
  t.equal(code, 1008)
  t.equal(reason.toString(), 'session ended')
  t.equal(closeFrame(1008, 'x'.repeat(500)).length, 2 + 125, 'a control frame is short')
})

async function accept(key: string): Promise<string> {
  const digest = await crypto.subtle.digest(
    'SHA-1',
    Buffer.from(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
  )
  return Buffer.from(digest).toString('base64')
}
