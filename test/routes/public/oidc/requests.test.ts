import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startBackChannel } from '../../../support/back-channel.ts'
import {
  authRequest,
  basic,
  claimsOf,
  enter,
  getCode,
  navigate,
  post,
  redeem,
  refresh,
  SECRET,
  startOpenId,
  userinfo
} from '../../../support/openid.ts'
import { until } from '../../../support/until.ts'
import { FRIEND, OWNER, PASSWORD } from '../../../support/usher.ts'

const APP = { id: 'grafana', secret: SECRET }

const errorOf = (location: string | undefined) =>
  new URL((location ?? 'about:blank').replace('#', '?')).searchParams.get('error')

t.test('an account that may not open an app gets a page that names both, not a loop', async (t) => {
  const usher = await startOpenId(t, [{ ...APP, name: 'Grafana <b>', access: { roles: ['owner'] } }])
  const friend = await usher.signedIn(FRIEND)
  const page = await navigate(friend, authRequest(APP.id).path)
  t.equal(page.status, 403)
  t.match(page.text, /Grafana &lt;b&gt;/)
  t.match(page.text, new RegExp((await friend.get('/session')).json.account.title))
  t.match(page.text, /again=1/)
  const silent = await navigate(friend, authRequest(APP.id, { prompt: 'none' }).path)
  t.equal(errorOf(silent.headers.location), 'access_denied')
  const login = await navigate(friend, authRequest(APP.id, { prompt: 'login' }).path)
  t.match(login.headers.location, /\/oidc\/interaction\//, 'another account may be chosen')
  t.ok(await enter(usher, await usher.signedIn(OWNER), APP))
})

t.test('access by account, group, library and role is one rule for both doors', async (t) => {
  const usher = await startOpenId(
    t,
    [
      { ...APP, access: { groups: ['admins'] } },
      { id: 'films', secret: `${SECRET}2`, access: { libraries: ['Movies'] } },
      { id: 'nowhere', secret: `${SECRET}3`, access: { libraries: ['Nothing'] } }
    ],
    { settings: { USHER_GROUPS: JSON.stringify({ admins: ['role:owner'], viewers: ['library:Movies'] }) } }
  )
  const owner = await usher.signedIn(OWNER)
  const friend = await usher.signedIn(FRIEND)
  const { groups } = claimsOf((await enter(usher, owner, APP)).id_token)
  t.strictSame(groups.slice(0, 3), ['owner', 'admins', 'viewers'])
  t.equal((await navigate(friend, authRequest(APP.id).path)).status, 403)
  t.ok(await enter(usher, friend, { id: 'films', secret: `${SECRET}2` }))
  t.equal((await navigate(owner, authRequest('nowhere').path)).status, 403)
})

t.test('an app that needs a library nobody knows of is 503, not refused', async (t) => {
  const usher = await startOpenId(t, [{ ...APP, access: { libraries: ['Movies'] } }])
  const browser = await usher.signedIn()
  await usher.simulator.pmsDown()
  const page = await navigate(browser, authRequest(APP.id).path)
  t.equal(page.status, 503)
  t.match(page.text, /Nobody was signed out/)
})

t.test('access to one app lost tells that app alone', async (t) => {
  const [lost, kept] = [await startBackChannel(t), await startBackChannel(t)]
  const usher = await startOpenId(
    t,
    [
      { ...APP, backchannelLogoutUri: lost.uri, access: { libraries: ['Movies'] } },
      { id: 'other', secret: `${SECRET}2`, backchannelLogoutUri: kept.uri }
    ],
    { settings: { USHER_RECHECK: '2s' } }
  )
  const browser = await usher.signedIn(FRIEND)
  const tokens = await enter(usher, browser, APP)
  const others = await enter(usher, browser, { id: 'other', secret: `${SECRET}2` })
  usher.simulator.libraries.hide('friend', 'Movies')
  await until(() => lost.told.length === 1, 'told')
  t.equal(kept.asked, 0)
  t.equal((await userinfo(usher, tokens.access_token)).status, 401)
  t.equal((await userinfo(usher, others.access_token)).status, 200)
  t.equal((await browser.get('/session')).status, 200)
})

t.test('prompt=login, select_account and max_age want a sign-in since the request', async (t) => {
  const usher = await startOpenId(t, [APP])
  const browser = await usher.signedIn()
  await new Promise((resolve) => setTimeout(resolve, 1200))
  for (const params of [{ prompt: 'login' }, { prompt: 'select_account' }, { max_age: '0' }]) {
    const request = authRequest(APP.id, params)
    const step = (await navigate(browser, request.path)).headers.location ?? ''
    t.match(step, /interaction/, JSON.stringify(params))
    const toSignIn = await navigate(browser, step)
    t.match(toSignIn.headers.location, /again=1/, 'the ways in are shown although somebody is signed in')
    await new Promise((resolve) => setTimeout(resolve, 1100))
    const before = Math.floor(Date.now() / 1000)
    await browser.post('/session/login', { login: OWNER, password: PASSWORD })
    const after = Date.now() / 1000
    const back = (await navigate(browser, step)).headers.location ?? ''
    const done = await navigate(browser, back)
    const code = new URL(done.headers.location ?? '').searchParams.get('code')
    t.ok(code, `${JSON.stringify(params)} ${done.headers.location}`)
    const claims = claimsOf((await redeem(usher, APP, code ?? '', request)).json.id_token)
    if ('max_age' in params) t.ok(claims.auth_time >= before && claims.auth_time <= after, 'auth_time')
  }
  t.ok(await getCode(browser, authRequest(APP.id, { prompt: 'consent' })), 'nobody is asked for consent')
})

t.test('an interaction is of the browser that began it', async (t) => {
  const usher = await startOpenId(t, [APP])
  const [mine, theirs] = [usher.browser(), await usher.signedIn()]
  const step = (await navigate(mine, authRequest(APP.id).path)).headers.location ?? ''
  const answer = await navigate(theirs, step)
  t.equal(answer.status, 400)
  t.match(answer.text, /Start again in the app/)
  t.equal((await navigate(mine, '/oidc/interaction/made-up')).status, 400)
})

t.test('a public app: PKCE always, its own origins alone, rotated refresh tokens', async (t) => {
  const spa = { id: 'spa' }
  const usher = await startOpenId(t, [{ ...spa, refresh: true }])
  const browser = await usher.signedIn()
  const bare = await navigate(
    browser,
    authRequest(spa.id, { code_challenge: undefined, code_challenge_method: undefined }).path
  )
  t.equal(errorOf(bare.headers.location), 'invalid_request')
  const plain = await navigate(browser, authRequest(spa.id, { code_challenge_method: 'plain' }).path)
  t.equal(errorOf(plain.headers.location), 'invalid_request')
  const tokens = await enter(usher, browser, spa)
  const preflight = await usher.browser().ask('/oidc/token', {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' }
  })
  t.equal(preflight.status, 204)
  const from = (origin: string) =>
    post(
      usher,
      '/oidc/token',
      { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '', client_id: spa.id },
      { origin }
    )
  const foreign = await from('https://evil.example')
  t.equal(foreign.status, 400)
  t.equal(foreign.headers['access-control-allow-origin'], undefined)
  const own = await from('https://app.example')
  t.equal(own.status, 200, own.text)
  t.equal(own.headers['access-control-allow-origin'], 'https://app.example')
  t.not(own.json.refresh_token, tokens.refresh_token)
  t.equal((await refresh(usher, spa, tokens.refresh_token)).status, 200, 'once more within ten seconds')
})

t.test('what is switched off is refused, and unknown scopes are left out', async (t) => {
  const usher = await startOpenId(t, [APP])
  const browser = await usher.signedIn()
  for (const params of [
    { response_type: 'token' },
    { response_type: 'id_token' },
    { request: 'x.y.z' },
    { request_uri: 'https://evil.example' },
    { registration: '{}' }
  ]) {
    const answer = await navigate(browser, authRequest(APP.id, params).path)
    t.ok(errorOf(answer.headers.location) ?? answer.status >= 400, JSON.stringify(params))
    t.notMatch(answer.headers.location ?? '', /[?&]code=/)
  }
  const wrong = await navigate(
    browser,
    authRequest(APP.id, { redirect_uri: 'https://app.example/callback/' }).path
  )
  t.equal(wrong.status, 400)
  t.equal(wrong.headers.location, undefined, 'to the letter')
  t.equal((await navigate(browser, authRequest('nobody').path)).status, 400)
  for (const path of ['/oidc/introspect', '/oidc/reg', '/oidc/device', '/oidc/request'])
    t.equal((await usher.browser().get(path)).status, 404, path)
  t.equal((await browser.ask('/oidc/auth', { method: 'POST' })).status, 405)
  const tokens = await enter(usher, browser, APP, { scope: 'openid roles vaultwarden offline_access' })
  t.equal(tokens.scope, 'openid')
  t.notOk('email' in claimsOf(tokens.id_token))
  t.equal(tokens.refresh_token, undefined)
})

t.test('rule 53: a request that is kept until somebody signs in has 8 KB at most', async (t) => {
  const usher = await startOpenId(t, [APP])
  const browser = usher.browser()
  t.equal((await navigate(browser, authRequest(APP.id, { state: 'a'.repeat(7000) }).path)).status, 303)
  const long = await navigate(browser, authRequest(APP.id, { state: 'a'.repeat(8192) }).path)
  t.equal(long.status, 414)
  t.equal(long.json.code, 'USHER_INVALID_REQUEST')
})

t.test('rule 53: thousands of parameters are not read', async (t) => {
  const usher = await startOpenId(t, [APP])
  const browser = usher.browser()
  for (const path of ['/oidc/logout', '/oidc/userinfo', '/oidc/jwks', '/oidc/logout/success']) {
    const answer = await browser.get(`${path}?${'a&'.repeat(10_000)}`)
    t.equal(answer.status, 400, path)
    t.equal(answer.json.detail, 'There are too many parameters.')
  }
  t.equal((await browser.get(`/oidc/jwks?${'a&'.repeat(99)}`)).status, 200)
})

t.test('guessing at a secret is limited', async (t) => {
  const usher = await startOpenId(t, [APP])
  const browser = usher.browser()
  const statuses = new Set<number>()
  for (let tries = 0; tries < 25; tries += 1) {
    const answer = await browser.ask('/oidc/token', {
      method: 'POST',
      body: 'grant_type=authorization_code&code=x&redirect_uri=https://app.example/callback',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...basic({ id: APP.id, secret: 'guess' })
      }
    })
    statuses.add(answer.status)
  }
  t.strictSame([...statuses], [401, 429])
})

