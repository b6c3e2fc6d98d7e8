import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { memoryInUse } from '../support/memory.ts'
import { until } from '../support/until.ts'
import { BIG_PART_BYTES } from './pms/catalogue.ts'
import { partBytes } from './pms/parts.ts'
import { spawnSimulator } from './process.ts'
import { BOX_ID, DEN_ID } from './servers.ts'
import { type Simulator, startSimulator } from './simulator.ts'
import {
  type Alternative,
  loadVectors,
  prepare,
  registerKey,
  sendVector,
  signJwt,
  VECTOR_TIME,
  type Vector
} from './vectors.ts'
import { send, type WireAnswer } from './wire.ts'

const CLIENT = { 'X-Plex-Client-Identifier': 'test-client', Accept: 'application/json' }
const SMALL_PART = '/library/parts/221638/1745854354/file.mkv'
const BIG_PART = '/library/parts/221639/1745854354/big.mkv'

async function start(t: Test, now: () => number = Date.now): Promise<Simulator> {
  const simulator = await startSimulator({ now })
  t.teardown(() => simulator.close())
  return simulator
}

function signIn(
  simulator: Simulator,
  login: string,
  password = 'correct-horse',
  more = ''
): Promise<WireAnswer> {
  return send(`${simulator.plexUrl}/api/v2/users/signin`, {
    method: 'POST',
    headers: { ...CLIENT, 'Content-Type': 'application/x-www-form-urlencoded' },
    body: `login=${encodeURIComponent(login)}&password=${password}${more}`
  })
}

function user(simulator: Simulator, token: string, client = 'test-client'): Promise<WireAnswer> {
  const headers = { ...CLIENT, 'X-Plex-Client-Identifier': client, 'X-Plex-Token': token }
  return send(`${simulator.plexUrl}/api/v2/user`, { headers })
}

function pms(simulator: Simulator, path: string, token: string, headers: Record<string, string> = {}) {
  return send(simulator.pmsUrl + path, {
    headers: { Accept: 'application/json', 'X-Plex-Token': token, ...headers }
  })
}

function codeOf(answer: WireAnswer): string {
  const code = JSON.parse(answer.text).errors?.[0]?.code
  return `${answer.status}/${code}`
}

t.test('all 39 recorded examples get exactly their responses', async (t) => {
  const vectors = loadVectors()
  t.equal(vectors.length, 39)
  for (const vector of vectors) {
    await t.test(`${vector.id} ${vector.name}`, async (t) => {
      const simulator = await startSimulator({ vectors: true, now: () => VECTOR_TIME })
      t.teardown(() => simulator.close())
      await prepare(simulator, vector)
      compare(t, vector, await sendVector(simulator, vector))
      for (const alternative of vector.response.alternatives ?? []) {
        await compareAlternative(t, simulator, vector, alternative)
      }
    })
  }
})

function compare(t: Test, { id, response }: Vector, answer: WireAnswer): void {
  t.equal(answer.status, response.status)
  for (const [name, value] of Object.entries(response.headers ?? {})) {
    t.equal(answer.headers[name.toLowerCase()], value, name)
  }
  if (id === 'TV-39') t.same(answer.bytes, partBytes(0, 1024))
  else if (response.text !== undefined) t.equal(answer.text, response.text)
  else if (id === 'TV-23') t.match(JSON.parse(answer.text), response.body, 'the abridged body')
  else if (id === 'TV-28') t.same(jwtPayload(answer), response.plexJwtPayload)
  else if (response.body === undefined) t.equal(answer.text, '')
  else t.same(JSON.parse(answer.text), response.body)
}

function jwtPayload(answer: WireAnswer) {
  const [, payload = ''] = String(JSON.parse(answer.text).auth_token).split('.')
  const { jti, ...rest } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
  t.match(jti, /^sim-jwt-tok-/, 'the JWT carries the marker that leak tests look for')
  return rest
}

async function compareAlternative(t: Test, simulator: Simulator, vector: Vector, expected: Alternative) {
  const { method, url, headers = {} } = vector.request
  const { 'X-Plex-Token': _, ...anonymous } = headers
  if (expected.when === 'S25 behaviour') simulator.modes.set({ legacyErrors: true })
  const shared = expected.when === 'shared-user token'
  const token = simulator.tokens.server('friend', BOX_ID) ?? ''
  const answer = await send(simulator.pmsUrl + url.slice('http://127.0.0.1:32400'.length), {
    method,
    headers: shared ? { ...anonymous, 'X-Plex-Token': token } : anonymous
  })
  t.equal(answer.status, expected.status, expected.when)
  if (expected.text !== undefined) t.equal(answer.text, expected.text)
  if (expected.body !== undefined) t.same(JSON.parse(answer.text), expected.body)
}

t.test('every account has the outcome that it documents', async (t) => {
  const simulator = await start(t)
  t.equal((await signIn(simulator, 'sim@example.com')).status, 201)
  t.equal((await signIn(simulator, 'SIMUSER')).status, 201, 'logins know no letter case')
  t.equal(codeOf(await signIn(simulator, 'nobody@example.com')), '401/1001')
  t.equal(codeOf(await signIn(simulator, 'sso@example.com')), '401/1001')
  t.equal(codeOf(await signIn(simulator, 'twofactor')), '401/1029')
  t.equal(
    codeOf(await signIn(simulator, 'twofactor', 'correct-horse', '&verificationCode=654321')),
    '401/1028'
  )
  t.equal((await signIn(simulator, 'twofactor', 'correct-horse', '&verificationCode=123456')).status, 201)
  t.equal(
    (await signIn(simulator, 'twofactor', 'correct-horse123456')).status,
    201,
    'code appended to the password'
  )
  t.equal(codeOf(await signIn(simulator, 'emailonly')), '401/1030')
  t.equal((await signIn(simulator, 'emailonly@example.com')).status, 201)
  t.equal(codeOf(await signIn(simulator, 'locked')), '401/1031')
  t.equal(codeOf(await signIn(simulator, '')), '400/1004')
  const { email, title } = JSON.parse(
    (await signIn(simulator, simulator.accounts.list().find(({ key }) => key === 'unicode')?.email ?? ''))
      .text
  )
  t.equal(email.length > 240, true)
  t.match(title, '漢字 🎬')
})

