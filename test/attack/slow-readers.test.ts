import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { startLoad } from '../routes/public/pms-load/processes.ts'
import { FRIEND, OWNER } from '../support/usher.ts'
import { openPaused, PATIENCE_MS, requestBytes, slowestPage, statusOf } from './bystander.ts'

t.setTimeout(120_000)

const MEGABYTE = 1024 * 1024
const READERS = 160

t.test('rule 74: 160 readers of a list who do not read cost others nothing', async (t) => {
  const load = await startLoad(t)
  const [greedy, quiet] = await Promise.all([load.signedIn(OWNER), load.signedIn(FRIEND)])
  for (let i = 0; i < 200; i++) await quiet.get('/pms/library/sections')
  const before = await load.residentBytes()
  const bytes = requestBytes(load.url, greedy, '/pms/library/all')
  const readers = Array.from({ length: READERS }, () => openPaused(t, load.url, bytes))
  // Those that are served have their head by then, and are full.
  await delay(2000)
  const slowest = await slowestPage(t, quiet)
  t.ok(slowest < PATIENCE_MS, `the slowest page took ${slowest.toFixed(0)} ms`)
  const growth = ((await load.residentBytes()) - before) / MEGABYTE
  t.ok(growth < 64, `resident memory grew by ${growth.toFixed(1)} MB`)
  for (const { socket } of readers) socket.destroy()
  t.equal((await greedy.get('/pms/library/sections')).status, 200, 'and the account is served again')
})

t.test('rule 72: whoever takes a drip of an answer does not hold its connection', async (t) => {
  const load = await startLoad(t, { USHER_UPSTREAM_TIMEOUT: '2s' })
  const [dripping, other] = await Promise.all([load.signedIn(OWNER), load.signedIn(FRIEND)])
  const { socket, head } = openPaused(t, load.url, requestBytes(load.url, dripping, '/pms/library/all'))
  t.equal(statusOf(await head), 200)
  // A byte now and then is no reading.
  const timer = setInterval(() => socket.read(1), 50)
  t.teardown(() => clearInterval(timer))
  const closed = new Promise((resolve) => socket.once('close', () => resolve(true)))
  // What the kernels hold is read first, and the end comes behind it.
  const reading = setTimeout(() => socket.resume(), 6000)
  t.teardown(() => clearTimeout(reading))
  await closed
  t.equal((await other.get('/pms/library/sections')).status, 200)
})
