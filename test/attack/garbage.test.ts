import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { CHANGE_STAMP, SMALL_PART } from '../simulator/pms/catalogue.ts'
import { partBytes } from '../simulator/pms/parts.ts'
import { startTestUsher } from '../support/usher.ts'
import { requestBytes } from './bystander.ts'

const PART = `/pms/library/parts/${SMALL_PART}/${CHANGE_STAMP}/file.mkv`
const PART_BYTES = 5_000_000
const GARBAGE = [
  'GARBAGE\r\n\r\n',
  '\x00\x01\x02',
  'GET / HTTP/9.9\r\n\r\n',
  `GET / HTTP/1.1\r\nX: ${'x'.repeat(70_000)}`
]

/** Sends the request, the garbage a moment later, and reads to the end. */
async function send(base: string, bytes: string, garbage: string, again: string): Promise<Buffer> {
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname)
  const chunks: Buffer[] = []
  socket.write(bytes, 'latin1')
  setTimeout(() => socket.write(garbage, 'latin1'), 30)
  setTimeout(() => socket.writable && socket.write(again, 'latin1'), 60)
  socket.on('error', () => {})
  socket.pause()
  // So that the answer is under way when the garbage comes.
  await delay(100)
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

t.test('rule 87: garbage behind a request is not answered in the middle of its answer', async (t) => {
  const usher = await startTestUsher(t)
  const browser = await usher.signedIn()
  const expected = partBytes(0, PART_BYTES)
  for (const garbage of GARBAGE) {
    const name = JSON.stringify(garbage.slice(0, 20))
    const answer = await send(usher.publicUrl, requestBytes(usher.publicUrl, browser, PART), garbage, garbage)
    const body = answer.subarray(answer.indexOf('\r\n\r\n') + 4)
    t.ok(body.subarray(0, PART_BYTES).equals(expected), `${name}: every byte of the answer is its own`)
    t.match(
      body.subarray(PART_BYTES).toString('latin1'),
      /^HTTP\/1\.1 4(?:00|31) [\s\S]*USHER_INVALID_REQUEST/,
      name
    )
    t.equal(body.indexOf('HTTP/1.1', PART_BYTES + 1), -1, `${name}: it is refused once`)
  }
})

t.test('rule 87: garbage behind a request that waits does not take the place of its answer', async (t) => {
  const usher = await startTestUsher(t)
  const browser = await usher.signedIn()
  await browser.get('/pms/library/sections')
  usher.simulator.faults.set({ service: 'pms', path: '/library/sections', kind: 'latency', ms: 300 })
  const bytes = requestBytes(usher.publicUrl, browser, '/pms/library/sections')
  const answer = (await send(usher.publicUrl, bytes + bytes, 'GARBAGE\r\n\r\n', 'more')).toString('latin1')
  t.strictSame(
    [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status),
    ['200', '200', '400']
  )
})

t.test('rule 87: a body that breaks its own framing is answered, or broken off, never both', async (t) => {
  const usher = await startTestUsher(t)
  const browser = await usher.signedIn()
  const bytes = requestBytes(usher.publicUrl, browser, '/pms/:/timeline')
    .replace('GET', 'POST')
    .replace('\r\n\r\n', '\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n')
  const answer = (await send(usher.publicUrl, bytes, '', '')).toString('latin1')
  t.strictSame(
    [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status),
    ['400']
  )
})
