import { createRemoteJWKSet, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { startSimulator } from '../../../simulator/simulator.ts'
import { type BackChannel, startBackChannel } from '../../../support/back-channel.ts'
import {
  claimsOf,
  enter,
  navigate,
  refresh,
  SECRET,
  startOpenId,
  type TestClient,
  userinfo
} from '../../../support/openid.ts'
import { until } from '../../../support/until.ts'
import { FRIEND, OWNER, PASSWORD, type TestUsherOptions } from '../../../support/usher.ts'

const APP = { id: 'immich', secret: SECRET }
const OTHER = { id: 'grafana', secret: `${SECRET}-2` }

async function stage(t: Test, options: TestUsherOptions = {}, more: Partial<TestClient> = {}) {
  const channel = await startBackChannel(t)
  const otherChannel = await startBackChannel(t)
  const clients = [
    { ...APP, refresh: true, backchannelLogoutUri: channel.uri, ...more },
    { ...OTHER, refresh: true, backchannelLogoutUri: otherChannel.uri }
  ]
  const usher = await startOpenId(t, clients, options)
  return { usher, channel, otherChannel }
}

const toldOnce = (channel: BackChannel, count = 1) =>
  until(() => channel.told.length === count, `told ${count} times`)

t.test('a sign-out tells every app that was entered, with a token that verifies', async (t) => {
  const { usher, channel, otherChannel } = await stage(t)
  const browser = await usher.signedIn()
  const tokens = await enter(usher, browser, APP)
  await enter(usher, browser, OTHER)
  const stranger = await usher.signedIn(FRIEND)
  const kept = await enter(usher, stranger, APP)
  t.equal((await browser.post('/session/logout')).status, 204)
  await Promise.all([toldOnce(channel), toldOnce(otherChannel)])
  const [told] = channel.told
  const claims = claimsOf(tokens.id_token)
  t.match(told, { sub: claims.sub, sid: claims.sid, aud: APP.id })
  t.ok(told?.events && 'http://schemas.openid.net/event/backchannel-logout' in told.events)
  const keys = createRemoteJWKSet(new URL(`${usher.publicUrl}/oidc/jwks`))
  const issuer = usher.settings['USHER_PUBLIC_URL'] ?? ''
  const { protectedHeader } = await jwtVerify(told?.token ?? '', keys, { issuer, audience: APP.id })
  t.equal(protectedHeader.typ, 'logout+jwt')
  t.equal((await userinfo(usher, tokens.access_token)).status, 401)
  t.equal((await refresh(usher, APP, tokens.refresh_token)).json.error, 'invalid_grant')
  t.equal((await userinfo(usher, kept.access_token)).status, 200, 'nobody else is signed out')
  t.equal(channel.told.length, 1)
  t.match(
    usher.logs
      .filter(({ msg }) => msg === 'app told to sign out')
      .map(({ client }) => client)
      .sort(),
    ['grafana', 'immich']
  )
})

t.test('signing out everywhere, and a token that plex.tv took back, tell the apps', async (t) => {
  const { usher, channel } = await stage(t, { settings: { USHER_RECHECK: '2s' } })
  const [first, second] = [await usher.signedIn(FRIEND), await usher.signedIn(FRIEND)]
  await enter(usher, first, APP)
  await enter(usher, second, APP)
  t.equal((await second.post('/session/logout', { everywhere: true })).status, 204)
  await toldOnce(channel, 2)
  const owner = await usher.signedIn(OWNER)
  await enter(usher, owner, APP)
  usher.simulator.tokens.revokeAccount('owner')
  await until(() => channel.told.length === 3, 'the watch finds it')
})

t.test(
  'signing in anew as the same person tells nobody, as another one tells the apps of before',
  async (t) => {
    const { usher, channel } = await stage(t)
    const browser = await usher.signedIn()
    const before = claimsOf((await enter(usher, browser, APP)).id_token)
    t.equal((await browser.post('/session/login', { login: OWNER, password: PASSWORD })).status, 201)
    const after = claimsOf((await enter(usher, browser, APP)).id_token)
    t.equal(after.sid, before.sid)
    await new Promise((resolve) => setTimeout(resolve, 300))
    t.equal(channel.asked, 0)
    t.equal((await browser.post('/session/login', { login: FRIEND, password: PASSWORD })).status, 201)
    await toldOnce(channel)
    t.match(channel.told[0], { sub: before.sub, sid: before.sid })
  }
)

t.test('an app that is away is told when it is back; one that refuses is not asked again', async (t) => {
  const { usher, channel, otherChannel } = await stage(t)
  const browser = await usher.signedIn()
  await enter(usher, browser, APP)
  await enter(usher, browser, OTHER)
  channel.answer = 503
  otherChannel.answer = 400
  await browser.post('/session/logout')
  await until(() => channel.asked >= 1 && otherChannel.asked === 1, 'both were asked')
  channel.answer = 200
  await until(() => channel.told.length === 1, 'told at the second try')
  t.equal(otherChannel.asked, 1)
  t.match(
    usher.logs.filter(({ msg }) => msg === 'app could not be told'),
    [{ client: OTHER.id, reason: '400' }]
  )
  // The app is told before Usher has its answer.
  const metrics = () => usher.core.metrics.registry.metrics()
  await until(async () => /usher_oidc_logouts_total\{client="immich",result="told"\} 1/.test(await metrics()))
  await until(async () => /usher_oidc_logouts_waiting 0/.test(await metrics()))
})

t.test('restart with queued sign-outs: they go out, with state on disk', async (t) => {
  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  const settings = { USHER_STATE_DIR: t.testdir() }
  const { usher, channel } = await stage(t, { simulator, settings })
  const browser = await usher.signedIn()
  const tokens = await enter(usher, browser, APP)
  const friend = await usher.signedIn(FRIEND)
  const kept = await enter(usher, friend, APP)
  channel.answer = 503
  await browser.post('/session/logout')
  await until(() => channel.asked >= 1, 'asked in vain')
  await usher.stop(0)
  channel.answer = 200
  const again = await startOpenId(t, [], { simulator, settings: usher.settings })
  await toldOnce(channel)
  t.equal(channel.told[0]?.sid, claimsOf(tokens.id_token).sid)
  const fresh = await refresh(again, APP, kept.refresh_token)
  t.equal(fresh.status, 200, 'and what was good is good')
  t.equal(claimsOf(fresh.json.id_token).sid, claimsOf(kept.id_token).sid)
})

t.test('an app ends the session itself: with its hint no page, and the others are told', async (t) => {
  const back = 'https://app.example/signed-out?x=1'
  const { usher, channel, otherChannel } = await stage(t, {}, { postLogoutRedirectUris: [back] })
  const browser = await usher.signedIn()
  const { id_token: hint } = await enter(usher, browser, APP)
  await enter(usher, browser, OTHER)
  const query = new URLSearchParams({ id_token_hint: hint, post_logout_redirect_uri: back, state: 'a&b' })
  const answer = await navigate(browser, `/oidc/logout?${query}`)
  t.equal(answer.status, 303)
  t.equal(answer.headers.location, `${back}&state=a%26b`)
  t.equal(browser.jar.has('usher'), false, 'the cookie is taken away')
  t.equal((await browser.get('/session')).status, 401)
  await toldOnce(otherChannel)
  t.equal(channel.asked, 0, 'it knows already')
  const gone = await navigate(browser, `/oidc/logout?${query}`)
  t.equal(gone.headers.location, `${back}&state=a%26b`, 'nobody signed in: straight back')
  const wrong = new URLSearchParams({
    id_token_hint: hint,
    post_logout_redirect_uri: 'https://evil.example/'
  })
  t.equal((await navigate(browser, `/oidc/logout?${wrong}`)).status, 400)
})

t.test('without a hint, or with somebody else’s, a person is asked first', async (t) => {
  const { usher, channel } = await stage(t, {}, { postLogoutRedirectUris: ['https://app.example/bye'] })
  const browser = await usher.signedIn()
  await enter(usher, browser, APP)
  const other = await usher.signedIn(FRIEND)
  const { id_token: foreign } = await enter(usher, other, APP)
  for (const query of ['', `?id_token_hint=${foreign}&post_logout_redirect_uri=https://app.example/bye`]) {
    const page = await navigate(browser, `/oidc/logout${query}`)
    t.equal(page.status, 200)
    t.match(page.text, /Sign out\?/)
    t.match(page.headers['content-security-policy'], /default-src 'none'/)
    t.notMatch(page.text, /<script/)
  }
  const page = await navigate(browser, '/oidc/logout')
  const [, xsrf = ''] = /name="xsrf" value="([^"]+)"/.exec(page.text) ?? []
  const [, action = ''] = /action="([^"]+)"/.exec(page.text) ?? []
  const submit = (body: Record<string, string>, headers: Record<string, string> = {}) =>
    browser.ask(action, {
      method: 'POST',
      body: new URLSearchParams(body).toString(),
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
        ...headers
      }
    })
  t.equal((await submit({ xsrf, logout: 'yes' }, { 'sec-fetch-site': 'cross-site' })).status, 403)
  t.equal((await submit({ xsrf: 'guessed', logout: 'yes' })).status, 400)
  t.equal((await browser.get('/session')).status, 200)
  t.equal((await submit({ xsrf })).status, 303, 'no')
  t.equal((await browser.get('/session')).status, 200)
  const [, second = ''] =
    /name="xsrf" value="([^"]+)"/.exec((await navigate(browser, '/oidc/logout')).text) ?? []
  const done = await submit({ xsrf: second, logout: 'yes' })
  t.equal(done.status, 303)
  t.match(done.headers.location, /\/oidc\/logout\/success$/)
  t.equal((await browser.get('/session')).status, 401)
  await toldOnce(channel)
  t.match((await navigate(browser, '/oidc/logout/success')).text, /Signed out/)
})
t.test('while plex.tv is away nobody is told and tokens work, past the grace they are 503', async (t) => {
  let skewMs = 0
  const { usher, channel } = await stage(t, {
    now: () => Date.now() + skewMs,
    settings: { USHER_RECHECK: '2s', USHER_OUTAGE_GRACE: '1h' }
  })
  const browser = await usher.signedIn()
  const tokens = await enter(usher, browser, APP)
  await usher.simulator.plexDown()
  skewMs = 600_000
  t.equal((await userinfo(usher, tokens.access_token)).status, 200)
  const fresh = await refresh(usher, APP, tokens.refresh_token)
  t.equal(fresh.status, 200)
  skewMs = 2 * 3_600_000
  const refused = await refresh(usher, APP, tokens.refresh_token)
  t.equal(refused.status, 503)
  t.equal(refused.json.error, 'temporarily_unavailable')
  t.equal(channel.asked, 0)
})

t.test('rule 95: an overdue re-check is waited for, and the session lasts past its idle end', async (t) => {
  let skewMs = 0
  const { usher, channel } = await stage(t, {
    now: () => Date.now() + skewMs,
    settings: { USHER_RECHECK: '1h', USHER_SESSION_IDLE: '2h' }
  })
  const tokens = await enter(usher, await usher.signedIn(), APP)
  skewMs = 3 * 3_600_000
  const fresh = await refresh(usher, APP, tokens.refresh_token)
  t.equal(fresh.status, 200, 'whoever uses an app does not come back to Usher meanwhile')
  usher.simulator.tokens.revokeAccount('owner')
  skewMs = 9 * 3_600_000
  const refused = await refresh(usher, APP, fresh.json.refresh_token ?? tokens.refresh_token)
  t.equal(refused.status, 400, 'not served once more')
  t.equal(refused.json.error, 'invalid_grant')
  await toldOnce(channel)
})