t.test('an address is locked after failed sign-ins until time has passed', async (t) => {
  const simulator = await start(t)
  simulator.limits.set({ signInFailures: 3 })
  for (let attempt = 0; attempt < 3; attempt++) await signIn(simulator, 'simuser', 'wrong')
  t.equal(codeOf(await signIn(simulator, 'simuser')), '401/1031')
  simulator.clock.advance(901_000)
  t.equal((await signIn(simulator, 'simuser')).status, 201)
})

t.test('a token whose response broke off is alive, and known to nobody', async (t) => {
  const simulator = await start(t)
  const delivered = () => simulator.tokens.living('owner').map(({ isDelivered }) => isDelivered)
  for (const kind of ['garbage', 'truncate', 'half-reset'] as const) {
    simulator.faults.set({ kind, path: '/api/v2/users/signin', count: 1 })
    await signIn(simulator, 'simuser').catch(() => undefined)
    t.same(delivered(), [false], kind)
  }
  await signIn(simulator, 'simuser')
  await until(() => delivered().every(Boolean), 'one that is known')
  t.equal(delivered().length, 1)
})

t.test('resources are the caller’s, with its own token for each', async (t) => {
  const simulator = await start(t)
  const resources = async (key: 'owner' | 'friend' | 'stranger' | 'pending' | 'kid', flags = '') => {
    const headers = { ...CLIENT, 'X-Plex-Token': simulator.tokens.issue(key, 'test-client') }
    const answer = await send(`${simulator.plexUrl}/api/v2/resources${flags}`, { headers })
    return JSON.parse(answer.text)
  }
  const [box, den, player] = await resources('owner', '?includeHttps=1&includeRelay=1')
  t.match(box, { owned: true, ownerId: null, clientIdentifier: BOX_ID })
  t.match(den, { owned: false, accessToken: simulator.tokens.server('owner', DEN_ID), sourceTitle: 'friend' })
  t.equal(player.accessToken, null)
  t.equal(box.connections.length, 4)
  const [plain] = await resources('owner')
  t.same(
    plain.connections.map(({ uri }: { uri: string }) => uri),
    [simulator.pmsUrl]
  )
  const [shared] = await resources('friend')
  t.match(shared, { owned: false, home: false, accessToken: simulator.tokens.server('friend', BOX_ID) })
  const [home] = await resources('kid')
  t.match(home, { owned: false, home: true })
  t.same(await resources('stranger'), [])
  t.same(await resources('pending'), [])
  const xml = await send(`${simulator.plexUrl}/api/resources?includeHttps=1`, {
    headers: { ...CLIENT, 'X-Plex-Token': simulator.tokens.issue('friend', 'test-client') }
  })
  t.match(xml.text, /<Device name="Box" .*accessToken="sim-srv-tok-/)
})

t.test(
  'a second sign-in with the same account and client replaces the first token; with another client it does not',
  async (t) => {
    const simulator = await start(t)
    const first = simulator.tokens.issue('owner', 'one')
    const other = simulator.tokens.issue('owner', 'two')
    const friend = simulator.tokens.issue('friend', 'one')
    const second = JSON.parse((await signIn(simulator, 'simuser')).text).authToken
    const third = JSON.parse((await signIn(simulator, 'simuser')).text).authToken
    t.equal((await user(simulator, second)).status, 401)
    t.equal((await user(simulator, third)).status, 200)
    t.equal((await user(simulator, first)).status, 200)
    simulator.tokens.issue('owner', 'one')
    t.equal((await user(simulator, first)).status, 401)
    t.equal((await user(simulator, other)).status, 200)
    t.equal((await user(simulator, friend)).status, 200)
  }
)

t.test(
  'sign-out, revocation, device removal and password reset kill tokens at plex.tv and at the server',
  async (t) => {
    const simulator = await start(t)
    const token = simulator.tokens.issue('owner', 'test-client')
    t.equal((await pms(simulator, '/library/sections', token)).status, 200)
    const signOut = { method: 'DELETE', headers: { ...CLIENT, 'X-Plex-Token': token } }
    t.equal((await send(`${simulator.plexUrl}/api/v2/users/signout`, signOut)).status, 204)
    t.equal(codeOf(await send(`${simulator.plexUrl}/api/v2/users/signout`, signOut)), '401/1001')
    t.equal((await pms(simulator, '/library/sections', token)).status, 401)

    const revoked = simulator.tokens.issue('owner', 'test-client')
    t.equal(simulator.tokens.revoke(revoked), true)
    t.equal((await user(simulator, revoked)).status, 401)

    const kept = simulator.tokens.issue('owner', 'kept')
    const removed = simulator.tokens.issue('owner', 'removed')
    const devices = await send(`${simulator.plexUrl}/devices.xml`, { headers: { 'X-Plex-Token': kept } })
    const id = /clientIdentifier="removed" [^>]*id="(\d+)"/.exec(devices.text)?.[1]
    await send(`${simulator.plexUrl}/devices/${id}.xml`, {
      method: 'DELETE',
      headers: { 'X-Plex-Token': kept }
    })
    t.equal((await user(simulator, removed)).status, 401)
    t.equal((await user(simulator, kept)).status, 200)

    simulator.tokens.resetPassword('owner')
    t.equal((await user(simulator, kept)).status, 401)
    t.match(JSON.parse((await send(`${simulator.pmsUrl}/identity`, { headers: CLIENT })).text), {
      MediaContainer: { claimed: false }
    })
    t.equal((await send(simulator.pmsUrl)).status, 200, 'an unclaimed server asks for no token')
  }
)

t.test('a share has its own token, which dies with it', async (t) => {
  const simulator = await start(t)
  const token = simulator.tokens.server('friend', BOX_ID) ?? ''
  t.equal((await pms(simulator, '/library/sections', token)).status, 200)
  t.equal((await user(simulator, token)).status, 401, 'not an account token')
  t.equal(
    (await send(simulator.pms2Url, { headers: { 'X-Plex-Token': token } })).status,
    401,
    'another server'
  )
  t.equal((await pms(simulator, '/status/sessions', token)).status, 403)
  t.equal((await pms(simulator, '/accounts', token)).status, 403)
  const account = simulator.tokens.issue('friend', 'test-client')
  t.equal((await pms(simulator, '/library/sections', account)).status, 401, 'an account token of a guest')
  simulator.shares.remove('friend', BOX_ID)
  t.equal((await pms(simulator, '/library/sections', token)).status, 401)
  const share = simulator.shares.add('friend', BOX_ID)
  t.not(share.token, token)
  t.equal((await pms(simulator, '/library/sections', share.token)).status, 200)
})

t.test('a PIN expires by the clock, belongs to its client and is claimed once', async (t) => {
  const simulator = await start(t, () => VECTOR_TIME)
  const create = async (query = '?strong=true', client = 'test-client') => {
    const headers = { ...CLIENT, 'X-Plex-Client-Identifier': client }
    return JSON.parse(
      (await send(`${simulator.plexUrl}/api/v2/pins${query}`, { method: 'POST', headers })).text
    )
  }
  const poll = (id: number, client = 'test-client') =>
    send(`${simulator.plexUrl}/api/v2/pins/${id}`, {
      headers: { ...CLIENT, 'X-Plex-Client-Identifier': client }
    })

  const strong = await create()
  t.match(strong, { code: /^[a-z0-9]{25}$/, expiresIn: 1800, authToken: null, product: '0' })
  t.equal(codeOf(await poll(strong.id, 'another')), '404/1020')
  t.equal(simulator.pins.claim(strong.id, 'friend'), true)
  t.equal(simulator.pins.claim(strong.id, 'owner'), false)
  const { authToken } = JSON.parse((await poll(strong.id)).text)
  t.match(JSON.parse((await user(simulator, authToken)).text), { id: 7_654_321 })

  const short = await create('')
  t.match(short, { code: /^[A-Z0-9]{4}$/, expiresIn: 900 })
  simulator.clock.advance(899_000)
  t.equal(JSON.parse((await poll(short.id)).text).expiresIn, 1)
  simulator.clock.advance(1000)
  t.equal(codeOf(await poll(short.id)), '404/1020')
  t.equal(simulator.pins.claim(short.id, 'owner'), false)
  simulator.modes.set({ unknownPin: 410 })
  t.equal((await poll(short.id)).status, 410)

  const cancelled = await create()
  simulator.pins.cancel(cancelled.id)
  t.equal((await poll(cancelled.id)).status, 410)

  simulator.limits.set({ pins: 2 })
  const pinsOf = { method: 'POST', headers: { ...CLIENT, 'X-Plex-Client-Identifier': 'greedy' } }
  for (const status of [201, 201, 429]) {
    t.equal((await send(`${simulator.plexUrl}/api/v2/pins`, pinsOf)).status, status)
  }
})

t.test('the pages for people claim a PIN', async (t) => {
  const simulator = await start(t)
  const create = async () => {
    const answer = await send(`${simulator.plexUrl}/api/v2/pins`, { method: 'POST', headers: CLIENT })
    return JSON.parse(answer.text)
  }
  const page = await send(`${simulator.plexUrl}/auth`)
  t.match(page.text, 'Sign in as owner')
  t.equal(page.headers['cross-origin-opener-policy'], 'same-origin')
  const pin = await create()
  const claim = (clientID: string) =>
    send(`${simulator.plexUrl}/simulator/claim`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify({ code: pin.code, clientID, account: 'owner' })
    })
  t.equal((await claim('foreign')).status, 404)
  t.equal((await claim('test-client')).status, 200)
  const linked = await create()
  const link = (code: string) =>
    send(`${simulator.plexUrl}/link`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: `code=${code}&account=friend`
    })
  t.match((await link('????')).text, 'Invalid or expired code')
  t.match((await link(linked.code.toLowerCase())).text, 'Account linked!')
  t.same(
    simulator.pins.list().map(({ claimedBy }) => claimedBy),
    ['owner', 'friend']
  )
  const avatar = await send(`${simulator.plexUrl}/users/212acf24b07315e5/avatar?c=1`)
  t.equal(avatar.headers['content-type'], 'image/png')
  t.equal(avatar.bytes.readUInt32BE(0), 0x89504e47)
})

