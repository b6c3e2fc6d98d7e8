import t from 'tap'
import { clientOf } from '../../../../src/session/live/session-client.ts'
import { memoryInUse } from '../../../support/memory.ts'
import { until } from '../../../support/until.ts'

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'

t.test('a browser is what it says, from where the request came', async (t) => {
  t.strictSame(clientOf({ headers: { 'user-agent': FIREFOX } }, '192.0.2.7'), {
    userAgent: FIREFOX,
    address: '192.0.2.7'
  })
  t.equal(clientOf({ headers: {} }, '192.0.2.7').userAgent, '')
})

t.test('rule 53: a session keeps the beginning of a User-Agent, not 30 KB of it', async (t) => {
  const before = memoryInUse().heapUsed
  const clients = Array.from({ length: 1000 }, (_, index) => {
    const userAgent = Buffer.from(`${FIREFOX} ${index} `.padEnd(30_000, 'é'), 'latin1').toString('latin1')
    return clientOf({ headers: { 'user-agent': userAgent } }, '192.0.2.7')
  })
  t.match(clients[7]?.userAgent, /^Mozilla\/5\.0 .* Firefox\/140\.0 7 é+$/)
  t.equal(clients[7]?.userAgent.length, 512)
  await until(() => memoryInUse().heapUsed - before < 5_000_000, 'what was cut off is gone')
  t.equal(clients.length, 1000)
})
