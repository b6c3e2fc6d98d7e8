import t from 'tap'
import { startSimulator } from '../../../simulator/simulator.ts'
import { startBackChannel } from '../../../support/back-channel.ts'
import { createBrowser } from '../../../support/browser.ts'
import {
  authRequest,
  claimsOf,
  enter,
  getCode,
  navigate,
  redeem,
  refresh,
  SECRET,
  startOpenId,
  userinfo
} from '../../../support/openid.ts'
import { skipWithout } from '../../../support/programs.ts'
import { startRedis } from '../../../support/redis.ts'
import { until } from '../../../support/until.ts'

const skip = skipWithout('redis-server')
const APPS = Array.from({ length: 6 }, (_, index) => ({
  id: `app-${index}`,
  secret: `${SECRET}-${index}`,
  refresh: true
}))

t.test('two instances over Redis', { skip }, async (t) => {
  const redis = await startRedis(t)
  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  const channel = await startBackChannel(t)
  const clients = APPS.map((app) => ({ ...app, backchannelLogoutUri: channel.uri }))
  const one = await startOpenId(t, clients, {
    simulator,
    settings: { USHER_REDIS_URL: redis.url, USHER_RECHECK: '2s' },
    hasty: true
  })
  const two = await startOpenId(t, clients, {
    simulator,
    settings: { ...one.settings, USHER_PORT: '0' },
    hasty: true
  })
  await until(() => one.core.state.isSharedUp() && two.core.state.isSharedUp(), 'Redis is up')
  const twin = (browser: Awaited<ReturnType<typeof one.signedIn>>) => {
    const other = createBrowser(two.publicUrl)
    for (const [name, value] of browser.jar) other.jar.set(name, value)
    return other
  }

  await t.test('six apps opened at once over both: every one of them signs in', async (t) => {
    const browser = await one.signedIn()
    const other = twin(browser)
    const tokens = await Promise.all(
      APPS.map((app, index) => {
        const [usher, at] = index % 2 === 0 ? [one, browser] : [two, other]
        return enter(usher, at, app)
      })
    )
    for (const [index, app] of APPS.entries()) {
      const usher = index % 2 === 0 ? two : one
      t.equal((await refresh(usher, app, tokens[index]?.refresh_token)).status, 200, app.id)
      t.equal((await userinfo(usher, tokens[index]?.access_token ?? '')).status, 200, app.id)
    }
    await browser.post('/session/logout')
    await until(() => channel.told.length >= 6, 'all six are told')
    await new Promise((resolve) => setTimeout(resolve, 500))
    t.equal(channel.told.length, 6, 'each once, whichever instance does it')
    t.strictSame(
      channel.told.map(({ sid }) => sid).sort(),
      tokens.map((each) => claimsOf(each.id_token).sid).sort()
    )
    for (const { access_token: token } of tokens) t.equal((await userinfo(two, token)).status, 401)
  })

  await t.test('one code redeemed ten times at once: one is answered', async (t) => {
    const [app = { id: '' }] = APPS
    const browser = await one.signedIn()
    const request = authRequest(app.id)
    const code = await getCode(browser, request)
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => redeem(index % 2 === 0 ? one : two, app, code, request))
    )
    t.equal(answers.filter(({ status }) => status === 200).length, 1)
    for (const { json, status } of answers) if (status !== 200) t.equal(json.error, 'invalid_grant')
  })

  await t.test('a refresh token used twice at once is answered twice', async (t) => {
    const [app = { id: '' }] = APPS
    const tokens = await enter(one, await one.signedIn(), app)
    const answers = await Promise.all([
      refresh(one, app, tokens.refresh_token),
      refresh(two, app, tokens.refresh_token)
    ])
    t.strictSame(
      answers.map(({ status }) => status),
      [200, 200]
    )
  })

  await t.test(
    'Redis away is 503 for apps, never a lost grant, and what ended meanwhile is told',
    async (t) => {
      const [app = { id: '' }] = APPS
      const browser = await one.signedIn()
      const tokens = await enter(one, browser, app)
      const told = channel.told.length
      redis.signal('SIGSTOP')
      const away = await refresh(one, app, tokens.refresh_token)
      t.equal(away.status, 503)
      t.equal(away.json.error, 'temporarily_unavailable')
      await until(() => one.core.state.isSharedUp() === false, 'Redis is known to be away')
      t.equal((await userinfo(one, tokens.access_token)).status, 503)
      t.equal((await navigate(browser, authRequest(app.id).path)).status, 503)
      t.equal((await one.browser().get('/.well-known/openid-configuration')).status, 200)
      t.equal((await one.browser().get('/oidc/jwks')).status, 200)
      t.equal((await browser.get('/session')).status, 200)
      t.equal((await browser.post('/session/logout')).status, 204)
      redis.signal('SIGCONT')
      await until(() => channel.told.length > told, 'told when it is back')
      await until(() => two.core.state.isSharedUp(), 'Redis is back for the other one too')
      t.equal((await refresh(two, app, tokens.refresh_token)).json.error, 'invalid_grant')
    }
  )
})