t.test('Home profiles switch by PIN and get their own server token', async (t) => {
  const simulator = await start(t)
  const headers = { ...CLIENT, 'X-Plex-Token': simulator.tokens.issue('owner', 'test-client') }
  const home = JSON.parse((await send(`${simulator.plexUrl}/api/v2/home/users`, { headers })).text)
  t.same(
    home.users.map(({ title, protected: locked }: Record<string, unknown>) => [title, locked]),
    [
      ['simuser', false],
      ['Robin', true],
      ['Kid', true],
      ['Guest', false]
    ]
  )
  const change = (uuid: string, pin: string) =>
    send(`${simulator.plexUrl}/api/v2/home/users/${uuid}/switch${pin}`, { method: 'POST', headers })
  t.equal(codeOf(await change('88fad7ef5d91c202', '')), '403/1041')
  t.equal(codeOf(await change('deadbeefdeadbeef', '')), '404/1002', 'not of this Home')
  t.equal((await change('aaaabbbbccccdddd', '')).status, 201)
  const kid = JSON.parse((await change('88fad7ef5d91c202', '?pin=1234')).text)
  t.match(kid, { restricted: true, email: '', authToken: /^sim-kid-tok-/ })
  t.ok(simulator.secrets().includes(kid.pin), 'the PIN hash is a known secret')
  simulator.limits.set({ homeSwitches: 1 })
  await change('88fad7ef5d91c202', '?pin=1234')
  t.equal(codeOf(await change('88fad7ef5d91c202', '?pin=1234')), '429/1003')
})

