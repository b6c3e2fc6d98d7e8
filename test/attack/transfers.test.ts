import { request as httpRequest, type IncomingMessage } from 'node:http'
import t from 'tap'
import { CHANGE_STAMP, SMALL_PART } from '../simulator/pms/catalogue.ts'
import type { Browser } from '../support/browser.ts'
import { until } from '../support/until.ts'
import { startTestUsher, type TestUsher } from '../support/usher.ts'

const PART = `/pms/library/parts/${SMALL_PART}/${CHANGE_STAMP}/file.mkv`

function open(usher: TestUsher, browser: Browser, path: string): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const headers = { 'sec-fetch-site': 'same-origin', cookie: browser.cookie }
  httpRequest(usher.publicUrl + path, { headers, agent: false })
    .on('error', reject)
    .on('response', resolve)
    .end()
  return promise
}

t.test('rule 70: transfers that one account asks for in one moment are counted as well', async (t) => {
  const usher = await startTestUsher(t)
  const greedy = await usher.signedIn()
  // None comes to its end. Not a big part: so many of those fill the memory that the system has for sockets.
  usher.simulator.faults.set({ service: 'pms', path: PART.slice(4), kind: 'stall' })
  const answers = await Promise.all(Array.from({ length: 80 }, () => open(usher, greedy, PART)))
  const statuses = answers.map(({ statusCode }) => statusCode)
  t.equal(statuses.filter((status) => status === 200).length, 64)
  t.equal(statuses.filter((status) => status === 503).length, 16)
  for (const answer of answers) answer.destroy()
  await until(async () => usher.core.streams.open.media === 0, 'nothing is open')
  const again = await open(usher, greedy, PART)
  t.equal(again.statusCode, 200, 'there is room again')
  again.destroy()
})

t.test(
  'rule 20: what still waits for the media server to prove itself is not sent after a logout',
  async (t) => {
    const usher = await startTestUsher(t)
    const leaving = await usher.signedIn()
    // A failed request has the identity asked for again.
    usher.simulator.faults.set({ service: 'pms', path: '/library/all', kind: 'reset' })
    await leaving.get('/pms/library/all')
    const fault = usher.simulator.faults.set({ service: 'pms', path: '/identity', kind: 'hold' })
    const waiting = leaving.get('/pms/library/sections')
    await until(() => usher.simulator.activeResponses('pms') > 0, 'the identity is asked for')
    t.equal((await leaving.post('/session/logout')).status, 204)
    usher.simulator.faults.clear(fault)
    const answer = await waiting
    t.equal(answer.status, 401)
    t.equal(answer.json.code, 'USHER_SESSION_REVOKED')
    t.equal(usher.simulator.received({ service: 'pms', path: '/library/sections' }).length, 0)
  }
)
