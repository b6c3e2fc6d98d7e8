import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { Load } from '../../src/forward/loads.ts'
import { startRaw } from '../src/fetch/raw-upstream.ts'
import { exchange, startFront } from '../src/forward/front.ts'
import { until } from '../support/until.ts'

t.setTimeout(120_000)

const ROUNDS = 300

/** What an upstream does with a request, from good to hostile. */
const MANNERS: readonly string[] = [
  'answers',
  'refuses',
  'resets',
  'breaks',
  'hangs',
  'pours',
  'nonsense',
  'closes'
]

for (const lane of [{}, null]) {
  const name = lane === null ? 'undici' : 'lane'
  t.test(
    `rule 70: whatever clients and servers do, nothing stays counted as under way, ${name}`,
    async (t) => {
      const raw = await startRaw(t, async (socket, head) => {
        const manner = /^\w+ \/(\w+)/.exec(head)?.[1]
        if (manner === 'answers') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
        else if (manner === 'refuses') socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno')
        else if (manner === 'resets') socket.resetAndDestroy()
        else if (manner === 'breaks') {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nok')
          await delay(5)
          socket.destroy()
        } else if (manner === 'pours') {
          socket.write('HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 99999999\r\n\r\n')
          for (let i = 0; i < 50 && !socket.destroyed; i++) {
            socket.write(Buffer.alloc(64 * 1024))
            await delay(1)
          }
        } else if (manner === 'nonsense') socket.end('SSH-2.0-nope\r\n\r\n')
        else if (manner === 'closes') socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok')
      })
      const front = await startFront(t, {
        origin: raw.origin,
        lane,
        // Clients leave long before: those at the end are to be answered, however long the machine stands still.
        timeoutMs: 20_000,
        connections: { api: 8, media: 8 }
      })
      const load = new Load()
      let chance = 12_345
      const random = (below: number): number => {
        chance = (chance * 1_103_515_245 + 12_345) % 2_147_483_648
        return Math.floor((chance / 2_147_483_648) * below)
      }
      const tasks: Promise<void>[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const manner = MANNERS[random(MANNERS.length)] ?? ''
        front.call = { class: random(2) === 0 ? 'media' : 'api', repeatable: random(2) === 0 }
        const ends = random(4) === 0
        front.principal = {
          load,
          hasEnded: () => ends,
          ...(random(4) === 0 && {
            isProven: () => random(2) === 0,
            prove: async () => {
              await delay(random(5))
              if (random(3) === 0) throw new Error('not proven')
            }
          })
        }
        const socket = connect(front.port, '127.0.0.1')
        const method = random(4) === 0 ? 'POST' : random(6) === 0 ? 'HEAD' : 'GET'
        const body = method === 'POST' ? 'Content-Length: 4\r\n\r\nbody' : '\r\n'
        const one = `${method} /${manner} HTTP/1.1\r\nHost: a\r\n${body}`
        socket.write(one.repeat(1 + random(3)))
        tasks.push(
          new Promise((resolve) => {
            socket.on('error', () => {})
            socket.on('close', () => resolve())
            if (random(3) > 0) socket.resume()
            setTimeout(() => (random(2) === 0 ? socket.destroy() : socket.resetAndDestroy()), random(80))
          })
        )
        // The principal and the call of this round are taken when the request arrives.
        await delay(random(3))
      }
      await Promise.all(tasks)
      await until(() => load.isIdle, 'everything has been given back')
      front.principal = { load }
      front.call = { class: 'api', repeatable: true }
      for (let i = 0; i < 20; i++) {
        const answer = await exchange(
          front.port,
          'GET /answers HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
        )
        t.match(answer, /^HTTP\/1\.1 200 /)
      }
      await until(() => load.isIdle)
      t.equal(front.streams.size, 0)
    }
  )
}
