import { createHash } from 'node:crypto'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import type { Browser } from '../../support/browser.ts'
import { FRIEND, OWNER } from '../../support/usher.ts'
import { type Load, startLoad } from './pms-load/processes.ts'

// Whole processes on a busy machine; nothing here asserts a time.
t.setTimeout(280_000)

const MEGABYTE = 1024 * 1024
const FILE = '/pms/library/parts/1/1/file.mp4'
const REQUESTS = 100_000
const CONNECTIONS = 8
/** Requests written at once on a connection, alternating between two sessions. */
const BATCH = 50

function open(url: string, browser: Browser): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const headers = { cookie: browser.cookie, 'sec-fetch-site': 'same-origin' }
  httpRequest(url + FILE, { headers, agent: false })
    .on('error', reject)
    .on('response', resolve)
    .end()
  return promise
}

/**
 * Megabytes: while the first part passes, with what the heap then takes once and for all, and while the fifth does. On
 * Node 24 the heap has taken it all with the third: 10, 3, 9, and then nothing.
 * Without the lane each piece is a buffer of its own, and V8 collects those when some 64 MB of them are dead: a bound,
 * whatever the size of the part.
 */
const WAYS = [
  { lane: 'true', name: 'by the media lane', first: 32, later: 8, slow: 16 },
  { lane: 'false', name: 'without it', first: 160, later: 96, slow: 96 }
]

/** Fetches the whole file, quickly; gives by how many megabytes that made the process grow at the most. */
async function growthOver(load: Load, browser: Browser): Promise<number> {
  const before = await load.residentBytes()
  let bytes = 0
  let peak = 0
  let nextLook = 10 * MEGABYTE
  for await (const chunk of await open(load.url, browser)) {
    bytes += (chunk as Buffer).length
    if (bytes < nextLook) continue
    nextLook += 10 * MEGABYTE
    peak = Math.max(peak, await load.residentBytes())
  }
  if (bytes !== 200 * MEGABYTE) throw new Error(`${bytes} bytes came`)
  return (peak - before) / MEGABYTE
}

for (const way of WAYS) {
  t.test(`200 MB pass in constant memory ${way.name}, fast or slowly read`, async (t) => {
    const settings = { USHER_MEDIA_LANE: way.lane }
    const load = await startLoad(t, settings)
    const owner = await load.signedIn(OWNER)
    // What is loaded and compiled once does not count.
    await warm(owner)
    const growths: number[] = []
    for (let part = 0; part < 5; part++) growths.push(await growthOver(load, owner))
    const [first = Number.NaN, , , , later = Number.NaN] = growths
    const told = `resident memory grew by ${growths.map((growth) => growth.toFixed(1)).join(', ')} MB`
    t.ok(first < way.first && later < way.later, told)

    // A process of its own: what was once taken is not given back, and would hide the next growth.
    const other = await startLoad(t, settings)
    const reader = await other.signedIn(OWNER)
    await warm(reader)
    const idle = await other.residentBytes()
    const slow = await Promise.all(Array.from({ length: 10 }, () => open(other.url, reader)))
    for (const response of slow) response.once('readable', () => {})
    let last = -1
    for (let now = idle; now > last; now = await other.residentBytes()) {
      last = now
      await delay(500)
    }
    const slowGrowth = (last - idle) / MEGABYTE
    t.ok(slowGrowth < way.slow, `ten readers that do not read: grew by ${slowGrowth.toFixed(1)} MB`)
    for (const response of slow) response.destroy()
  })
}

async function warm(browser: Browser): Promise<void> {
  for (let i = 0; i < 300; i++) await browser.get('/pms/library/metadata/1')
}

t.test(`rule 25: ${REQUESTS} interleaved requests of two users never cross`, async (t) => {
  const load = await startLoad(t)
  const people = await Promise.all(
    [OWNER, FRIEND].map(async (login) => {
      const browser = await load.signedIn(login)
      const answer = await browser.get('/pms/library')
      return { cookie: browser.cookie, who: answer.json.who as string }
    })
  )
  t.not(people[0]?.who, people[1]?.who, 'each has a token of their own')
  const tokens = load.simulator.secrets().map((secret) => createHash('sha256').update(secret).digest('hex'))
  for (const { who } of people) t.ok(tokens.includes(who))

  const { hostname, port, host } = new URL(load.url)
  let crossed = 0
  let answered = 0
  async function run(connection: number): Promise<void> {
    const socket = connect(Number(port), hostname)
    let sent = 0
    let expected: string[] = []
    let received = ''
    const batch = (): void => {
      let text = ''
      expected = []
      for (let i = 0; i < BATCH; i++) {
        const person = people[(sent + connection) % 2]
        const path = `/library/metadata/${connection}${String(sent++).padStart(6, '0')}`
        expected.push(JSON.stringify({ who: person?.who, path }))
        text += `GET /pms${path} HTTP/1.1\r\nHost: ${host}\r\nSec-Fetch-Site: same-origin\r\nCookie: ${person?.cookie}\r\n\r\n`
      }
      socket.write(text)
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    socket.on('error', reject).on('close', () => reject(new Error('closed')))
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      if (received.split('"path"').length - 1 < expected.length || !received.endsWith('}')) return
      const bodies = received.match(/\{"who"[^}]*\}/g) ?? []
      for (const [i, body] of expected.entries()) if (bodies[i] !== body) crossed++
      answered += bodies.length
      received = ''
      if (sent >= REQUESTS / CONNECTIONS) resolve()
      else batch()
    })
    batch()
    await promise
    socket.removeAllListeners().destroy()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, connection) => run(connection)))
  t.equal(answered, REQUESTS)
  t.equal(crossed, 0)
})
