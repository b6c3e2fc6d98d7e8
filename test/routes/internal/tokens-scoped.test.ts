import { once } from 'node:events'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import {
  ACCESS,
  ASSERTION,
  type DelegationOptions,
  type Members,
  SESSION,
  serviceSetting,
  startDelegation
} from '../../support/services.ts'
import { createOffsetClock } from '../../support/sign-in.ts'
import { until } from '../../support/until.ts'
import { FRIEND } from '../../support/usher.ts'

async function start(t: Test, options: DelegationOptions = {}) {
  const delegation = await startDelegation(t, options)
  const { usher, exchange } = delegation
  const browser = await usher.signedIn(FRIEND)
  const subject = { subject_token: browser.jar.get('usher') ?? '', subject_token_type: SESSION }

  /** A scoped token of the friend, made for the service `full`. */
  async function tokenFor(members: Members = {}): Promise<string> {
    const answer = await exchange('full', { ...subject, requested_token_type: ACCESS, ...members })
    if (answer.status !== 200) throw new Error(answer.text)
    return answer.json.access_token as string
  }
  /** A request below /pms with a token and nothing else: no cookie, no Fetch Metadata, no X-Usher. */
  async function pms(path: string, token: string, init: RequestInit = {}) {
    const headers = { authorization: `Bearer ${token}`, ...init.headers }
    return await fetch(`${usher.publicUrl}/pms${path}`, { ...init, headers })
  }
  return { ...delegation, browser, subject, tokenFor, pms }
}

t.test('a scoped token opens /pms as Bearer, as X-Plex-Token and in the query', async (t) => {
  const { usher, tokenFor, simulator } = await start(t)
  const token = await tokenFor()
  const base = `${usher.publicUrl}/pms/library/sections`
  const ways: [string, Record<string, string>][] = [
    [base, { authorization: `Bearer ${token}` }],
    [base, { 'x-plex-token': token }],
    [base, { 'X-PLEX-TOKEN': token }],
    [`${base}?X-Plex-Token=${token}`, {}],
    [`${base}?a=1&x-plex-token=${token}&b=2`, {}],
    [`${base}?%58-Plex-Token=${token}`, {}]
  ]
  for (const [url, headers] of ways) t.equal((await fetch(url, { headers })).status, 200, url.slice(-30))
  for (const request of simulator.received({ service: 'pms', path: '/library/sections' })) {
    t.notOk(JSON.stringify(request).includes(token.slice(0, 40)), 'it does not go to the media server')
    t.equal(request.headers.filter(([name]) => /x-plex-token/i.test(name)).length, 1)
  }
  t.notMatch(JSON.stringify(usher.logs), token.slice(-40), 'nor into the log')
})

t.test('it is good at /pms alone, and only a token of Usher is good there', async (t) => {
  const { usher, tokenFor, ownerToken, pms, works } = await start(t)
  const token = await tokenFor()
  for (const path of ['/session', '/session/account', '/plex/api/v2/user', '/session/servers']) {
    const answer = await fetch(`${usher.publicUrl}${path}`, {
      headers: { authorization: `Bearer ${token}`, cookie: `usher=${token}`, 'sec-fetch-site': 'same-origin' }
    })
    t.equal(answer.status, 401, path)
  }
  t.notOk(await works(token), 'the media server knows nothing of it')
  for (const foreign of [
    ownerToken,
    'made-up',
    `${token.slice(0, -2)}${token.endsWith('AA') ? 'BB' : 'AA'}`,
    ''
  ]) {
    const answer = await pms('/library/sections', foreign)
    t.equal(answer.status, 401)
    if (foreign !== '') {
      t.match(await answer.json(), { code: 'USHER_SESSION_INVALID' })
      t.match(answer.headers.get('www-authenticate'), /^Bearer .*error="invalid_token"/)
    }
  }
})

t.test('a cookie decides where both are present', async (t) => {
  const { usher, tokenFor } = await start(t)
  const token = await tokenFor()
  const owner = await usher.signedIn()
  const asOwner = await owner.get(`/pms/library/sections?X-Plex-Token=${token}`)
  t.equal(asOwner.status, 200)
  const dead = await fetch(`${usher.publicUrl}/pms/library/sections`, {
    headers: { cookie: 'usher=made-up', authorization: `Bearer ${token}`, 'x-usher': '1' }
  })
  t.equal(dead.status, 401, 'a dead one too')
})