t.test('legacy paths answer XML with all tokens of the owner and the guests', async (t) => {
  const simulator = await start(t)
  const headers = {
    Accept: 'application/json',
    'X-Plex-Token': simulator.tokens.issue('owner', 'test-client')
  }
  const users = await send(`${simulator.plexUrl}/api/users/`, { headers })
  t.match(users.headers['content-type'], 'application/xml')
  t.match(users.text, /username="pending"[\s\S]*?pending="1"/)
  const shared = await send(`${simulator.plexUrl}/api/servers/${BOX_ID}/shared_servers`, { headers })
  t.match(shared.text, `accessToken="${simulator.tokens.server('friend', BOX_ID)}"`)
  const basic = Buffer.from('simuser:correct-horse').toString('base64')
  const legacy = await send(`${simulator.plexUrl}/users/sign_in.json`, {
    method: 'POST',
    headers: { Authorization: `Basic ${basic}`, 'X-Plex-Client-Identifier': 'old' }
  })
  t.equal(legacy.status, 201)
  t.match(JSON.parse(legacy.text), { user: { authToken: /^sim-usr-tok-/ } })
})

t.test(
  'JWTs: single-use nonce, checked issuer, 498 when expired, dead legacy token, acceptance by media servers as set',
  async (t) => {
    const simulator = await start(t)
    const client = 'jwt-client'
    const key = await registerKey(simulator, client, 'kid-1')
    const [{ token: legacy = '' } = {}] = simulator.tokens.living('owner')
    const nonce = async () => {
      const headers = { ...CLIENT, 'X-Plex-Client-Identifier': client }
      return JSON.parse((await send(`${simulator.plexUrl}/api/v2/auth/nonce`, { headers })).text).nonce
    }
    const exchange = (claims: Record<string, string | number>) => {
      const iat = Math.floor(simulator.clock.now() / 1000)
      const payload = { iss: client, aud: 'plex.tv', iat, exp: iat + 300, scope: 'username', ...claims }
      return send(`${simulator.plexUrl}/api/v2/auth/token`, {
        method: 'POST',
        headers: { ...CLIENT, 'Content-Type': 'application/json' },
        body: JSON.stringify({ jwt: signJwt(key, { kid: 'kid-1', alg: 'EdDSA' }, payload) })
      })
    }
    t.equal(codeOf(await exchange({ nonce: await nonce(), iss: 'other' })), '422/1097')
    t.equal((await exchange({ nonce: await nonce(), exp: 1 })).status, 498)
    t.equal((await exchange({ nonce: 'unknown' })).status, 422)
    t.equal((await user(simulator, legacy)).status, 200)
    const used = await nonce()
    const { auth_token: jwt } = JSON.parse((await exchange({ nonce: used })).text)
    t.equal((await exchange({ nonce: used })).status, 422, 'a nonce is good once')
    t.equal((await user(simulator, legacy)).status, 401)
    t.equal((await user(simulator, jwt)).status, 200)
    t.ok(simulator.secrets().includes(jwt))
    t.equal((await pms(simulator, '/library/sections', jwt)).status, 401)
    simulator.modes.set({ jwtAtPms: true })
    t.equal((await pms(simulator, '/library/sections', jwt)).status, 200)
    simulator.clock.advance(604_801_000)
    t.equal((await user(simulator, jwt)).status, 498)
    simulator.jwt.rotate()
    const keys = JSON.parse((await send(`${simulator.plexUrl}/api/v2/auth/keys`)).text)
    t.equal(keys.keys.length, 2)
  }
)

t.test('X-Plex parameters are read from headers, query and form, in any letter case', async (t) => {
  const simulator = await start(t)
  const token = simulator.tokens.issue('owner', 'test-client')
  const query = `?x-plex-client-identifier=q&X-PLEX-token=${token}`
  t.equal((await send(`${simulator.plexUrl}/api/v2/user${query}`)).status, 200)
  t.equal((await send(`${simulator.pmsUrl}/library/sections?x-plex-TOKEN=${token}`)).status, 200)
  const form = await send(`${simulator.plexUrl}/api/v2/pins.json?strong=true`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: 'X-Plex-Client-Identifier=form&X-Plex-Product=FormApp'
  })
  t.match(JSON.parse(form.text), { product: 'FormApp', clientIdentifier: 'form' })
  t.equal(
    codeOf(await send(`${simulator.plexUrl}/api/v2/user`, { headers: { Accept: 'application/json' } })),
    '400/1000'
  )
  t.equal(codeOf(await send(`${simulator.plexUrl}/api/v2/nothing`, { headers: CLIENT })), '404/1002')
  t.equal(
    codeOf(await send(`${simulator.plexUrl}/api/v2/user`, { method: 'POST', headers: CLIENT })),
    '405/1005'
  )
})

