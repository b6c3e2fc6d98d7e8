import t from 'tap'
import { CHANGE_STAMP, SMALL_PART } from '../simulator/pms/catalogue.ts'
import { startSimulator } from '../simulator/simulator.ts'
import { ACCESS, SESSION, startDelegation } from '../support/services.ts'
import { until } from '../support/until.ts'
import { FRIEND, startTestUsher } from '../support/usher.ts'
import { openPaused, requestBytes, statusOf } from './bystander.ts'

t.setTimeout(120_000)

const PART = `/pms/library/parts/${SMALL_PART}/${CHANGE_STAMP}/file.mkv`
const SESSIONS = 9
const EACH = 64

/** How many of these heads are of each status. */
function tally(heads: readonly string[]): Record<number, number> {
  const counts: Record<number, number> = {}
  for (const head of heads) counts[statusOf(head)] = (counts[statusOf(head)] ?? 0) + 1
  return counts
}

t.test('rules 69 and 71: nine sessions of one account have no more paused downloads than one', async (t) => {
  const usher = await startTestUsher(t)
  const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => usher.signedIn()))
  const friend = await usher.signedIn(FRIEND)
  await friend.get('/pms/library/sections')
  // None comes to its end. Not a big part: so many of those fill the memory that the system has for sockets.
  const fault = usher.simulator.faults.set({ service: 'pms', path: PART.slice(4), kind: 'stall' })
  const heads = await Promise.all(
    sessions.flatMap((session) => {
      const bytes = requestBytes(usher.publicUrl, session, PART)
      return Array.from({ length: EACH }, () => openPaused(t, usher.publicUrl, bytes).head)
    })
  )
  t.strictSame(tally(heads), { 200: EACH, 503: (SESSIONS - 1) * EACH })
  t.match(
    heads.find((head) => statusOf(head) === 503),
    /retry-after: 1\r\n[\s\S]*USHER_BUSY/i
  )
  usher.simulator.faults.clear(fault)
  t.equal((await friend.get(PART)).status, 200, 'another account downloads')
  t.equal((await sessions[0]?.get('/pms/library/sections'))?.status, 200, 'and this one still browses')
})

t.test(
  'rule 69: nine scoped tokens of a service count as one, and apart from the account itself',
  async (t) => {
    const simulator = await startSimulator()
    t.teardown(() => simulator.close())
    const { usher, exchange } = await startDelegation(t, { simulator })
    const browser = await usher.signedIn()
    const subject = [...browser.jar.values()].find((value) => value.length > 100) ?? ''
    const tokens = await Promise.all(
      Array.from({ length: SESSIONS }, async () => {
        const answer = await exchange('scoped', {
          subject_token: subject,
          subject_token_type: SESSION,
          requested_token_type: ACCESS,
          scope: 'pms:stream'
        })
        return answer.json.access_token as string
      })
    )
    t.equal(new Set(tokens).size, SESSIONS)
    await browser.get('/pms/library/sections')
    simulator.faults.set({ service: 'pms', path: PART.slice(4), kind: 'stall' })
    const { host } = new URL(usher.publicUrl)
    const heads = await Promise.all(
      tokens.flatMap((token) => {
        const bytes = `GET ${PART} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n\r\n`
        return Array.from({ length: EACH }, () => openPaused(t, usher.publicUrl, bytes).head)
      })
    )
    t.strictSame(tally(heads), { 200: EACH, 503: (SESSIONS - 1) * EACH })
    const own = openPaused(t, usher.publicUrl, requestBytes(usher.publicUrl, browser, PART))
    t.equal(statusOf(await own.head), 200, 'the person is not locked out by the service')
  }
)

t.test('rule 70: plain requests at the path of the WebSocket lock nobody out of it', async (t) => {
  const usher = await startTestUsher(t)
  const browser = await usher.signedIn()
  const path = '/pms/:/websockets/notifications'
  // On sockets that stay open, as a browser keeps them.
  const bytes = requestBytes(usher.publicUrl, browser, path)
  const plain = await Promise.all(
    Array.from({ length: 260 }, () => openPaused(t, usher.publicUrl, bytes).head)
  )
  t.strictSame(tally(plain), { 400: 260 })
  const upgrade = bytes.replace(
    /\r\n\r\n$/,
    '\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
  )
  const { head, socket } = openPaused(t, usher.publicUrl, upgrade)
  t.equal(statusOf(await head), 101)
  socket.destroy()
  await until(() => usher.core.streams.open.socket === 0)
})
