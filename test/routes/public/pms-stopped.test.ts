import t from 'tap'
import { spawnSimulator } from '../../simulator/process.ts'
import { until } from '../../support/until.ts'
import { FRIEND, startTestUsher } from '../../support/usher.ts'

const SECTIONS = '/pms/library/sections'

t.test('a media server that stops dead takes nothing else with it', async (t) => {
  const stopped = await spawnSimulator()
  t.teardown(() => stopped.close())
  // A server of a process of its own, which asks no token: its plex.tv is another one than Usher's.
  await stopped.simulator.pms.setClaimed(false)
  const usher = await startTestUsher(t, {
    settings: { USHER_PMS_URL: stopped.simulator.pmsUrl, USHER_UPSTREAM_TIMEOUT: '5s' }
  })
  const [one, other] = await Promise.all([usher.signedIn(), usher.signedIn(FRIEND)])
  t.equal((await one.get(SECTIONS)).status, 200)

  stopped.signal('SIGSTOP')
  const stuck = Promise.all(Array.from({ length: 20 }, () => one.get(SECTIONS)))
  const meanwhile = await Promise.all(Array.from({ length: 20 }, () => other.get('/session/account')))
  t.strictSame(new Set(meanwhile.map(({ status }) => status)), new Set([200]), 'plex.tv is asked as ever')
  for (const answer of await stuck) {
    t.equal(answer.status, 504)
    t.equal(answer.json.code, 'USHER_UPSTREAM_TIMEOUT')
  }
  t.equal((await one.get('/session')).status, 200, 'nobody is signed out')

  stopped.signal('SIGCONT')
  await until(async () => (await one.get(SECTIONS)).status === 200, 'it recovers by itself')
})