t.test('plex.tv responses carry what must not reach a browser, and a working ETag', async (t) => {
  const simulator = await start(t)
  const token = simulator.tokens.issue('owner', 'test-client')
  const { headers, text } = await user(simulator, token)
  t.equal(headers['access-control-allow-origin'], '*')
  t.match(headers['set-cookie'], 'sim-coo-tok-00000000')
  t.match(headers['x-request-id'], /^[0-9a-f-]{36}$/)
  const secrets = simulator.secrets()
  t.ok(secrets.filter((secret) => text.includes(secret)).length >= 2, 'token and service secrets')
  for (const secret of secrets)
    t.match(secret, /sim-[a-z]{3}-tok-[0-9A-Za-z]{8}|^transient-[0-9a-f-]{36}$|^eyJ/)
  const again = await send(`${simulator.plexUrl}/api/v2/user`, {
    headers: { ...CLIENT, 'X-Plex-Token': token, 'If-None-Match': headers['etag'] ?? '' }
  })
  t.equal(again.status, 304)
})

t.test('responses take the forms that the modes select', async (t) => {
  const simulator = await start(t)
  const token = simulator.tokens.issue('owner', 'test-client')
  const languages = async () => JSON.parse((await user(simulator, token)).text).profile.defaultAudioLanguages
  t.equal(await languages(), null)
  simulator.modes.set({ languages: 'string' })
  t.equal(await languages(), 'en,sv')
  simulator.modes.set({ languages: 'array', unknownFields: true })
  t.same(await languages(), ['en', 'sv'])
  t.ok('unknownField' in JSON.parse((await user(simulator, token)).text))
  const source = async () => {
    const answer = await pms(simulator, `/security/resources?source=server://${DEN_ID}`, token)
    return JSON.parse(answer.text).MediaContainer.Device
  }
  t.notOk(Array.isArray(await source()))
  simulator.modes.set({ device: 'array' })
  t.ok(Array.isArray(await source()))
  simulator.modes.set({ deadToken: 422 })
  t.match((await user(simulator, 'dead')).text, '<error>Invalid token</error>')
  simulator.modes.set({ securityVerbs: 'get' })
  const path = '/security/token?type=delegation&scope=all'
  t.equal((await pms(simulator, path, token)).status, 200)
  const post = { method: 'POST', headers: { 'X-Plex-Token': token } }
  t.equal((await send(simulator.pmsUrl + path, post)).status, 405)
  simulator.modes.set({ parametersInCookie: true })
  const cookie = { headers: { Cookie: `a=b; X-Plex-Token=${token}` } }
  t.equal((await send(`${simulator.pmsUrl}/library/sections`, cookie)).status, 200)
  simulator.modes.reset()
  t.equal((await send(`${simulator.pmsUrl}/library/sections`, cookie)).status, 401)
})

t.test('faults affect what they match, as often as requested', async (t) => {
  const simulator = await start(t)
  const token = simulator.tokens.issue('owner', 'test-client')
  const { faults } = simulator
  faults.set({ service: 'plex', kind: 'server-error', path: '/api/v2/user', count: 1 })
  t.equal(codeOf(await user(simulator, token)), '500/1007')
  t.equal((await user(simulator, token)).status, 200, 'used up')
  faults.set({ service: 'plex', kind: 'unavailable', count: 1 })
  t.match(await user(simulator, token), { status: 503, text: '<html>' })
  faults.set({ service: 'plex', kind: 'rate-limited', count: 1 })
  t.match(await user(simulator, token), { status: 429, text: 'code="1003"' })
  faults.set({ service: 'plex', kind: 'rate-limited', format: 'json', count: 1 })
  t.equal(codeOf(await user(simulator, token)), '429/1003')
  faults.set({ service: 'plex', kind: 'invalid-token', count: 1 })
  t.equal((await user(simulator, token)).status, 422)
  faults.set({ kind: 'redirect', location: 'http://elsewhere.example/', count: 1 })
  t.match(await user(simulator, token), { status: 302, headers: { location: 'http://elsewhere.example/' } })
  faults.set({ kind: 'status', status: 418, body: 'tea', contentType: 'text/plain', count: 1 })
  t.match(await user(simulator, token), { status: 418, text: 'tea' })
  for (const kind of ['garbage', 'truncate'] as const) {
    faults.set({ kind, count: 1 })
    const answer = await user(simulator, token)
    t.equal(answer.status, 200)
    t.throws(() => JSON.parse(answer.text), kind)
  }
  faults.set({ kind: 'content-type', value: 'text/plain', count: 1 })
  t.equal((await user(simulator, token)).headers['content-type'], 'text/plain')
  faults.set({ kind: 'oversized', bytes: 3_000_000, count: 1 })
  const oversized = await user(simulator, token)
  t.equal(oversized.bytes.length, 3_000_000)
  t.same(JSON.parse(oversized.text), {})
  faults.set({ kind: 'headers', headers: { 'Set-Cookie': 'evil=1', 'X-Extra': 'yes' }, count: 1 })
  t.match((await user(simulator, token)).headers, { 'set-cookie': 'evil=1', 'x-extra': 'yes' })
  for (const kind of ['reset', 'half-reset'] as const) {
    faults.set({ kind, count: 1 })
    await t.rejects(user(simulator, token), kind)
  }
  faults.set({ service: 'pms', kind: 'server-error', count: 1 })
  t.equal((await user(simulator, token)).status, 200, 'another service')
  t.match(await pms(simulator, '/library/sections', token), {
    status: 500,
    text: '500 Internal Server Error'
  })
  faults.set({ kind: 'drip', bytes: 64, ms: 0, count: 1 })
  t.equal(JSON.parse((await user(simulator, token)).text).id, 13_692_262)
  const started = performance.now()
  faults.set({ kind: 'latency', ms: 50, method: 'GET', path: '^/api/v\\d/user$', count: 1 })
  await user(simulator, token)
  t.ok(performance.now() - started >= 49)
  const hold = faults.set({ kind: 'hold', count: 1 })
  const held = user(simulator, token)
  await until(() => simulator.activeResponses('plex') === 1, 'it has come, before any other')
  t.equal(await Promise.race([held, sleep(50, 'held')]), 'held')
  t.equal((await user(simulator, token)).status, 200, 'the others pass')
  faults.clear(hold)
  t.equal((await held).status, 200)
  const persistent = faults.set({ kind: 'server-error' })
  t.equal((await user(simulator, token)).status, 500)
  faults.clear(persistent)
  t.equal((await user(simulator, token)).status, 200)
})