t.test('pms:read does not reach media bytes, pms:stream does', async (t) => {
  const { tokenFor, pms } = await start(t)
  const read = await tokenFor()
  const stream = await tokenFor({ scope: 'pms:read pms:stream' })
  const item = await pms('/library/metadata/1001', read, { headers: { accept: 'application/json' } })
  t.equal(item.status, 200)
  const part = /\/library\/parts\/[^"?]+/.exec(await item.text())?.[0] ?? ''
  const range = { headers: { range: 'bytes=0-9' } }
  const refused = await pms(part, read, range)
  t.equal(refused.status, 403)
  t.match(await refused.json(), { code: 'USHER_PATH_DENIED' })
  const allowed = await pms(part, stream, range)
  t.equal(allowed.status, 206, part)
  t.equal((await allowed.arrayBuffer()).byteLength, 10)
  t.equal((await pms('/library/sections', stream)).status, 200)
})

t.test('a resource limits it to paths below, also through a transcoder', async (t) => {
  const { tokenFor, pms, usher, simulator } = await start(t)
  const resource = [`${usher.publicUrl}/pms/library/metadata/1001`, '/photo/:/transcode']
  const token = await tokenFor({ resource })
  const status = async (path: string) => {
    const answer = await pms(path, token)
    await answer.arrayBuffer()
    return answer.status
  }
  t.equal(await status('/library/metadata/1001'), 200)
  simulator.clearReceived()
  for (const path of [
    '/library/sections',
    '/library/metadata/1002',
    '/library/metadata/10011',
    '/library/metadata/1001,1002',
    '/library/metadata',
    '/',
    '/hubs'
  ]) {
    t.equal(await status(path), 403, path)
  }
  const inner = (path: string) => `/photo/:/transcode?width=9&height=9&url=${encodeURIComponent(path)}`
  t.equal(await status(inner('/library/metadata/1002/thumb/1')), 400)
  t.equal(simulator.received({ service: 'pms' }).length, 0, 'the media server hears of none of them')
  t.equal(await status(inner('/library/metadata/1001/thumb/1')), 200)
})

t.test('its role is that of its session, and administrative paths stay closed', async (t) => {
  const { tokenFor, pms } = await start(t)
  const token = await tokenFor({ scope: 'pms:stream' })
  for (const path of [
    '/security/token?type=delegation&scope=all',
    '/accounts',
    '/:/prefs',
    '/status/sessions'
  ]) {
    t.equal((await pms(path, token)).status, 403, path)
  }
})

t.test('rule 20: it is dead with its session, however that ended', async (t) => {
  const { usher, exchange, tokenFor, pms, browser, subject } = await start(t)
  const token = await tokenFor()
  t.equal((await pms('/library/sections', token)).status, 200)
  await browser.post('/session/logout')
  const answer = await pms('/library/sections', token)
  t.equal(answer.status, 401)
  t.match(await answer.json(), { code: 'USHER_SESSION_REVOKED' })
  t.match((await exchange('full', subject)).json, { code: 'USHER_SESSION_REVOKED' })

  const [first, second] = [await usher.signedIn(FRIEND), await usher.signedIn(FRIEND)]
  const other = await tokenFor({ subject_token: first.jar.get('usher') })
  await second.post('/session/logout', { everywhere: true })
  t.equal((await pms('/library/sections', other)).status, 401, 'logout everywhere')
})

t.test('a token of a session that lost its access is out once plex.tv has said so twice', async (t) => {
  let skew = 0
  const { tokenFor, pms, simulator, usher } = await start(t, {
    now: () => Date.now() + skew,
    settings: { USHER_RECHECK: '1m' },
    services: [serviceSetting('full', { maxTtl: '2h' })]
  })
  const token = await tokenFor()
  simulator.shares.remove('friend', 'c997cf82c4158cb986ccc0e8f829a6f5d5086a63')
  simulator.shares.add('friend', 'c997cf82c4158cb986ccc0e8f829a6f5d5086a63', true)
  skew = 120_000
  t.match(await (await pms('/library/sections', token)).json(), { code: 'USHER_SERVER_ACCESS_DENIED' })
  skew += 5000
  t.match(await (await pms('/library/sections', token)).json(), { code: 'USHER_SESSION_REVOKED' })
  t.ok(usher.logs.some(({ reason }) => reason === 'access_lost'))
})

t.test('an open stream in its name ends when the token is revoked', async (t) => {
  const { usher, tokenFor, pms, post } = await start(t)
  const token = await tokenFor()
  const events = await pms('/:/eventsource/notifications', token)
  t.equal(events.status, 200)
  const ended = events.text()
  t.equal(usher.core.streams.open.events, 1)
  t.equal((await post('full', '/tokens/revoke', { token })).status, 200)
  t.match(await ended, /event: usher-ended\n/)
  await until(() => usher.core.streams.open.events === 0, 'nothing is left of it')
})

t.test('introspection tells what a token or a session is, and of anything else nothing', async (t) => {
  const { usher, post, tokenFor, subject, exchange, browser } = await start(t)
  const introspect = async (token: string) => (await post('idle', '/tokens/introspect', { token })).json
  const told = await introspect(await tokenFor({ scope: 'pms:stream', expires_in: '60' }))
  t.match(told, {
    active: true,
    token_type: 'Bearer',
    scope: 'pms:stream',
    client_id: 'full',
    sub: '7654321',
    aud: `${usher.publicUrl}/pms`,
    jti: /^[\w-]{22}$/
  })
  t.equal(told.exp - told.iat, 60)
  const session = await introspect(subject.subject_token)
  t.match(session, {
    active: true,
    token_type: 'N_A',
    sub: '7654321',
    username: 'friend',
    aud: usher.publicUrl
  })
  t.ok(session.exp > session.iat)
  const owners = await exchange('full', { requested_token_type: ACCESS })
  t.match(await introspect(owners.json.access_token), { active: true, sub: 'owner', client_id: 'full' })
  const transient = await exchange('full', subject)
  const { headers } = await browser.get('/session/verify?audience=full')
  for (const other of [transient.json.access_token, String(headers['x-usher-assertion']), 'made-up']) {
    t.strictSame(await introspect(other), { active: false })
  }
  const hinted = await post('idle', '/tokens/introspect', { token: 'x', token_type_hint: 'access_token' })
  t.strictSame(hinted.json, { active: false })
})

t.test("a service revokes its own tokens and nobody else's, and sessions with a grant", async (t) => {
  const { usher, post, tokenFor, pms, subject, browser, exchange, simulator } = await start(t)
  const token = await tokenFor()
  const others = await post('scoped', '/tokens/revoke', { token })
  t.equal(others.status, 400)
  t.match(others.json, { error: 'unauthorized_client' })
  t.equal((await pms('/library/sections', token)).status, 200)
  const own = await post('full', '/tokens/revoke', { token, token_type_hint: 'access_token' })
  t.equal(own.status, 200)
  t.equal(own.text, '')
  t.match(await (await pms('/library/sections', token)).json(), { code: 'USHER_SESSION_REVOKED' })
  t.equal((await browser.get('/session')).status, 200, 'its session lives on')

  for (const unknown of ['made-up', token, 'transient-00000000-0000-0000-0000-000000000000']) {
    t.equal((await post('full', '/tokens/revoke', { token: unknown })).status, 200, 'RFC 7009 §2.2')
  }

  const cookie = subject.subject_token
  t.match((await post('transient', '/tokens/revoke', { token: cookie })).json, {
    error: 'unauthorized_client'
  })
  t.equal((await browser.get('/session')).status, 200)
  const [account] = simulator.tokens.living('friend')
  t.equal((await post('idle', '/tokens/revoke', { token: cookie })).status, 200)
  t.equal((await browser.get('/session')).status, 401)
  t.match((await exchange('full', subject)).json, { code: 'USHER_SESSION_REVOKED' })
  await until(() => !simulator.tokens.isAlive(account?.token ?? ''), 'signed out at plex.tv too')
  t.match(
    usher.logs.filter(({ msg }) => msg === 'token revoked').map(({ kind }) => kind),
    ['token', 'none', 'none', 'none', 'session']
  )
  t.match(await usher.core.metrics.registry.metrics(), 'usher_sessions_ended_total{reason="revoked"} 1')
})

t.test('a Home profile that is revoked takes the account it was switched to from with it', async (t) => {
  const { usher, post, simulator, exchange } = await start(t)
  const browser = await usher.signedIn()
  const kid = { uuid: '88fad7ef5d91c202', pin: '1234' }
  t.equal((await browser.post('/session/home/switch', kid)).status, 201)
  const token = browser.jar.get('usher') ?? ''
  const transient = await exchange('full', { subject_token: token, subject_token_type: SESSION })
  t.equal(transient.status, 200, 'the profile has tokens of its own')
  const alive = () =>
    simulator.tokens
      .living()
      .filter(
        ({ account, clientIdentifier }) => account === 'kid' || /^[0-9a-f-]{36}$/.test(clientIdentifier)
      )
      .filter(({ account }) => account !== 'friend').length
  t.ok(alive() >= 2)
  t.equal((await post('idle', '/tokens/revoke', { token })).status, 200)
  await until(() => alive() === 0, 'all of them are signed out')
})

t.test("the owner's scoped token works, without the owner's token anywhere", async (t) => {
  const { exchange, pms, ownerToken, post } = await start(t)
  const answer = await exchange('full', { requested_token_type: ACCESS, resource: '/library' })
  t.equal(answer.status, 200)
  t.notOk(answer.text.includes(ownerToken))
  const token = answer.json.access_token as string
  t.equal((await pms('/library/sections', token)).status, 200)
  t.equal((await pms('/hubs', token)).status, 403)
  await post('full', '/tokens/revoke', { token })
  t.equal((await pms('/library/sections', token)).status, 401)
  const next = await exchange('full', { requested_token_type: ACCESS })
  t.equal((await pms('/library/sections', next.json.access_token as string)).status, 200)
})

t.test('rule 23: a refused owner token signs nobody out, least of all at plex.tv', async (t) => {
  const { exchange, pms, simulator, ownerToken } = await start(t)
  const { json } = await exchange('full', { requested_token_type: ACCESS })
  simulator.faults.set({ kind: 'status', status: 401, service: 'pms', path: '/library/sections', count: 1 })
  const refused = await pms('/library/sections', json.access_token as string)
  t.equal(refused.status, 403)
  t.match(await refused.json(), { code: 'USHER_SERVER_ACCESS_DENIED' })
  t.ok(simulator.tokens.isAlive(ownerToken))
  simulator.faults.set({ kind: 'status', status: 403, service: 'pms', path: '/security/token', count: 1 })
  t.match((await exchange('full', {})).json, { code: 'USHER_SERVER_ACCESS_DENIED' })
  t.ok(simulator.tokens.isAlive(ownerToken))
  t.equal((await pms('/library/sections', json.access_token as string)).status, 200)
})

t.test('rule 23: plex.tv is never asked about the owner token, which no answer may end', async (t) => {
  const { exchange, pms, simulator, ownerToken } = await start(t)
  const { json } = await exchange('full', { requested_token_type: ACCESS })
  simulator.clearReceived()
  for (let count = 0; count < 3; count += 1) {
    t.equal((await pms('/library/sections', json.access_token as string)).status, 200)
  }
  const about = simulator
    .received({ service: 'plex' })
    .filter(({ headers }) => headers.some(([, value]) => value === ownerToken))
  t.strictSame(
    about.map(({ url }) => url),
    []
  )
})

t.test('a scoped token comes from an assertion too, and outlives it', async (t) => {
  let skew = 0
  const { browser, tokenFor, pms } = await start(t, { now: () => Date.now() + skew })
  const { headers } = await browser.get('/session/verify?audience=full')
  const token = await tokenFor({
    subject_token: String(headers['x-usher-assertion']),
    subject_token_type: ASSERTION
  })
  skew = 10 * 60_000
  t.equal((await pms('/library/sections', token)).status, 200)
  skew = 61 * 60_000
  t.match(await (await pms('/library/sections', token)).json(), { code: 'USHER_SESSION_EXPIRED' })
})

t.test('it is good in its own deployment alone, keys and public URL shared or not', async (t) => {
  const { usher, tokenFor, browser, simulator } = await start(t)
  const token = await tokenFor()
  const { headers } = await browser.get('/session/verify?audience=full')
  const told = async (instance: string | undefined) => {
    const { post, exchange } = await startDelegation(t, {
      simulator,
      settings: { ...usher.settings, USHER_PORT: '0', USHER_INSTANCE: instance }
    })
    const subject = { subject_token: String(headers['x-usher-assertion']), subject_token_type: ASSERTION }
    const [scoped, { status }] = [
      await post('idle', '/tokens/introspect', { token }),
      await exchange('full', subject)
    ]
    return [scoped.json.active, status]
  }
  t.strictSame(await told(undefined), [true, 200], 'another instance of the same')
  t.strictSame(await told('other'), [false, 400], 'another deployment, with revocations of its own')
})

t.test('a WebSocket opens with a token in its scope and prefix, and closes when that ends', async (t) => {
  const clock = createOffsetClock()
  const { usher, tokenFor, browser } = await start(t, { now: clock.now })
  const path = '/pms/:/websockets/notifications'
  const connect = (token: string, headers: Record<string, string> = {}) => {
    const url = `${usher.publicUrl.replace('http', 'ws')}${path}?X-Plex-Token=${token}`
    const socket = new WebSocket(url, { headers })
    socket.on('error', () => undefined)
    return socket
  }
  const refusedWith = async (socket: WebSocket) => {
    const [, response] = await once(socket, 'unexpected-response')
    response.resume()
    return response.statusCode as number
  }
  const outside = await tokenFor({ resource: '/library/metadata/1001' })
  t.equal(await refusedWith(connect(outside)), 403)
  t.equal(await refusedWith(connect('made-up')), 401)
  const [token, other] = [await tokenFor(), await tokenFor({ expires_in: '60' })]
  const dead = { cookie: 'usher=made-up', 'sec-fetch-site': 'same-origin' }
  t.equal(await refusedWith(connect(token, dead)), 401, 'a cookie decides')
  const [socket, short] = [connect(token), connect(other)]
  await Promise.all([once(socket, 'open'), once(short, 'open')])
  const closed = once(short, 'close')
  clock.advance(61_000)
  await closed
  await until(() => usher.core.streams.open.socket === 1, 'one is left at the end of the other')
  await Promise.all([once(socket, 'close'), browser.post('/session/logout')])
  t.equal(await refusedWith(connect(token)), 401, 'and with its session')
})
