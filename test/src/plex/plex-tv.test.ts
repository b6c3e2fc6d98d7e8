import t, { type Test } from 'tap'
import { createDispatcher } from '../../../src/plex/dispatcher.ts'
import { createPlexTv, type PlexTv } from '../../../src/plex/plex-tv.ts'
import { isServer, roleFor } from '../../../src/plex/resources.ts'
import { createUpstream, type Upstream } from '../../../src/plex/upstream.ts'
import type { AccountKey } from '../../simulator/accounts.ts'
import type { Fault } from '../../simulator/faults.ts'
import { BOX_ID, DEN_ID } from '../../simulator/servers.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'

const CID = 'browser-1'
const PASSWORD = 'correct-horse'
const NOW = 1_800_000_000_000
const identity = { product: 'Usher', version: '0.1.0', platform: 'Web', deviceName: 'usher.example' }

interface Bench {
  readonly simulator: Simulator
  readonly plexTv: PlexTv
  /** The same client, given XML for everything. */
  readonly xmlPlexTv: PlexTv
  /** The same client, for what never answers: it soon gives up. */
  readonly hastyPlexTv: PlexTv
}

async function setUp(t: Test): Promise<Bench> {
  const simulator = await startSimulator({ now: () => NOW })
  const dispatcher = createDispatcher({ connectTimeoutMs: 20_000 })
  t.teardown(async () => {
    await dispatcher.destroy()
    await simulator.close()
  })
  const connect = (timeoutMs: number) =>
    createUpstream({ service: 'plex.tv', origin: simulator.plexUrl, dispatcher, timeoutMs })
  const upstream = connect(60_000)
  const now = () => NOW
  return {
    simulator,
    plexTv: createPlexTv({ upstream, identity, now }),
    xmlPlexTv: createPlexTv({ upstream: withoutAccept(upstream), identity, now }),
    hastyPlexTv: createPlexTv({ upstream: connect(400), identity, now })
  }
}

function withoutAccept(upstream: Upstream): Upstream {
  return {
    service: upstream.service,
    call: ({ headers, ...request }) => {
      const { Accept, ...others } = headers
      return upstream.call({ ...request, headers: Accept ? others : headers })
    }
  }
}

function loginOf(simulator: Simulator, key: AccountKey): string {
  const account = simulator.accounts.list().find((entry) => entry.key === key)
  return account?.login ?? ''
}

t.test('a sign-in gives the account and a living token, by JSON and by XML', async (t) => {
  const { simulator, plexTv, xmlPlexTv } = await setUp(t)
  for (const client of [plexTv, xmlPlexTv]) {
    const { account, token } = await client.signIn({ login: 'sim@example.com', password: PASSWORD }, CID)
    t.match(account, {
      id: 13_692_262,
      uuid: '212acf24b07315e5',
      username: 'simuser',
      email: 'sim@example.com'
    })
    t.ok(simulator.tokens.isAlive(token))
    t.strictSame(await client.account(token, CID), account)
  }
  simulator.modes.set({ signInStatus: 200, unknownFields: true, languages: 'string' })
  await t.resolves(plexTv.signIn({ login: 'simuser', password: PASSWORD }, CID))
})

t.test('a sign-in sends its secrets in the body alone, and identifies this client', async (t) => {
  const { simulator, plexTv } = await setUp(t)
  const credentials = { login: 'twofactor@example.com', password: PASSWORD, verificationCode: '123456' }
  await plexTv.signIn({ ...credentials, rememberMe: false }, CID)
  const [request] = simulator.received({ service: 'plex' })
  t.equal(request?.url, '/api/v2/users/signin')
  t.strictSame(Object.fromEntries(new URLSearchParams(request?.body)), {
    login: 'twofactor@example.com',
    password: PASSWORD,
    rememberMe: 'false',
    verificationCode: '123456'
  })
  const headers = Object.fromEntries(
    (request?.headers ?? []).map(([name, value]) => [name.toLowerCase(), value])
  )
  t.match(headers, { accept: 'application/json', 'x-plex-client-identifier': CID, 'x-plex-product': 'Usher' })
  t.notOk('x-plex-token' in headers || 'accept-encoding' in headers || 'cookie' in headers)
})