t.test('a hanging or stalled response stays open until the caller leaves, which is recorded', async (t) => {
  const simulator = await start(t)
  for (const kind of ['hang', 'stall'] as const) {
    simulator.clearReceived()
    simulator.faults.set({ kind, count: 1 })
    const stop = new AbortController()
    const answer = fetch(`${simulator.pmsUrl}/identity`, { signal: stop.signal }).then((response) =>
      response.text()
    )
    while (simulator.activeResponses('pms') === 0) await sleep(2)
    t.equal(simulator.received({ service: 'pms' })[0]?.state, 'open')
    stop.abort()
    await t.rejects(answer, kind)
    while (simulator.activeResponses('pms') > 0) await sleep(2)
    t.equal(simulator.received({ service: 'pms' })[0]?.state, 'aborted')
  }
})

t.test('a media server pages, compresses and speaks XML by default', async (t) => {
  const simulator = await start(t)
  const token = simulator.tokens.issue('owner', 'test-client')
  const page = await pms(simulator, '/library/sections/1/all', token, {
    'X-Plex-Container-Start': '58',
    'X-Plex-Container-Size': '10'
  })
  t.match(page.headers, { 'x-plex-container-start': '58', 'x-plex-container-total-size': '60' })
  t.match(JSON.parse(page.text).MediaContainer, { size: 2, totalSize: 60, offset: 58 })
  const xml = await send(`${simulator.pmsUrl}/library/sections/1/all`, { headers: { 'X-Plex-Token': token } })
  t.match(xml.text, '<Video ratingKey="1001"')
  const packed = await pms(simulator, '/library/sections/1/all', token, { 'Accept-Encoding': 'gzip' })
  t.equal(packed.headers['content-encoding'], 'gzip')
  const plain = gunzipSync(packed.bytes)
  t.equal(packed.headers['x-plex-content-original-length'], String(plain.length))
  t.equal(packed.headers['x-plex-content-compressed-length'], String(packed.bytes.length))
  const refused = await send(simulator.pmsUrl, { headers: { 'Accept-Encoding': 'gzip' } })
  t.equal(refused.headers['x-plex-content-original-length'], '193')
  const leaking = await pms(simulator, '/library/metadata/1002', token)
  t.match(leaking.text, `X-Plex-Token=${token}`)
  t.equal((await pms(simulator, '/library/metadata/99', token)).status, 404)
  t.equal((await pms(simulator, '/myplex/account', token)).text.includes(token), true)
})

t.test('files honour ranges and conditions, and 200 MB need no memory', async (t) => {
  const simulator = await start(t)
  const token = simulator.tokens.server('friend', BOX_ID) ?? ''
  const part = (headers: Record<string, string>, path = SMALL_PART) => pms(simulator, path, token, headers)
  const middle = await part({ Range: 'bytes=70000-70999' })
  t.match(middle, { status: 206, headers: { 'content-range': 'bytes 70000-70999/5000000' } })
  t.same(middle.bytes, partBytes(70_000, 1000))
  const tail = await part({ Range: 'bytes=-10' })
  t.same(tail.bytes, partBytes(4_999_990, 10))
  t.match(await part({ Range: 'bytes=5000000-' }), {
    status: 416,
    headers: { 'content-range': 'bytes */5000000' }
  })
  t.equal((await part({ Range: 'bytes=0-1,5-6' })).status, 200, 'several ranges are ignored')
  const etag = middle.headers['etag'] ?? ''
  t.equal((await part({ Range: 'bytes=0-1', 'If-Range': etag })).status, 206)
  t.equal((await part({ Range: 'bytes=0-1', 'If-Range': '"old"' })).status, 200)
  t.equal((await part({ 'If-None-Match': etag })).status, 304)
  const download = await part({}, `${SMALL_PART}?download=1`)
  t.match(download.headers['content-disposition'], 'attachment')
  t.equal(download.bytes.equals(partBytes(0, 5_000_000)), true)
  const head = await send(simulator.pmsUrl + BIG_PART, { method: 'HEAD', headers: { 'X-Plex-Token': token } })
  t.equal(head.headers['content-length'], String(BIG_PART_BYTES))

  const buffers = () => memoryInUse().arrayBuffers
  const before = buffers()
  let isHalfway = false
  const response = await fetch(simulator.pmsUrl + BIG_PART, { headers: { 'X-Plex-Token': token } })
  let offset = 0
  let same = true
  for await (const chunk of response.body ?? []) {
    same &&= Buffer.from(chunk).equals(partBytes(offset, chunk.length))
    offset += chunk.length
    if (isHalfway || offset <= BIG_PART_BYTES / 2) continue
    isHalfway = true
    // What was released is swept a moment later.
    await until(
      () => buffers() - before < BIG_PART_BYTES / 4,
      'little is held while half of the part is to come'
    )
  }
  t.equal(offset, BIG_PART_BYTES)
  t.equal(same, true)
  t.equal(isHalfway, true)
})

t.test('a slow reader slows the transfer', async (t) => {
  const simulator = await start(t)
  const token = simulator.tokens.issue('owner', 'test-client')
  const stop = new AbortController()
  await fetch(simulator.pmsUrl + BIG_PART, { headers: { 'X-Plex-Token': token }, signal: stop.signal })
  await sleep(200)
  const [record] = simulator.received({ path: BIG_PART })
  t.ok((record?.bytesSent ?? 0) > 0)
  t.ok((record?.bytesSent ?? 0) < BIG_PART_BYTES / 2)
  stop.abort()
  while (simulator.activeResponses('pms') > 0) await sleep(2)
  t.equal(record?.state, 'aborted')
})

