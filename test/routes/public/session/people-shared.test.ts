import t from 'tap'
import { skipWithout } from '../../../support/programs.ts'
import { startRedis } from '../../../support/redis.ts'
import { until } from '../../../support/until.ts'
import { FRIEND, OWNER, PASSWORD, startTestUsher } from '../../../support/usher.ts'

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
    const { sessions } = (await owner.get('/session/sessions')).json
    const id = await until(async () => {
      const list = (await owner.get('/session/sessions')).json.sessions as {
        account: { id: number; title: string }
      }[]
      return list.find(({ account }) => account.title === 'friend')?.account.id
    }, 'the session of the other instance is listed')
    t.ok(sessions.length >= 1)
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