t.test('each refused sign-in is told apart', async (t) => {
  const { simulator, plexTv, xmlPlexTv } = await setUp(t)
  const table: readonly (readonly [AccountKey | 'nobody', object, string, number])[] = [
    ['owner', { password: 'wrong' }, 'USHER_CREDENTIALS_REJECTED', 1001],
    ['nobody', { login: 'nobody@example.com' }, 'USHER_CREDENTIALS_REJECTED', 1001],
    ['sso', {}, 'USHER_CREDENTIALS_REJECTED', 1001],
    ['twoFactor', {}, 'USHER_VERIFICATION_REQUIRED', 1029],
    ['twoFactor', { verificationCode: '000000' }, 'USHER_VERIFICATION_REJECTED', 1028],
    ['emailOnly', { login: 'emailonly' }, 'USHER_EMAIL_REQUIRED', 1030],
    ['locked', {}, 'USHER_PLEX_LIMITED', 1031]
  ]
  for (const client of [plexTv, xmlPlexTv]) {
    for (const [key, changes, code, plexCode] of table) {
      simulator.limits.clear()
      const login = key === 'nobody' ? '' : loginOf(simulator, key)
      const attempt = client.signIn({ login, password: PASSWORD, ...changes }, CID)
      await t.rejects(
        attempt,
        { code, upstream: { service: 'plex.tv', status: 401, code: plexCode } },
        `${key} ${code}`
      )
    }
  }
  simulator.faults.set({ service: 'plex', kind: 'rate-limited', format: 'xml', count: 1 })
  const limited = plexTv.signIn({ login: 'simuser', password: PASSWORD }, CID)
  await t.rejects(limited, {
    code: 'USHER_PLEX_LIMITED',
    retryAfter: 60,
    upstream: { status: 429, code: 1003 }
  })
})

t.test('a dead token is a revoked session, as 401 and as 422', async (t) => {
  const { simulator, plexTv, xmlPlexTv } = await setUp(t)
  for (const deadToken of [401, 422] as const) {
    simulator.modes.set({ deadToken })
    for (const client of [plexTv, xmlPlexTv]) {
      const token = simulator.tokens.issue('owner', CID)
      simulator.tokens.revoke(token)
      await t.rejects(client.account(token, CID), {
        code: 'USHER_SESSION_REVOKED',
        upstream: { status: deadToken }
      })
      await t.rejects(client.resources(token, CID), { code: 'USHER_SESSION_REVOKED' })
      await t.rejects(client.homeUsers(token, CID), { code: 'USHER_SESSION_REVOKED' })
      await t.rejects(client.ping(token, CID), { code: 'USHER_SESSION_REVOKED' })
      await t.resolves(client.signOut(token, CID), 'signed out already')
    }
  }
})

t.test('rule 23: no outage, limit or nonsense of plex.tv says that a token is dead', async (t) => {
  const { simulator, plexTv, hastyPlexTv } = await setUp(t)
  const token = simulator.tokens.issue('owner', CID)
  const table: readonly (readonly [Fault, string])[] = [
    [{ kind: 'server-error' }, 'USHER_UPSTREAM_UNREACHABLE'],
    [{ kind: 'unavailable' }, 'USHER_UPSTREAM_UNREACHABLE'],
    [{ kind: 'reset' }, 'USHER_UPSTREAM_UNREACHABLE'],
    [{ kind: 'half-reset' }, 'USHER_UPSTREAM_UNREACHABLE'],
    [{ kind: 'hang' }, 'USHER_UPSTREAM_TIMEOUT'],
    [{ kind: 'stall' }, 'USHER_UPSTREAM_TIMEOUT'],
    [{ kind: 'latency', ms: 5000 }, 'USHER_UPSTREAM_TIMEOUT'],
    [{ kind: 'drip', ms: 100 }, 'USHER_UPSTREAM_TIMEOUT'],
    [{ kind: 'rate-limited', format: 'json' }, 'USHER_PLEX_LIMITED'],
    [{ kind: 'garbage' }, 'USHER_UPSTREAM_INVALID'],
    [{ kind: 'truncate' }, 'USHER_UPSTREAM_INVALID'],
    [{ kind: 'oversized', bytes: 3_000_000 }, 'USHER_UPSTREAM_INVALID'],
    [{ kind: 'redirect', location: 'https://evil.example/' }, 'USHER_UPSTREAM_INVALID'],
    [{ kind: 'status', status: 403, body: '<html>', contentType: 'text/html' }, 'USHER_UPSTREAM_INVALID'],
    [{ kind: 'status', status: 422, body: '{"errors":[{"code":1008}]}' }, 'USHER_UPSTREAM_INVALID']
  ]
  for (const [fault, code] of table) {
    const number = simulator.faults.set({ service: 'plex', ...fault })
    const client = code === 'USHER_UPSTREAM_TIMEOUT' ? hastyPlexTv : plexTv
    await t.rejects(client.account(token, CID), { code }, fault.kind)
    simulator.faults.clear(number)
  }
  t.ok(simulator.tokens.isAlive(token))
  await simulator.plexDown()
  await t.rejects(plexTv.account(token, CID), { code: 'USHER_UPSTREAM_UNREACHABLE', upstream: undefined })
  await simulator.plexUp()
  t.match(await plexTv.account(token, CID), { username: 'simuser' }, 'no restart is needed')
})

