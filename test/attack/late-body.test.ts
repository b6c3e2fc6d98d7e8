import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createLane } from '../../src/fetch/lane.ts'
import { laneFetch } from '../src/fetch/lane-fetch.ts'
import { startRaw } from '../src/fetch/raw-upstream.ts'
import { exchange, startFront } from '../src/forward/front.ts'

t.setTimeout(120_000)

/** What a careless server sends behind its answer: a whole one, which the next to ask must not take for theirs. */
const SURPLUS =
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"of":"another"}'
const OWN = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"of":"own"}'

const ANSWERS: Readonly<Record<string, { readonly method: string; readonly head: string }>> = {
  'HEAD that announces a body': { method: 'HEAD', head: 'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n' },
  'HEAD that announces none': { method: 'HEAD', head: 'HTTP/1.1 200 OK\r\n\r\n' },
  '204 that announces a body': {
    method: 'GET',
    head: 'HTTP/1.1 204 No Content\r\nContent-Length: 16\r\n\r\n'
  },
  '304 that announces a body': {
    method: 'GET',
    head: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 16\r\n\r\n'
  },
  '304 in chunks': { method: 'GET', head: 'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n' }
}

/** When the surplus is sent: with the answer, a turn of the loop later, or long after. */
const TIMINGS: Readonly<Record<string, (socket: Socket, surplus: string) => unknown>> = {
  'at once': (socket, surplus) => socket.write(surplus),
  'a turn later': (socket, surplus) => setImmediate(() => socket.write(surplus)),
  'when the next request is there': (socket, surplus) => socket.once('data', () => socket.write(surplus)),
  '20 ms later': (socket, surplus) => setTimeout(() => socket.write(surplus), 20)
}

async function startUsers(
  t: Test,
  head: string,
  late: (socket: Socket, surplus: string) => unknown,
  lane: boolean
) {
  const raw = await startRaw(t, (socket, request) => {
    if (request.includes(' /first')) {
      socket.write(head)
      late(socket, SURPLUS)
    } else {
      socket.write(OWN)
    }
  })
  const front = await startFront(t, { origin: raw.origin, lane: lane ? {} : null })
  return { raw, front }
}

for (const lane of [true, false]) {
  for (const [what, { method, head }] of Object.entries(ANSWERS)) {
    for (const [when, late] of Object.entries(TIMINGS)) {
      t.test(
        `rule 86: ${what}, a surplus ${when}, reaches nobody else, ${lane ? 'lane' : 'undici'}`,
        async (t) => {
          const { front } = await startUsers(t, head, late, lane)
          const ask = (line: string) =>
            exchange(front.port, `${line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
          for (let round = 0; round < 3; round++) {
            await ask(`${method} /first/${round}`)
            if (when === '20 ms later') await delay(10)
            const answers = await Promise.all([ask('GET /second'), ask('GET /third')])
            for (const answer of answers) {
              t.notMatch(answer, 'another')
              t.match(answer, '{"of":"own"}')
            }
          }
        }
      )
    }
  }
}

t.test('rule 86: a surplus behind a whole body is seen, and its connection serves nobody else', async (t) => {
  for (const when of ['at once', 'a turn later'] as const) {
    const late = TIMINGS[when] as NonNullable<(typeof TIMINGS)[string]>
    const raw = await startRaw(t, (socket, request) => {
      socket.write(OWN)
      if (request.includes(' /first')) late(socket, SURPLUS)
    })
    const lane = createLane({ origin: raw.origin, ca: null, connectTimeoutMs: 60_000, connections: 1 })
    t.teardown(() => lane.destroy())
    t.equal(String(await laneFetch(lane, { origin: raw.origin, path: '/first' })), '{"of":"own"}')
    t.equal(String(await laneFetch(lane, { origin: raw.origin, path: '/second' })), '{"of":"own"}', when)
    t.equal(raw.sockets.length, 2, when)
  }
})

t.test('rule 86: no connection is used again after HEAD, by either way', async (t) => {
  const raw = await startRaw(t, (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n'))
  for (const lane of [{}, null]) {
    const before = raw.sockets.length
    const front = await startFront(t, { origin: raw.origin, lane })
    for (let i = 0; i < 3; i++)
      await exchange(front.port, 'HEAD /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    t.equal(raw.sockets.length - before, 3)
  }
})
