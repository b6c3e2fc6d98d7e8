import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { startLoad } from '../routes/public/pms-load/processes.ts'
import { until } from '../support/until.ts'
import { FRIEND, OWNER } from '../support/usher.ts'
import { PATIENCE_MS, requestBytes, slowestPage } from './bystander.ts'

t.setTimeout(180_000)

const MEGABYTE = 1024 * 1024
const REQUESTS = 70_000

t.test(
  'rule 70: 70,000 pipelined requests on one socket neither fill the memory nor starve others',
  async (t) => {
    const load = await startLoad(t)
    const [flooding, quiet] = await Promise.all([load.signedIn(OWNER), load.signedIn(FRIEND)])
    for (let i = 0; i < 300; i++) await quiet.get('/pms/library/sections')
    const before = await load.residentBytes()
    const { hostname, port } = new URL(load.url)
    const socket = connect(Number(port), hostname)
    t.teardown(() => socket.destroy())
    socket.on('error', () => {})
    const bytes = Buffer.from(requestBytes(load.url, flooding, '/pms/library/sections').repeat(100), 'latin1')
    let sent = 0
    const more = (): void => {
      while (sent < REQUESTS) {
        sent += 100
        if (!socket.write(bytes)) return void socket.once('drain', more)
      }
    }
    more()
    // Nothing is read: every answer is owed.
    socket.pause()
    let peak = 0
    let slowest = 0
    const end = performance.now() + 4000
    while (performance.now() < end) {
      slowest = Math.max(slowest, await slowestPage(t, quiet, 3))
      peak = Math.max(peak, ((await load.residentBytes()) - before) / MEGABYTE)
      await delay(50)
    }
    t.ok(slowest < PATIENCE_MS, `the slowest page took ${slowest.toFixed(0)} ms`)
    t.ok(peak < 64, `resident memory grew by ${peak.toFixed(1)} MB`)
    t.ok(sent < REQUESTS, `the socket is not read: ${sent} were sent`)
  }
)

t.test('rule 70: whoever reads gets every answer of what was pipelined, in order', async (t) => {
  const load = await startLoad(t)
  const browser = await load.signedIn(OWNER)
  await browser.get('/pms/library/sections')
  const { hostname, port } = new URL(load.url)
  const socket = connect(Number(port), hostname)
  t.teardown(() => socket.destroy())
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  const count = 2000
  for (let i = 0; i < count; i++)
    socket.write(requestBytes(load.url, browser, `/pms/library/metadata/${1000 + i}`), 'latin1')
  await until(() => text.includes(`/library/metadata/${1000 + count - 1}"`), 'the last answer', 60_000)
  const told = [...text.matchAll(/"path":"\/library\/metadata\/(\d+)"/g)].map(([, id]) => Number(id))
  t.strictSame(
    told,
    Array.from({ length: count }, (_, i) => 1000 + i)
  )
})