t.test('rule 43: a redirect is not followed', async (t) => {
  const { simulator, plexTv } = await setUp(t)
  const token = simulator.tokens.issue('owner', CID)
  simulator.faults.set({
    service: 'plex',
    kind: 'redirect',
    location: `${simulator.pmsUrl}/identity`,
    count: 1
  })
  await t.rejects(plexTv.account(token, CID), { code: 'USHER_UPSTREAM_INVALID', upstream: { status: 302 } })
  t.strictSame(simulator.received({ service: 'pms' }), [])
})

t.test('the account document shows what a browser may see', async (t) => {
  const { simulator, plexTv, xmlPlexTv } = await setUp(t)
  const token = simulator.tokens.issue('member', CID)
  for (const client of [plexTv, xmlPlexTv]) {
    const document = await client.accountDocument(token, CID)
    t.match(document, {
      username: 'robin',
      email: 'robin@example.com',
      home: true,
      subscription: { status: String }
    })
    for (const secret of simulator.secrets()) t.notMatch(JSON.stringify(document), secret)
  }
})

t.test('resources carry each account its own server token and role', async (t) => {
  const { simulator, plexTv, xmlPlexTv } = await setUp(t)
  const table: readonly (readonly [AccountKey, readonly (readonly [string, string])[]])[] = [
    [
      'owner',
      [
        [BOX_ID, 'owner'],
        [DEN_ID, 'shared']
      ]
    ],
    [
      'friend',
      [
        [BOX_ID, 'shared'],
        [DEN_ID, 'owner']
      ]
    ],
    ['member', [[BOX_ID, 'home']]],
    ['kid', [[BOX_ID, 'home']]],
    ['stranger', []]
  ]
  for (const [key, expected] of table) {
    const token = simulator.tokens.issue(key, CID)
    const account = await plexTv.account(token, CID)
    for (const client of [plexTv, xmlPlexTv]) {
      const servers = (await client.resources(token, CID)).filter(isServer)
      const roles = servers.map((server) => [server.machineIdentifier, roleFor(server, account)])
      t.strictSame(new Set(roles.map(String)), new Set(expected.map(String)), key)
      for (const server of servers) {
        if (!server.owned) t.equal(server.accessToken, simulator.tokens.server(key, server.machineIdentifier))
        t.ok(server.connections.length > 0)
      }
    }
  }
})

t.test('signing out kills the token at plex.tv, and an outage is not hidden', async (t) => {
  const { simulator, plexTv } = await setUp(t)
  const token = simulator.tokens.issue('friend', CID)
  await plexTv.ping(token, CID)
  simulator.faults.set({ service: 'plex', kind: 'server-error', count: 1 })
  await t.rejects(plexTv.signOut(token, CID), { code: 'USHER_UPSTREAM_UNREACHABLE' })
  t.ok(simulator.tokens.isAlive(token))
  await plexTv.signOut(token, CID)
  t.notOk(simulator.tokens.isAlive(token))
})

t.test('a PIN is made, polled, claimed and over', async (t) => {
  const { simulator, plexTv, xmlPlexTv } = await setUp(t)
  for (const client of [plexTv, xmlPlexTv]) {
    const strong = await client.createPin(CID, { strong: true })
    t.match(strong, { code: /^[a-z0-9]{25}$/, token: null, expiresAt: NOW + 900_000 })
    const link = await client.createPin(CID, { strong: false })
    t.match(link, { code: /^[A-Z0-9]{4}$/, token: null })
    t.equal((await client.readPin(link.id, CID)).token, null)
    simulator.pins.claim(link.id, 'friend')
    const { token } = await client.readPin(link.id, CID)
    t.ok(token && simulator.tokens.isAlive(token))
    await t.rejects(client.readPin(strong.id, 'another-browser'), { code: 'USHER_PIN_UNKNOWN' })
    simulator.clock.advance(1_900_000)
    for (const unknownPin of [404, 410] as const) {
      simulator.modes.set({ unknownPin })
      await t.rejects(client.readPin(strong.id, CID), {
        code: 'USHER_PIN_UNKNOWN',
        upstream: { status: unknownPin }
      })
    }
    simulator.modes.reset()
  }
})

