import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createDispatcher } from '../../../src/plex/dispatcher.ts'
import { createMediaServer, type MediaServer } from '../../../src/plex/media-server.ts'
import { createPresences } from '../../../src/plex/presences.ts'
import type { Fault } from '../../simulator/faults.ts'
import { BOX_ID, DEN_ID } from '../../simulator/servers.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { until } from '../../support/until.ts'

const CID = 'browser-1'
const identity = { product: 'Usher', version: '0.1.0', platform: 'Web', deviceName: 'usher.example' }

interface Bench {
  readonly simulator: Simulator
  readonly server: MediaServer
  readonly owner: string
  readonly create: (changes?: { url?: string; machineIdentifier?: string; timeoutMs?: number }) => MediaServer
}

async function setUp(t: Test): Promise<Bench> {
  const simulator = await startSimulator()
  const presences = createPresences()
  const dispatcher = createDispatcher({ connectTimeoutMs: 20_000, presences })
  t.teardown(async () => {
    await dispatcher.destroy()
    await simulator.close()
  })
  const create: Bench['create'] = (changes = {}) =>
    createMediaServer({
      url: simulator.pmsUrl,
      dispatcher,
      identityDispatcher: dispatcher,
      presences,
      timeoutMs: 60_000,
      identity,
      machineIdentifier: null,
      ...changes
    })
  return { simulator, server: create(), owner: simulator.tokens.issue('owner', CID), create }
}

/** Every token that a media server was sent, by header or query. */
function tokensReceived(simulator: Simulator, service: 'pms' | 'pms2' = 'pms'): string[] {
  return simulator.received({ service }).flatMap(({ url, headers }) => {
    const header = headers.filter(([name]) => name.toLowerCase() === 'x-plex-token').map(([, value]) => value)
    return [...header, ...(/token=/i.test(url) ? [url] : [])]
  })
}

t.test('the identity is asked without a token, also of an unclaimed server', async (t) => {
  const { simulator, server } = await setUp(t)
  t.match(await server.identity(), { machineIdentifier: BOX_ID, version: /^1\./, claimed: true })
  simulator.pms.setClaimed(false)
  t.match(await server.identity(), { claimed: false })
  t.strictSame(tokensReceived(simulator), [])
})

t.test('a transient token is made by POST, or by GET where POST is unknown', async (t) => {
  const { simulator, server, owner } = await setUp(t)
  for (const securityVerbs of ['any', 'post', 'get'] as const) {
    simulator.modes.set({ securityVerbs })
    t.match(await server.createTransientToken(owner, CID), /^transient-[0-9a-f-]{36}$/)
  }
  const asked = simulator.received({ service: 'pms', path: '/security/token' })
  t.strictSame(
    asked.map(({ method }) => method),
    ['POST', 'POST', 'POST', 'GET']
  )
  t.ok(asked.every(({ url }) => url === '/security/token?type=delegation&scope=all'))
})

t.test('a transient token is made for a shared account’s server token too', async (t) => {
  const { simulator, server } = await setUp(t)
  const token = simulator.tokens.server('friend', BOX_ID) ?? ''
  t.match(await server.createTransientToken(token, CID), /^transient-/)
})

t.test('rule 65: a token without the transient prefix is not handed on', async (t) => {
  const { simulator, server, owner } = await setUp(t)
  for (const token of [owner, '', 'transient-', 'transient-a b c d e f', 7, null]) {
    const body = JSON.stringify({ MediaContainer: { size: 0, token } })
    simulator.faults.set({
      service: 'pms',
      path: '/security/token',
      kind: 'status',
      status: 200,
      body,
      count: 1
    })
    await t.rejects(
      server.createTransientToken(owner, CID),
      { code: 'USHER_UPSTREAM_INVALID' },
      String(token)
    )
  }
  const body =
    '<MediaContainer size="0" token="transient-90904684-f91a-4391-8bf7-e0dfa7240285"></MediaContainer>'
  simulator.faults.set({
    service: 'pms',
    path: '/security',
    kind: 'status',
    status: 200,
    body,
    contentType: 'text/xml'
  })
  t.equal(await server.createTransientToken(owner, CID), 'transient-90904684-f91a-4391-8bf7-e0dfa7240285')
})

t.test('a refused token is no access here, never a dead session', async (t) => {
  const { simulator, server } = await setUp(t)
  for (const legacyErrors of [false, true]) {
    simulator.modes.set({ legacyErrors })
    const denied = {
      code: 'USHER_SERVER_ACCESS_DENIED',
      status: 403,
      upstream: { service: 'pms', code: null }
    }
    await t.rejects(server.createTransientToken('dead-token-000000000', CID), denied)
    await t.rejects(server.name('dead-token-000000000', CID), denied)
    const shared = simulator.tokens.server('friend', BOX_ID) ?? ''
    await t.rejects(server.source(`server://${DEN_ID}`, shared, CID), denied)
  }
})

