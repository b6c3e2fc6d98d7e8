import t from 'tap'
import { startSimulator } from '../../simulator/simulator.ts'
import { skipWithout } from '../../support/programs.ts'
import { startRedis } from '../../support/redis.ts'
import { FRIEND, startTestUsher } from '../../support/usher.ts'

t.test('rule 20: with a state directory a copied cookie stays signed out over a restart', async (t) => {
  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  const settings = { USHER_STATE_DIR: t.testdir() }
  const first = await startTestUsher(t, { simulator, settings })
  const browser = await first.signedIn()
  const { cookie } = browser
  t.equal((await browser.post('/session/logout')).status, 204)
  await first.stop(0)
  // plex.tv cannot tell that the token is dead: without the file the copy would be good again.
  await simulator.plexDown()
  const second = await startTestUsher(t, { simulator, settings: first.settings })
  const answer = await second.browser().get('/session', { cookie })
  t.equal(answer.json.code, 'USHER_SESSION_REVOKED')
  t.match(
    second.logs.filter(({ msg }) => msg === 'state opened'),
    [{ revocations: 1 }]
  )
})

t.test('a restart gives nobody a second ration of failed sign-ins', async (t) => {
  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  const settings = { USHER_STATE_DIR: t.testdir() }
  const first = await startTestUsher(t, { simulator, settings })
  const fail = (usher: typeof first) =>
    usher.browser().post('/session/login', { login: FRIEND, password: 'wrong' })
  const count = async (usher: typeof first) => {
    for (let tries = 1; tries < 20; tries += 1) if ((await fail(usher)).status === 429) return tries
    throw new Error('nobody was limited')
  }
  t.ok((await count(first)) > 5)
  await first.stop(0)
  const second = await startTestUsher(t, { simulator, settings: first.settings })
  t.equal((await fail(second)).status, 429)
})

t.test('Redis wins where both are set', { skip: skipWithout('redis-server') }, async (t) => {
  const redis = await startRedis(t)
  const directory = t.testdir()
  const usher = await startTestUsher(t, {
    settings: { USHER_STATE_DIR: directory, USHER_REDIS_URL: redis.url }
  })
  t.equal(usher.core.state.kind, 'redis')
})