t.test('the answer to another PIN than the one asked for is not taken', async (t) => {
  const { simulator, plexTv } = await setUp(t)
  const body = '{"id":2,"code":"ABCD","expiresIn":60,"authToken":"sim-usr-tok-Ab1Cd2Ef"}'
  simulator.faults.set({
    service: 'plex',
    kind: 'status',
    status: 200,
    body,
    contentType: 'application/json'
  })
  await t.rejects(plexTv.readPin(1, CID), { code: 'USHER_UPSTREAM_INVALID' })
})

t.test('Home profiles are listed and switched to with their PIN', async (t) => {
  const { simulator, plexTv, xmlPlexTv } = await setUp(t)
  for (const client of [plexTv, xmlPlexTv]) {
    const token = simulator.tokens.issue('owner', CID)
    const users = await client.homeUsers(token, CID)
    const kid = users.find(({ title }) => title === 'Kid')
    const guest = users.find(({ title }) => title === 'Guest')
    t.match(kid, { username: '', restricted: true, protected: true, admin: false })
    t.match(guest, { protected: false, guest: true })
    t.match(
      users.find(({ admin }) => admin),
      { username: 'simuser' }
    )

    const uuid = kid?.uuid ?? ''
    const switched = await client.switchHomeUser(token, CID, uuid, '1234')
    t.match(switched.account, { uuid, title: 'Kid', email: '', restricted: true })
    t.ok(simulator.tokens.isAlive(switched.token))
    t.not(switched.token, token)
    t.match((await client.switchHomeUser(token, CID, guest?.uuid ?? '')).account, { title: 'Guest' })

    const rejected = { code: 'USHER_HOME_PIN_REJECTED', upstream: { status: 403, code: 1041 } }
    await t.rejects(client.switchHomeUser(token, CID, uuid, '0000'), rejected)
    simulator.modes.set({ homePinErrorWithoutStatus: true })
    await t.rejects(client.switchHomeUser(token, CID, uuid), rejected)
    simulator.modes.reset()
    await t.rejects(client.switchHomeUser(token, CID, 'ffffffffffffffff'), { code: 'USHER_NOT_FOUND' })
    await t.rejects(client.switchHomeUser(token, CID, '../../users/signout'), {
      code: 'USHER_INVALID_REQUEST'
    })
  }
  const urls = simulator.received({ service: 'plex' }).map(({ url }) => url)
  t.notOk(
    urls.some((url) => /1234|pin/i.test(url)),
    'no PIN in any URL'
  )
})

t.test('a switch that answers with somebody else is not taken', async (t) => {
  const { simulator, plexTv } = await setUp(t)
  const token = simulator.tokens.issue('owner', CID)
  const body = '{"id":1,"uuid":"deadbeefdeadbeef","title":"x","authToken":"sim-usr-tok-Ab1Cd2Ef"}'
  simulator.faults.set({
    service: 'plex',
    kind: 'status',
    status: 201,
    body,
    contentType: 'application/json'
  })
  await t.rejects(plexTv.switchHomeUser(token, CID, '88fad7ef5d91c202', '1234'), {
    code: 'USHER_UPSTREAM_INVALID'
  })
})

t.test('rule 26: two accounts at once never see each other’s token', async (t) => {
  const { simulator, plexTv } = await setUp(t)
  const owner = simulator.tokens.issue('owner', 'browser-a')
  const friend = simulator.tokens.issue('friend', 'browser-b')
  const rounds = Array.from({ length: 500 }, (_, round) => round)
  const names = await Promise.all(
    rounds.map(async (round) => {
      const isOwner = round % 2 === 0
      const account = await (isOwner
        ? plexTv.account(owner, 'browser-a')
        : plexTv.account(friend, 'browser-b'))
      return account.username === (isOwner ? 'simuser' : 'friend')
    })
  )
  t.notOk(names.includes(false))
})

t.test('no URL that was asked for carried a token or a password', async (t) => {
  const { simulator, plexTv } = await setUp(t)
  const { token } = await plexTv.signIn({ login: 'simuser', password: PASSWORD }, CID)
  await plexTv.account(token, CID)
  await plexTv.resources(token, CID)
  await plexTv.homeUsers(token, CID)
  await plexTv.signOut(token, CID)
  for (const { url } of simulator.received()) t.notOk(url.includes(token) || url.includes(PASSWORD))
})