t.test('a source is described to the owner, Device as object and as list', async (t) => {
  const { simulator, server, owner } = await setUp(t)
  for (const device of ['object', 'array'] as const) {
    simulator.modes.set({ device, unknownFields: true })
    const source = await server.source(`server://${DEN_ID}`, owner, CID, {
      refresh: device === 'array'
    })
    t.match(source, { source: `server://${DEN_ID}`, clientIdentifier: DEN_ID, accessToken: /^transient-/ })
    t.ok(source.connections.length > 0)
  }
  const refreshes = simulator
    .received({ path: '/security/resources' })
    .map(({ url }) => new URL(url, 'http://x').searchParams.get('refresh'))
  t.strictSame(refreshes, ['0', '1'])
  await t.rejects(server.source('server://nobody', owner, CID), {
    code: /^USHER_(?:NOT_FOUND|UPSTREAM_REFUSED)$/
  })
})

t.test('rule 42: a malformed source is refused before anything is asked', async (t) => {
  const { simulator, server, owner } = await setUp(t)
  for (const source of [
    'server://x@evil',
    'http://evil',
    'server://x\r\nX: y',
    `server://${'a'.repeat(10_000)}`
  ]) {
    await t.rejects(server.source(source, owner, CID), { code: 'USHER_INVALID_REQUEST' })
  }
  t.strictSame(simulator.received(), [])
})

t.test('the errors of a media server keep their meaning, not their page', async (t) => {
  const { simulator, owner, create } = await setUp(t)
  const [patient, hasty] = [create(), create({ timeoutMs: 3000 })]
  const page = { body: '<html><h1>sim-usr-tok-Ab1Cd2Ef</h1></html>', contentType: 'text/html' }
  const table: readonly (readonly [Fault, object])[] = [
    [
      { kind: 'status', status: 400, ...page },
      { code: 'USHER_UPSTREAM_REFUSED', status: 400 }
    ],
    [
      { kind: 'status', status: 404, ...page },
      { code: 'USHER_UPSTREAM_REFUSED', status: 404 }
    ],
    [
      { kind: 'status', status: 409, ...page },
      { code: 'USHER_UPSTREAM_REFUSED', status: 409 }
    ],
    [
      { kind: 'status', status: 500, ...page },
      { code: 'USHER_UPSTREAM_UNREACHABLE', upstream: { status: 500 } }
    ],
    [{ kind: 'unavailable' }, { code: 'USHER_UPSTREAM_UNREACHABLE', upstream: { status: 503 } }],
    [{ kind: 'redirect', location: 'http://evil.example/' }, { code: 'USHER_UPSTREAM_INVALID' }],
    [{ kind: 'status', status: 200, ...page }, { code: 'USHER_UPSTREAM_INVALID' }],
    [{ kind: 'garbage' }, { code: 'USHER_UPSTREAM_INVALID' }],
    [{ kind: 'truncate' }, { code: 'USHER_UPSTREAM_INVALID' }],
    [{ kind: 'reset' }, { code: 'USHER_UPSTREAM_UNREACHABLE' }],
    [{ kind: 'hang' }, { code: 'USHER_UPSTREAM_TIMEOUT' }]
  ]
  for (const [fault, expected] of table) {
    const server = fault.kind === 'hang' ? hasty : patient
    await server.verifyIdentity()
    const number = simulator.faults.set({ service: 'pms', path: '/security', ...fault })
    const problem: unknown = await server
      .source(`server://${DEN_ID}`, owner, CID)
      .catch((error: unknown) => error)
    t.match(problem, expected, `${fault.kind} ${JSON.stringify(expected)}`)
    t.notMatch(String(problem), /sim-usr-tok/)
    simulator.faults.clear(number)
  }
  t.equal(await hasty.name(owner, CID), 'Box', 'it recovers by itself')
})

t.test('no token is sent to a server that is not the configured one', async (t) => {
  const { simulator, create, owner } = await setUp(t)
  const wrong = create({ machineIdentifier: DEN_ID })
  const refused = { code: 'USHER_UPSTREAM_INVALID' }
  await t.rejects(wrong.createTransientToken(owner, CID), refused)
  await t.rejects(wrong.source(`server://${DEN_ID}`, owner, CID), refused)
  await t.rejects(wrong.name(owner, CID), refused)
  t.equal(wrong.verifiedIdentity(), null)
  t.strictSame(tokensReceived(simulator), [])
  t.equal(await create({ machineIdentifier: BOX_ID }).name(owner, CID), 'Box')
})

t.test('the identity is proven once, for all who wait, and again after a failed connection', async (t) => {
  const { simulator, server, owner } = await setUp(t)
  t.equal(server.verifiedIdentity(), null)
  const names = await Promise.all(Array.from({ length: 20 }, () => server.name(owner, CID)))
  t.ok(names.every((name) => name === 'Box'))
  t.equal(simulator.received({ path: '/identity' }).length, 1)
  t.match(server.verifiedIdentity(), { machineIdentifier: BOX_ID })
  await t.rejects(server.verifyIdentity(DEN_ID), { code: 'USHER_UPSTREAM_INVALID' })
  t.match(await server.verifyIdentity(BOX_ID), { machineIdentifier: BOX_ID })
  t.equal(simulator.received({ path: '/identity' }).length, 1)

  simulator.faults.set({ service: 'pms', path: '/security', kind: 'reset', count: 1 })
  await t.rejects(server.createTransientToken(owner, CID), { code: 'USHER_UPSTREAM_UNREACHABLE' })
  t.equal(server.verifiedIdentity(), null)
  await server.createTransientToken(owner, CID)
  t.equal(simulator.received({ path: '/identity' }).length, 2)
  server.forgetIdentity()
  await server.verifyIdentity()
  t.equal(simulator.received({ path: '/identity' }).length, 3)
})

