import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { skipWithout } from '../../../support/programs.ts'
import { startRedis } from '../../../support/redis.ts'
import { until } from '../../../support/until.ts'
import { FRIEND, OWNER, PASSWORD, startTestUsher, type TestUsher } from '../../../support/usher.ts'

const FRIEND_ID = 7_654_321
const skip = skipWithout('redis-server')

t.test(
  'an account that is blocked at one instance is out, and cannot sign in, at another',
  { skip },
  async (t) => {
    const redis = await startRedis(t)
    const first = await startTestUsher(t, { settings: { USHER_REDIS_URL: redis.url } })
    const second = await startTestUsher(t, {
      simulator: first.simulator,
      settings: {
        USHER_REDIS_URL: redis.url,
        USHER_SESSION_KEYS: first.settings['USHER_SESSION_KEYS'],
        USHER_COOKIE_DOMAIN: undefined,
        USHER_PUBLIC_URL: first.settings['USHER_PUBLIC_URL'],
        USHER_PORT: '0'
      }
    })
    const owner = await first.signedIn(OWNER)
    const { host } = new URL(first.settings['USHER_PUBLIC_URL'] ?? '')
    const friend = second.browser()
    const headers = { host }
    t.equal((await friend.post('/session/login', { login: FRIEND, password: PASSWORD }, headers)).status, 201)
    const id = await until(async () => {
      // None where Redis was late for once.
      const { sessions = [] } = (await owner.get('/session/sessions')).json as {
        sessions?: { account: { id: number; title: string } }[]
      }
      return sessions.find(({ account }) => account.title === 'friend')?.account.id
    }, 'the session of the other instance is listed')
    t.equal((await owner.ask(`/session/accounts/${id}/block`, { method: 'PUT' })).status, 204)
    await until(async () => (await friend.get('/session', headers)).status === 401)
    const refused = await second
      .browser()
      .post('/session/login', { login: FRIEND, password: PASSWORD }, headers)
    t.match(refused, { status: 403, json: { code: 'USHER_ACCOUNT_BLOCKED' } })
    t.equal((await owner.ask(`/session/accounts/${id}/block`, { method: 'DELETE' })).status, 204)
    t.equal(
      (await second.browser().post('/session/login', { login: FRIEND, password: PASSWORD }, headers)).status,
      201
    )
  }
)

t.test(
  'Redis away: a known block holds, and an unknown one is enforced when Redis is back',
  { skip, timeout: 300_000 },
  async (t) => {
    const redis = await startRedis(t)
    const first = await startTestUsher(t, { settings: { USHER_REDIS_URL: redis.url }, hasty: true })
    const settings = {
      ...first.settings,
      USHER_REDIS_URL: redis.url,
      USHER_PORT: '0'
    }
    const running = await startTestUsher(t, { simulator: first.simulator, settings, hasty: true })
    const { host } = new URL(first.settings['USHER_PUBLIC_URL'] ?? '')
    const signIn = async (usher: TestUsher, login: string) => {
      const browser = usher.browser()
      const { status, json } = await browser.post('/session/login', { login, password: PASSWORD }, { host })
      return { browser, status, code: (json as { code?: string }).code }
    }
    const owner = await first.signedIn(OWNER)
    t.equal((await owner.ask(`/session/accounts/${FRIEND_ID}/block`, { method: 'PUT' })).status, 204)
    t.equal((await signIn(running, 'robin')).status, 201)
    await until(() => running.core.revocations.size > 0, 'the other instance has heard of it')
    // It reads the blocks a moment later. Redis answers in order: what it is asked after that is answered after it.
    await delay(300)
    for (let question = 0; question < 20; question += 1) await redis.client.ping()

    // It hangs, which counts as away.
    redis.signal('SIGSTOP')
    const late = await startTestUsher(t, { simulator: first.simulator, settings, hasty: true })
    t.match(await signIn(running, FRIEND), { status: 403, code: 'USHER_ACCOUNT_BLOCKED' }, 'known')
    const unknown = await signIn(late, FRIEND)
    t.equal(unknown.status, 201, 'an instance that started without Redis does not know it')
    const robin = await signIn(late, 'robin')
    const hers = await signIn(late, OWNER)
    t.match(
      await hers.browser.get('/session/sessions', { host }),
      { status: 503, json: { code: 'USHER_UPSTREAM_UNREACHABLE' } },
      'an outage, not a defect'
    )

    redis.signal('SIGCONT')
    await until(async () => (await unknown.browser.get('/session', { host })).status === 401)
    // Another instance that was back first may have ended it.
    await until(() => late.core.state.isSharedUp(), 'Redis is back here too')
    t.match(await signIn(late, FRIEND), { status: 403, code: 'USHER_ACCOUNT_BLOCKED' })
    t.equal((await robin.browser.get('/session', { host })).status, 200, 'nobody else is signed out')
    t.ok(late.logs.some(({ event, service }) => event === 'upstream.degraded' && service === 'redis'))
  }
)