t.test('pictures, HLS and playback reports', async (t) => {
  const simulator = await start(t)
  const token = simulator.tokens.server('friend', BOX_ID) ?? ''
  const get = (path: string) => pms(simulator, path, token)
  t.equal((await get('/photo/:/transcode?url=/library/metadata/1001/thumb/1')).bytes.readUInt16BE(0), 0xffd8)
  const png = await get('/photo/:/transcode?format=png&width=40&height=60&url=/library/metadata/1001/thumb/1')
  t.same([png.bytes.readUInt32BE(16), png.bytes.readUInt32BE(20)], [40, 60])
  t.equal((await get('/photo/:/transcode')).status, 400)

  const base = '/video/:/transcode/universal'
  const master = await get(`${base}/start.m3u8?path=/library/metadata/1003&session=s1&protocol=hls`)
  const media = /^session\/.+$/m.exec(master.text)?.[0]
  t.equal(media, 'session/s1/base/index.m3u8')
  const list = await get(`${base}/${media}`)
  const segments = list.text.split('\n').filter((line) => line.endsWith('.ts'))
  t.equal(segments.length, 3)
  const segment = await get(`${base}/session/s1/base/${segments[1]}`)
  t.equal(segment.headers['content-type'], 'video/MP2T')
  t.equal(segment.bytes[0], 0x47)
  t.equal(segment.bytes[188], 0x47)
  const foreign = await pms(simulator, `${base}/${media}`, simulator.tokens.issue('owner', 'test-client'))
  t.equal(foreign.status, 404, 'a transcode belongs to one account')
  t.match(JSON.parse((await get(`${base}/decision?path=/library/metadata/1003`)).text).MediaContainer, {
    generalDecisionCode: 1000
  })
  t.equal((await get(`${base}/ping?session=s1`)).status, 200)
  t.match(simulator.pms.transcodes(), [{ session: 's1', pings: 1 }])
  t.equal((await get(`${base}/stop?session=s1`)).status, 200)
  t.equal((await get(`${base}/${media}`)).status, 404)

  t.equal(
    (await get('/:/timeline?ratingKey=1001&key=/library/metadata/1001&state=playing&time=5000')).status,
    200
  )
  t.match(simulator.pms.watched('friend', '1001'), { viewOffset: 5000, state: 'playing' })
  await get('/:/scrobble?key=1001&identifier=com.plexapp.plugins.library')
  t.match(simulator.pms.watched('friend', '1001'), { viewCount: 1, viewOffset: 0 })
  t.match(simulator.pms.watched('owner', '1001'), { viewCount: 0 }, 'each account has its own')
  const uri = encodeURIComponent(`server://${BOX_ID}/com.plexapp.plugins.library/library/metadata/1001`)
  const queue = await send(`${simulator.pmsUrl}/playQueues?type=video&uri=${uri}`, {
    method: 'POST',
    headers: { Accept: 'application/json', 'X-Plex-Token': token }
  })
  const { playQueueID } = JSON.parse(queue.text).MediaContainer
  t.equal((await get(`/playQueues/${playQueueID}`)).status, 200)
  t.match(JSON.parse((await get('/status/sessions/history/all')).text).MediaContainer, { size: 1 })
})

t.test('event streams send pings and pushed events, filtered', async (t) => {
  const simulator = await start(t)
  const token = simulator.tokens.issue('owner', 'test-client')
  const open = async (query = '') => {
    const headers = { 'X-Plex-Token': token }
    const response = await fetch(`${simulator.pmsUrl}/:/eventsource/notifications${query}`, { headers })
    t.equal(response.headers.get('content-type'), 'text/event-stream')
    return response.body?.pipeThrough(new TextDecoderStream()).getReader()
  }
  // Once, at the beginning: another would come between the events.
  simulator.modes.set({ pingMs: 3_600_000 })
  const all = await open()
  t.match(await all?.read(), { value: 'event: ping\ndata: {}\n\n' })
  simulator.modes.set({ pingMs: null })
  const some = await open('?filters=activity')
  t.equal(simulator.pms.streams(), 2)
  t.equal(simulator.pms.push('playing', { sessionKey: '1', state: 'playing' }), 1)
  t.match(await all?.read(), {
    value: 'event: playing\ndata: {"PlaySessionStateNotification":{"sessionKey":"1","state":"playing"}}\n\n'
  })
  simulator.pms.push('activity', { event: 'started' })
  t.match(await some?.read(), { value: /^event: activity/ })
  await all?.read()
  simulator.pms.endStreams()
  t.match(await all?.read(), { done: true })
  await some?.cancel()
})

t.test('WebSockets open at both paths, need a token and send lists', async (t) => {
  const simulator = await start(t)
  const token = simulator.tokens.server('friend', BOX_ID) ?? ''
  const address = simulator.pmsUrl.replace('http', 'ws')
  const refused = new WebSocket(`${address}/:/websockets/notifications`)
  const [, response] = await once(refused, 'unexpected-response')
  t.equal(response.statusCode, 401)
  response.destroy()
  for (const path of ['/:/websockets/notifications', '/:/websocket/notifications']) {
    const socket = new WebSocket(`${address}${path}?X-Plex-Token=${token}`)
    await once(socket, 'open')
    t.match(socket.extensions, 'permessage-deflate')
    const message = once(socket, 'message')
    t.equal(simulator.pms.push('playing', { state: 'paused' }), 1)
    t.match(JSON.parse(String((await message)[0])), {
      NotificationContainer: { type: 'playing', size: 1, PlaySessionStateNotification: [{ state: 'paused' }] }
    })
    socket.send(path)
    await until(() => simulator.pms.frames().includes(path))
    const closed = once(socket, 'close')
    simulator.pms.endStreams(1001)
    t.equal((await closed)[0], 1001)
    await until(() => simulator.pms.sockets() === 0, 'the other side has closed it as well')
  }
  t.equal(simulator.received({ path: '/:/websocket' }).length, 3, 'upgrades are recorded')

  simulator.faults.set({ service: 'pms', kind: 'status', status: 503, count: 1 })
  const unavailable = new WebSocket(`${address}/:/websockets/notifications?X-Plex-Token=${token}`)
  t.equal((await once(unavailable, 'unexpected-response'))[1].statusCode, 503)
  simulator.faults.set({ service: 'pms', kind: 'reset', count: 1 })
  const reset = new WebSocket(`${address}/:/websockets/notifications?X-Plex-Token=${token}`)
  t.match(
    (await once(reset, 'error', { signal: AbortSignal.timeout(60_000) }).catch((error) => [error]))[0],
    {
      code: 'ECONNRESET'
    }
  )
})