t.test('rule 77: a proof ends with the last connection to the server', async (t) => {
  const { simulator, server, owner } = await setUp(t)
  await server.name(owner, CID)
  t.match(server.verifiedIdentity(), { machineIdentifier: BOX_ID })
  await simulator.pmsDown()
  await until(() => server.verifiedIdentity() === null)
  t.match(server.lastIdentity(), { machineIdentifier: BOX_ID }, 'but it is known what was there')
  await simulator.pmsUp()
  // A failed proof is remembered for a moment.
  await until(() => server.verifyIdentity().then(Boolean, () => false))
  t.equal(await server.name(owner, CID), 'Box')
})

t.test('rule 78: a failed proof is remembered for a short while, longer each time', async (t) => {
  const { simulator, server } = await setUp(t)
  const padding = 'x'.repeat(9000)
  const body = JSON.stringify({ MediaContainer: { machineIdentifier: BOX_ID, padding } })
  simulator.faults.set({ service: 'pms', path: '/identity', kind: 'status', status: 200, body })
  const began = performance.now()
  let rejected = 0
  while (performance.now() < began + 1000 || rejected < 30) {
    await t.rejects(
      server.verifyIdentity(),
      { code: 'USHER_UPSTREAM_INVALID' },
      'more than 8 KB is no identity'
    )
    rejected += 1
    await delay(10)
  }
  const asked = simulator.received({ path: '/identity' }).length
  // At once, and after 0.1, 0.3, 0.7 s and so on.
  const most = 1 + Math.log2(1 + (performance.now() - began) / 100)
  t.ok(asked <= most, `${asked} questions for ${rejected} who asked`)
})

t.test('a server that is away is unreachable, and is asked again when it is back', async (t) => {
  const { simulator, server, owner } = await setUp(t)
  await server.name(owner, CID)
  await simulator.pmsDown()
  await t.rejects(server.name(owner, CID), { code: 'USHER_UPSTREAM_UNREACHABLE' })
  await t.rejects(server.identity(), { code: 'USHER_UPSTREAM_UNREACHABLE' })
  await simulator.pmsUp()
  t.equal(await server.name(owner, CID), 'Box')
})

t.test('an identity that is none is not understood', async (t) => {
  const { simulator, server } = await setUp(t)
  for (const body of [
    '{}',
    '{"MediaContainer":{}}',
    '{"MediaContainer":{"machineIdentifier":"../x"}}',
    '[]'
  ]) {
    simulator.faults.set({ service: 'pms', kind: 'status', status: 200, body, count: 1 })
    await t.rejects(server.identity(), { code: 'USHER_UPSTREAM_INVALID' }, body)
  }
  simulator.faults.set({ service: 'pms', kind: 'status', status: 404, body: '', count: 1 })
  await t.rejects(server.identity(), { code: 'USHER_UPSTREAM_REFUSED', status: 404 })
})

t.test('rule 53: what a server says of itself, and of a source, is bounded', async (t) => {
  const server = await startPadded(t)
  const dispatcher = createDispatcher({ connectTimeoutMs: 20_000, presences: server.presences })
  t.teardown(() => dispatcher.destroy())
  const media = createMediaServer({
    url: server.url,
    dispatcher,
    identityDispatcher: dispatcher,
    presences: server.presences,
    timeoutMs: 60_000,
    identity,
    machineIdentifier: null
  })
  const INVALID = { code: 'USHER_UPSTREAM_INVALID' }
  server.padding = 60_000
  t.equal(await media.name('token', CID), 'Padded')
  server.padding = 70_000
  await t.rejects(media.name('token', CID), INVALID)
  await t.rejects(media.createTransientToken('token', CID), INVALID)
  await t.rejects(media.source(`server://${BOX_ID}`, 'token', CID), INVALID)
})

interface Padded {
  readonly url: string
  readonly presences: ReturnType<typeof createPresences>
  /** Bytes of blanks in every answer but the identity. */
  padding: number
}

async function startPadded(t: Test): Promise<Padded> {
  const padded = { padding: 0 }
  const http = createServer((request, response) => {
    const isIdentity = request.url === '/identity'
    const container = {
      machineIdentifier: BOX_ID,
      version: '1',
      claimed: true,
      friendlyName: 'Padded',
      token: `transient-${'a'.repeat(20)}`
    }
    response.setHeader('Content-Type', 'application/json')
    response.end(
      `${' '.repeat(isIdentity ? 0 : padded.padding)}${JSON.stringify({ MediaContainer: container })}`
    )
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.teardown(() => http.close())
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  return Object.assign(padded, { url, presences: createPresences() })
}