t.test('form_post: a page whose script the policy names, and which works without', async (t) => {
  const usher = await startOpenId(t, [APP])
  const page = await navigate(
    await usher.signedIn(),
    authRequest(APP.id, { response_mode: 'form_post' }).path
  )
  t.equal(page.status, 200)
  t.match(page.text, /action="https:\/\/app\.example\/callback"/)
  t.match(page.headers['content-security-policy'], /script-src[^;]*'sha256-/)
  t.match(page.text, /<noscript>/)
})

t.test('below a base path everything stands below it', async (t) => {
  const usher = await startOpenId(t, [APP], { basePath: '/auth' })
  const { json } = await usher.browser().get('/auth/.well-known/openid-configuration')
  const issuer = usher.settings['USHER_PUBLIC_URL'] ?? ''
  t.equal(json.issuer, issuer)
  for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'userinfo_endpoint'])
    t.ok(json[name].startsWith(`${issuer}/oidc/`), json[name])
  const browser = usher.browser()
  const request = authRequest(APP.id)
  const step = (await navigate(browser, `/auth${request.path}`)).headers.location ?? ''
  t.match(new URL(step, issuer).pathname, /^\/auth\/oidc\/interaction\//)
})

t.test('no Plex token and no secret stands in the state', async (t) => {
  const directory = t.testdir()
  const usher = await startOpenId(t, [{ ...APP, refresh: true }], {
    settings: { USHER_STATE_DIR: directory }
  })
  const browser = await usher.signedIn()
  const tokens = await enter(usher, browser, APP)
  await navigate(usher.browser(), authRequest(APP.id).path)
  const bytes = readdirSync(directory).map((file) => readFileSync(join(directory, file)).toString('latin1'))
  const text = bytes.join('')
  t.ok(text.includes('sign-in'))
  for (const { token } of usher.simulator.tokens.living()) t.notOk(text.includes(token), 'a Plex token')
  for (const secret of [
    tokens.access_token,
    tokens.refresh_token ?? 'none',
    browser.cookie.split('=')[1] ?? 'none'
  ])
    t.notOk(text.includes(secret), 'what signs somebody in')
})