t.test('transient tokens die with a restart and after 48 hours', async (t) => {
  const simulator = await start(t)
  const friend = simulator.tokens.server('friend', BOX_ID) ?? ''
  const transient = async (verb: string, token: string) => {
    const headers = { 'X-Plex-Token': token }
    const answer = await send(`${simulator.pmsUrl}/security/token?type=delegation&scope=all`, {
      method: verb,
      headers
    })
    return /token="([^"]+)"/.exec(answer.text)?.[1] ?? ''
  }
  const first = await transient('GET', friend)
  t.match(first, /^transient-[0-9a-f-]{36}$/)
  t.equal((await pms(simulator, '/library/sections', first)).status, 200)
  t.equal((await pms(simulator, '/status/sessions', first)).status, 403, "the creator's rights")
  const owner = await transient('PUT', simulator.tokens.issue('owner', 'test-client'))
  t.equal((await pms(simulator, `/security/resources?source=server://${DEN_ID}`, owner)).status, 200)
  t.equal((await pms(simulator, `/security/resources?source=server://${DEN_ID}`, first)).status, 403)
  simulator.clock.advance(172_800_000)
  t.equal((await pms(simulator, '/library/sections', first)).status, 401)
  const second = await transient('POST', friend)
  simulator.pms.restart()
  t.equal((await pms(simulator, '/library/sections', second)).status, 401)
  t.equal((await pms(simulator, '/library/sections', friend)).status, 200)
})

t.test('services go down and come back on their port; the media server keeps known tokens', async (t) => {
  const simulator = await start(t)
  const known = simulator.tokens.server('friend', BOX_ID) ?? ''
  const unknown = simulator.tokens.server('kid', BOX_ID) ?? ''
  await pms(simulator, '/library/sections', known)
  await simulator.plexDown()
  await t.rejects(user(simulator, 'any'), { code: 'ECONNREFUSED' })
  t.equal((await pms(simulator, '/library/sections', known)).status, 200)
  t.equal((await pms(simulator, '/library/sections', unknown)).status, 401)
  await simulator.plexUp()
  t.equal((await user(simulator, 'any')).status, 401)
  t.equal((await pms(simulator, '/library/sections', unknown)).status, 200)

  const stream = await fetch(`${simulator.pmsUrl}/:/eventsource/notifications`, {
    headers: { 'X-Plex-Token': known }
  })
  t.ok(simulator.openSockets('pms') > 0)
  await simulator.pmsDown()
  await t.rejects(stream.text())
  t.equal(simulator.openSockets('pms'), 0)
  await t.rejects(send(simulator.pmsUrl), { code: 'ECONNREFUSED' })
  await simulator.pmsUp()
  t.equal((await pms(simulator, '/library/sections', known)).status, 200)
})

t.test('requests are recorded as they were on the wire', async (t) => {
  const simulator = await start(t)
  await send(`${simulator.plexUrl}/api/v2/pins?strong=true`, {
    method: 'POST',
    headers: { 'x-PLEX-client-identifier': 'raw', 'Content-Type': 'text/plain' },
    body: 'hello'
  })
  t.match(simulator.received({ service: 'plex', method: 'POST' }), [
    { url: '/api/v2/pins?strong=true', body: 'hello', status: 201, state: 'finished' }
  ])
  t.ok(
    simulator
      .received()[0]
      ?.headers.some(([name, value]) => name === 'x-PLEX-client-identifier' && value === 'raw')
  )
  t.same(simulator.received({ service: 'pms' }), [])
  simulator.clearReceived()
  t.same(simulator.received(), [])
})

t.test('in its own process it is controlled by HTTP', async (t) => {
  const { simulator, controlUrl, close } = await spawnSimulator()
  t.teardown(close)
  const token = await simulator.tokens.issue('owner', 'elsewhere')
  const headers = { ...CLIENT, 'X-Plex-Token': token }
  t.equal((await send(`${simulator.plexUrl}/api/v2/user`, { headers })).status, 200)
  await simulator.faults.set({ service: 'plex', kind: 'server-error', count: 1 })
  t.equal((await send(`${simulator.plexUrl}/api/v2/user`, { headers })).status, 500)
  t.equal((await simulator.received({ path: '/api/v2/user' })).length, 2)
  t.ok((await simulator.secrets()).includes(token))
  t.equal((await simulator.accounts.list()).length, 13)
  await simulator.pmsDown()
  await t.rejects(send(`${simulator.pmsUrl}/identity`), { code: 'ECONNREFUSED' })
  await simulator.pmsUp()
  t.equal((await send(`${simulator.pmsUrl}/identity`)).status, 200)
  await t.rejects(
    simulator.shares.add('owner', 'nowhere').then(() => simulator.servers.set('nowhere', {})),
    /no server/
  )
  const unknown = await send(`${controlUrl}/control`, { method: 'POST', body: '{"op":"faults.constructor"}' })
  t.equal(unknown.status, 400)
})
