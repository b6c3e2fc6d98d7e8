import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
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

t.test('without a client there is no provider: every path is 404', async (t) => {
  const usher = await startOpenId(t, [], { settings: { USHER_OIDC_KEYS: undefined } })
  for (const path of ['/.well-known/openid-configuration', '/oidc/jwks', '/oidc/auth', '/oidc/interaction/x'])
    t.equal((await usher.browser().get(path)).status, 404, path)
})

t.test('discovery names Usher by its public URL, whatever Host and proxies say', async (t) => {
  const usher = await startOpenId(t, [APP])
  const { headers, json } = await usher.browser().get('/.well-known/openid-configuration', {
    host: 'evil.example',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
    forwarded: 'host=evil.example'
  })
  t.equal(json.issuer, usher.settings['USHER_PUBLIC_URL'])
  t.notMatch(JSON.stringify(json), /evil/)
  t.equal(headers['cache-control'], 'public, max-age=300')
  t.strictSame(json.response_types_supported, ['code'])
  t.strictSame(json.code_challenge_methods_supported, ['S256'])
  t.strictSame([...json.id_token_signing_alg_values_supported].sort(), ['ES256', 'RS256'])
  t.equal(json.backchannel_logout_session_supported, true)
  for (const absent of ['introspection_endpoint', 'registration_endpoint', 'device_authorization_endpoint'])
    t.notOk(absent in json, absent)
  const keys = await usher.browser().get('/oidc/jwks')
  t.strictSame(
    keys.json.keys.map(({ kid }: { kid: string }) => kid),
    ['r1', 'e1']
  )
  t.notMatch(keys.text, /"d":/)
})

t.test('code with PKCE, claims, userinfo, refresh and revocation', async (t) => {
  const usher = await startOpenId(t, [{ ...APP, refresh: true }])
  const browser = await usher.signedIn()
  const request = authRequest(APP.id)
  const answer = await navigate(browser, request.path)
  t.equal(answer.status, 303)
  const location = new URL(answer.headers.location ?? '')
  t.equal(location.searchParams.get('state'), request.state)
  t.equal(location.searchParams.get('iss'), usher.settings['USHER_PUBLIC_URL'])
  t.notOk(
    answer.setCookies.some((line) => line.includes('oidc-session')),
    'no session of its own'
  )
  const code = location.searchParams.get('code') ?? ''
  const redeemed = await redeem(usher, APP, code, request)
  t.equal(redeemed.status, 200, redeemed.text)
  const tokens = redeemed.json
  const claims = claimsOf(tokens.id_token)
  const view = (await browser.get('/session')).json
  t.match(claims, {
    iss: usher.settings['USHER_PUBLIC_URL'],
    aud: APP.id,
    sub: String(view.account.id),
    nonce: request.nonce,
    preferred_username: view.account.username,
    name: view.account.title,
    email: view.account.email,
    email_verified: true,
    sid: /^[\w-]{32}$/
  })
  t.equal(claims.groups[0], 'owner')
  t.ok(claims.groups.includes('library:Movies'), claims.groups.join())
  const info = await userinfo(usher, tokens.access_token)
  t.match(info.json, { sub: claims.sub, groups: claims.groups })
  const fresh = await refresh(usher, APP, tokens.refresh_token)
  t.equal(fresh.status, 200, fresh.text)
  t.equal(claimsOf(fresh.json.id_token).sid, claims.sid)
  t.equal((await redeem(usher, APP, code, request)).json.error, 'invalid_grant', 'a code is good once')
  const again = await enter(usher, browser, APP)
  t.equal(claimsOf(again.id_token).sid, claims.sid)
  t.equal((await post(usher, '/oidc/revoke', { token: again.refresh_token ?? '' }, basic(APP))).status, 200)
  t.equal((await refresh(usher, APP, again.refresh_token)).json.error, 'invalid_grant')
  t.equal((await userinfo(usher, again.access_token)).status, 401)
})

t.test('names and a confirmed address are read anew at each re-check', async (t) => {
  const usher = await startOpenId(t, [{ ...APP, refresh: true }], { settings: { USHER_RECHECK: '2s' } })
  const { accounts } = usher.simulator
  const browser = await usher.signedIn(FRIEND)
  const tokens = await enter(usher, browser, APP)
  t.match(claimsOf(tokens.id_token), { email: FRIEND, email_verified: true })
  const email = 'new@example.com'
  accounts.set('friend', { email, title: 'Frida', confirmed: false })
  const claims = async () => (await userinfo(usher, tokens.access_token)).json
  const unconfirmed = await until(async () => {
    await delay(100)
    const told = await claims()
    return told.name === 'Frida' ? told : null
  })
  t.notOk('email' in unconfirmed || 'email_verified' in unconfirmed, 'left out rather than unconfirmed')
  accounts.set('friend', { confirmed: true })
  await until(async () => {
    await delay(100)
    return (await claims()).email === email
  })
  const fresh = await refresh(usher, APP, tokens.refresh_token)
  t.match(claimsOf(fresh.json.id_token), { email, email_verified: true, name: 'Frida' })
  t.match((await browser.get('/session')).json, { account: { email, title: 'Frida' } })
})

t.test('nobody signed in: by way of the sign-in page to the app, with the request whole', async (t) => {
  const usher = await startOpenId(t, [APP])
  const browser = usher.browser()
  const request = authRequest(APP.id, { state: 's'.repeat(1500) })
  const started = await navigate(browser, request.path)
  t.equal(started.status, 303)
  const step = started.headers.location ?? ''
  t.match(new URL(step, usher.publicUrl).pathname, /^\/oidc\/interaction\/[\w-]+$/)
  const toSignIn = await navigate(browser, step)
  t.match(toSignIn.headers.location, /^\/signin\?returnTo=%2Foidc%2Finteraction%2F/)
  t.equal((await browser.post('/session/login', { login: OWNER, password: PASSWORD })).status, 201)
  const back = await navigate(browser, step)
  t.equal(back.status, 303)
  const done = await navigate(browser, back.headers.location ?? '')
  const location = new URL(done.headers.location ?? '')
  t.equal(location.searchParams.get('state'), 's'.repeat(1500))
  const redeemed = await redeem(usher, APP, location.searchParams.get('code') ?? '', request)
  t.equal(claimsOf(redeemed.json.id_token).nonce, request.nonce)
  t.equal((await navigate(browser, step)).status, 400, 'an interaction is good once')
})

t.test('prompt=none: a code at once for whoever is signed in, else login_required', async (t) => {
  const usher = await startOpenId(t, [APP])
  const request = authRequest(APP.id, { prompt: 'none' })
  const stranger = await navigate(usher.browser(), request.path)
  t.equal(new URL(stranger.headers.location ?? '').searchParams.get('error'), 'login_required')
  t.ok(await getCode(await usher.signedIn(), request))
})

t.test('rule 59: what caches keep sets no cookie, whoever asks', async (t) => {
  let skewMs = 0
  const usher = await startOpenId(t, [APP], { now: () => Date.now() + skewMs })
  const browser = await usher.signedIn()
  skewMs = 3 * 86_400_000
  for (const path of ['/.well-known/openid-configuration', '/oidc/jwks']) {
    const { headers } = await browser.get(path)
    t.equal(headers['cache-control'], 'public, max-age=300', path)
    t.equal(headers['set-cookie'], undefined, path)
  }
  const answer = await navigate(browser, authRequest(APP.id).path)
  t.equal(answer.headers['cache-control'], 'no-store')
  t.ok(
    answer.setCookies.some((line) => line.startsWith('usher=')),
    'a visit keeps the session alive'
  )
})
