import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { startRaw } from '../src/fetch/raw-upstream.ts'
import { exchange, startFront } from '../src/forward/front.ts'
import { until } from '../support/until.ts'

const ASK = 'GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

for (const lane of [{}, null]) {
  const name = lane === null ? 'undici' : 'lane'

  t.test(`rule 87: an answer that Node refuses to write ends as a problem of its own, ${name}`, async (t) => {
    const raw = await startRaw(t, (socket) =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 2\r\n\r\nok')
    )
    const front = await startFront(t, { origin: raw.origin, lane })
    for (const value of ['a\r\nb', 'a\0', '\u5343']) {
      front.call = { class: 'media', extra: () => ['x-made-here', value] }
      t.match(await exchange(front.port, ASK), /^HTTP\/1\.1 502 [\s\S]*USHER_UPSTREAM_INVALID/)
    }
    // Without a first piece the head goes out by itself, from elsewhere.
    raw.answer = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n')
    t.match(await exchange(front.port, ASK), /^HTTP\/1\.1 502 /)
    t.notOk(front.outcomes.includes('unreachable'), 'the server is not to blame')
    front.call = { class: 'media' }
    raw.answer = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    t.match(await exchange(front.port, ASK), /^HTTP\/1\.1 200 [\s\S]*ok$/, 'and it serves on')
    t.equal(front.streams.size, 0)
  })

  t.test(`rule 87: what throws in the middle of an answer breaks that one off, ${name}`, async (t) => {
    const raw = await startRaw(t, async (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 99999\r\n\r\n')
      socket.write('a'.repeat(50_000))
      await delay(50)
      socket.write('b'.repeat(49_999))
    })
    const front = await startFront(t, { origin: raw.origin, lane })
    let pieces = 0
    front.principal = {
      createScrubber: () => ({
        scrub(chunk: Buffer) {
          pieces += 1
          if (chunk.includes('b')) throw new TypeError('a mistake of our own')
          return chunk
        },
        flush: () => Buffer.alloc(0)
      })
    }
    const socket = connect(front.port, '127.0.0.1')
    let bytes = 0
    socket.on('data', (chunk) => {
      bytes += chunk.length
    })
    let end = ''
    socket.on('end', () => {
      end = 'end'
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      end ||= 'reset'
    })
    socket.write(ASK)
    await until(() => end !== '')
    t.ok(pieces > 0 && bytes < 99_999, 'short of its length: the client sees it broken')
    t.equal(front.streams.size, 0)
    t.notOk(front.outcomes.includes('unreachable'))
  })
}

t.test('rule 87: a request that throws before anything is sent leaves nothing held', async (t) => {
  const raw = await startRaw(t, (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
  const front = await startFront(t, { origin: raw.origin, lane: {}, connections: { api: 1 } })
  front.call = {
    extra: () => {
      throw new TypeError('a mistake of our own')
    }
  }
  for (let i = 0; i < 3; i++)
    t.match(await exchange(front.port, ASK), /^HTTP\/1\.1 500 [\s\S]*USHER_INTERNAL/)
  front.call = {}
  t.match(await exchange(front.port, ASK), /^HTTP\/1\.1 200 /, 'the one connection is free')
})
