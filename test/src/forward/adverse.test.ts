import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { until } from '../../support/until.ts'
import { type RawHandler, type RawUpstream, startRaw } from '../fetch/raw-upstream.ts'
import { exchange, type Front, type FrontOptions, startFront, TOKEN } from './front.ts'

// What clients and servers do that mean harm or have bad luck, by both ways to the upstream.

t.setTimeout(300_000)

const OK = 'HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n'
const WAYS = [
  { name: 'the media lane', lane: {} },
  { name: 'undici', lane: null }
] as const

async function startRawFront(
  t: Test,
  answer: RawHandler,
  options: FrontOptions
): Promise<{ front: Front; raw: RawUpstream }> {
  const raw = await startRaw(t, answer)
  const front = await startFront(t, { origin: raw.origin, ...options })
  front.call = { class: 'media' }
  return { raw, front }
}

/** Sends without end, as fast as it is taken. */
function pour(socket: Parameters<RawHandler>[0]): void {
  const piece = Buffer.alloc(64 * 1024)
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
  }
  socket.on('drain', more)
  more()
}

const isOpen = (raw: RawUpstream): boolean => raw.sockets.some((socket) => !socket.destroyed)

for (const { name, lane } of WAYS) {
  t.test(
    `rule 55: a client that went away before its request was sent on is not served, ${name}`,
    async (t) => {
      const { front, raw } = await startRawFront(
        t,
        (socket) => {
          socket.write(`${OK}Content-Length: 999999999999\r\n\r\n`)
          pour(socket)
        },
        { lane }
      )
      front.holdMs = 100
      const gone = httpRequest(`${front.url}/x`, { agent: false })
        .on('error', () => {})
        .end()
      await delay(50)
      gone.destroy()
      await delay(300)
      await until(() => !isOpen(raw), 'nothing is fetched for nobody')
      t.equal(front.streams.size, 0)
    }
  )

  t.test(`rule 55: a broken body is no clean end for HTTP/1.0 either, ${name}`, async (t) => {
    const { front } = await startRawFront(
      t,
      async (socket) => {
        socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n`)
        await delay(50)
        socket.destroy()
      },
      { lane }
    )
    const socket = connect(front.port, '127.0.0.1')
    let text = ''
    const ending = new Promise((resolve) => {
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1')
      })
      socket.on('end', () => resolve('end'))
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    })
    socket.write('GET /x HTTP/1.0\r\nHost: a\r\n\r\n')
    t.equal(await ending, 'ECONNRESET', 'it has no other way to tell')
    t.match(text, /some$/)
  })

  t.test(`rule 53: whoever takes nothing holds no connection for ever, ${name}`, async (t) => {
    const { front, raw } = await startRawFront(
      t,
      (socket) => {
        socket.write(`${OK}Content-Length: 999999999999\r\n\r\n`)
        pour(socket)
      },
      { lane, timeoutMs: 1000 }
    )
    front.call = { class: 'api' }
    for (const before of ['', 'GET /first HTTP/1.1\r\nHost: a\r\n\r\n']) {
      const socket = connect(front.port, '127.0.0.1').on('error', () => {})
      socket.pause()
      socket.write(`${before}GET /x HTTP/1.1\r\nHost: a\r\n\r\n`)
      await until(() => isOpen(raw))
      await until(() => !isOpen(raw), before === '' ? 'alone' : 'behind another answer')
      socket.destroy()
    }
  })

  t.test(`rule 56: no token in a Location, wherever it stands, ${name}`, async (t) => {
    const { front, raw } = await startRawFront(t, () => {}, { lane })
    const to = async (location: string): Promise<string> => {
      raw.answer = (socket) =>
        socket.write(`HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`)
      const text = await exchange(front.port, 'GET /a/b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      return /^location: (.*)\r$/im.exec(text)?.[1] ?? text
    }
    const mask = '*'.repeat(TOKEN.length)
    t.equal(await to(`/p?url=%2Fa%3FX-Plex-Token%3D${TOKEN}`), `/pms/p?url=%2Fa%3FX-Plex-Token%3D${mask}`)
    t.equal(await to(`/t/${TOKEN}/x`), `/pms/t/${mask}/x`)
    t.equal(await to('c?d=1'), '/pms/a/c?d=1', 'relative to what was asked for (RFC 9110 §10.2.2)')
  })

  t.test(`rule 57: a text in several ranges does not pass unscrubbed, ${name}`, async (t) => {
    const { front, raw } = await startRawFront(
      t,
      (socket) => {
        const body = `--x\r\nContent-Type: application/x-mpegURL\r\n\r\n${TOKEN}\r\n--x--\r\n`
        socket.write(
          `HTTP/1.1 206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=x\r\nContent-Length: ${body.length}\r\n\r\n${body}`
        )
      },
      { lane }
    )
    const text = await exchange(
      front.port,
      'GET /x HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1,4-5\r\nConnection: close\r\n\r\n'
    )
    t.notMatch(text, TOKEN)
    t.match(text, 'USHER_UPSTREAM_INVALID')
    t.notMatch(raw.heads[0], /range/i, 'nor is it asked for')
  })
}

for (const { name, lane } of WAYS) {
  t.test(
    `a transcoder may pause in a body for longer than until its head, a page may not, ${name}`,
    async (t) => {
      const ask = async (kind: 'media' | 'api'): Promise<string> => {
        const { front } = await startRawFront(
          t,
          async (socket) => {
            socket.write(`${OK}Content-Length: 8\r\n\r\nsome`)
            // Far behind the limit of a page, which a process that stands still counts late.
            await delay(kind === 'media' ? 4000 : 12_000, undefined, { ref: false })
            socket.write('more')
          },
          { lane, timeoutMs: 2000 }
        )
        front.call = { class: kind }
        return exchange(front.port, 'GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      }
      const [film, page] = await Promise.all([ask('media'), ask('api')])
      t.match(film, /somemore$/)
      t.match(page, /some$/)
    }
  )
}

t.test('nginx is asked not to hold events back, and is not asked for anything else', async (t) => {
  const { front } = await startRawFront(
    t,
    (socket) =>
      socket.end(
        'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: a\n\n'
      ),
    { lane: {} }
  )
  const ask = () => exchange(front.port, 'GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  front.call = { class: 'event' }
  t.match(await ask(), /\r\nx-accel-buffering: no\r\n/)
  front.call = { class: 'media' }
  t.notMatch(await ask(), /x-accel-buffering/)
})
