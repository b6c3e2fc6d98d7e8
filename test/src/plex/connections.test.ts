import type { LookupAddress, lookup } from 'node:dns'
import t from 'tap'
import { classifyAddress, createGuardedLookup } from '../../../src/plex/addresses.ts'
import type { Connection } from '../../../src/plex/connection.ts'
import {
  addressRule,
  candidateConnections,
  chooseConnection,
  createProbe,
  type Probe
} from '../../../src/plex/connections.ts'
import { createDispatcher } from '../../../src/plex/dispatcher.ts'
import { createPlexTv } from '../../../src/plex/plex-tv.ts'
import type { Resource } from '../../../src/plex/resources.ts'
import { createUpstream } from '../../../src/plex/upstream.ts'
import { BOX_ID, DEN_ID } from '../../simulator/servers.ts'
import { startSimulator } from '../../simulator/simulator.ts'

t.test('rule 42: every kind of address is classed', async (t) => {
  const table = {
    public: ['8.8.8.8', '203.0.114.1', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::808:808', '172.32.0.1'],
    private: [
      '10.0.0.1',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '100.64.0.1',
      'fd00::1',
      '169.254.1.1',
      'fe80::1',
      '::ffff:10.0.0.1',
      '64:ff9b::a00:1'
    ],
    loopback: ['127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::7f00:1'],
    forbidden: [
      '0.0.0.0',
      '0.1.2.3',
      '::',
      '169.254.169.254',
      '169.254.170.2',
      '100.100.100.200',
      'fd00:ec2::254',
      'FD00:EC2:0:0::254',
      'fe80::1%eth0',
      '::ffff:169.254.169.254',
      '64:ff9b::a9fe:a9fe',
      '224.0.0.1',
      'ff02::1',
      '255.255.255.255',
      '240.0.0.1',
      '192.0.2.1',
      '2002:a00:1::',
      '::7f00:1',
      '64:ff9b:1:a00:1:0:808:808',
      '2001:db8::1',
      'localhost',
      '',
      '300.1.1.1'
    ]
  }
  for (const [expected, addresses] of Object.entries(table)) {
    for (const address of addresses) t.equal(classifyAddress(address), expected, address)
  }
})

t.test('rule 76: an address in this network is refused unless the operator allows it', async (t) => {
  const addresses = [
    '8.8.8.8',
    '10.0.0.1',
    '100.64.0.1',
    'fd00::1',
    '127.0.0.1',
    'fe80::1',
    '169.254.169.254'
  ]
  t.strictSame(addresses.map(addressRule()), [true, false, false, false, false, false, false])
  t.strictSame(addresses.map(addressRule({ allowLoopback: true })), [
    true,
    false,
    false,
    false,
    true,
    false,
    false
  ])
  t.strictSame(
    addresses.map(addressRule({ allowPrivate: true })),
    [true, true, true, true, true, true, false],
    'never one of cloud metadata'
  )
})

function stubLookup(
  found: readonly LookupAddress[],
  error: NodeJS.ErrnoException | null = null
): typeof lookup {
  const stub = (_name: string, _options: object, callback: (error: unknown, found: unknown) => void) =>
    callback(error, found)
  return stub as unknown as typeof lookup
}

t.test(
  'rule 42: a name that leads inside is not resolved, one of several addresses may be left',
  async (t) => {
    const inside = { address: '10.0.0.1', family: 4 }
    const outside = { address: '8.8.8.8', family: 4 }
    const resolve = (found: LookupAddress[], all: boolean, error: NodeJS.ErrnoException | null = null) =>
      new Promise((done) => {
        const guarded = createGuardedLookup(addressRule(), stubLookup(found, error))
        guarded('rebind.example', { all }, (problem, address, family) =>
          done(problem?.code ?? { address, family })
        )
      })
    t.equal(await resolve([inside], false), 'USHER_ADDRESS_REFUSED')
    t.equal(await resolve([inside], true), 'USHER_ADDRESS_REFUSED')
    t.strictSame(await resolve([inside, outside], true), { address: [outside], family: undefined })
    t.strictSame(await resolve([inside, outside], false), { address: '8.8.8.8', family: 4 })
    const notFound = Object.assign(new Error('none'), { code: 'ENOTFOUND' })
    t.equal(await resolve([], true, notFound), 'ENOTFOUND')
  }
)

function connection(uri: string, changes: Partial<Connection> = {}): Connection {
  const { protocol, hostname, port } = new URL(uri)
  const address = /^\d+(?:-\d+){3}\./.test(hostname)
    ? (hostname.split('.')[0] ?? '').replaceAll('-', '.')
    : hostname.replace(/^\[|\]$/g, '')
  return {
    protocol: protocol === 'https:' ? 'https' : 'http',
    address,
    port: Number(port),
    uri,
    local: false,
    relay: false,
    ipv6: false,
    ...changes
  }
}

const LOCAL = connection('https://10-0-0-2.aa.plex.direct:32400', { local: true })
const LOCAL_HTTP = connection('http://10.0.0.2:32400', { local: true })
const REMOTE = connection('https://8-8-8-8.aa.plex.direct:32400')
const REMOTE_HTTP = connection('http://8.8.8.8:32400')
const REMOTE_V6 = connection('https://2606-4700--1111.aa.plex.direct:32400', {
  address: '2606:4700::1111',
  ipv6: true
})
const CUSTOM = connection('https://plex.example:443')
const RELAY = connection('https://9-9-9-9.aa.plex.direct:8443', { relay: true })

function resource(connections: readonly Connection[], changes: Partial<Resource> = {}): Resource {
  return {
    name: 'Box',
    machineIdentifier: BOX_ID,
    product: 'Plex Media Server',
    provides: ['server'],
    owned: true,
    home: false,
    presence: true,
    accessToken: 'sim-srv-tok-00000001',
    sourceTitle: null,
    httpsRequired: false,
    connections,
    ...changes
  }
}

const ALL = [RELAY, REMOTE_V6, REMOTE_HTTP, CUSTOM, REMOTE, LOCAL_HTTP, LOCAL]
/** As USHER_PRIVATE_SERVERS has it. */
const HOME = { allowPrivate: true }

t.test('local comes before remote before relay, https before http, IPv4 before IPv6', async (t) => {
  t.strictSame(candidateConnections(resource(ALL), HOME), [
    LOCAL,
    LOCAL_HTTP,
    CUSTOM,
    REMOTE,
    REMOTE_V6,
    RELAY
  ])
})

t.test('plain http is tried inside a private network alone, and never where https is required', async (t) => {
  t.strictSame(candidateConnections(resource([REMOTE_HTTP, connection('http://plex.example:80')]), HOME), [])
  t.strictSame(candidateConnections(resource(ALL, { httpsRequired: true }), HOME), [
    LOCAL,
    CUSTOM,
    REMOTE,
    REMOTE_V6,
    RELAY
  ])
})

t.test('rule 76: addresses inside this network are no candidates, whoever owns the server', async (t) => {
  const attacks = [
    'http://127.0.0.1:8080',
    'https://169.254.169.254:80',
    'https://[::ffff:10.0.0.1]:443',
    'http://0.0.0.0:80',
    'https://[::1]:1',
    'https://[fe80::1]:32400',
    'http://100.64.0.1:32400'
  ].map((uri) => connection(uri))
  for (const owned of [false, true]) {
    t.strictSame(candidateConnections(resource(ALL, { owned })), [CUSTOM, REMOTE, REMOTE_V6, RELAY])
    t.strictSame(candidateConnections(resource(attacks, { owned })), [])
  }
})

t.test('a resource with endless connections costs sixteen questions at most', async (t) => {
  const many = Array.from({ length: 500 }, (_, index) =>
    connection(`https://8-8-8-8.aa.plex.direct:${index + 1}`)
  )
  t.equal(candidateConnections(resource(many)).length, 16)
})

/** Answers as the table says: an identifier, after so many milliseconds, or not at all. */
function tableProbe(
  answers: Readonly<Record<string, string | [string, number]>>
): Probe & { asked: string[] } {
  const asked: string[] = []
  const probe: Probe = (uri, _isAllowed, signal) => {
    asked.push(uri)
    const answer = answers[uri]
    if (answer === undefined) return Promise.reject(new Error('away'))
    const [identifier, ms] = typeof answer === 'string' ? [answer, 0] : answer
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms, identifier)
      signal.addEventListener('abort', () => {
        clearTimeout(timer)
        reject(signal.reason)
      })
    })
  }
  return Object.assign(probe, { asked })
}

t.test('the best connection that proves to be the server is chosen', async (t) => {
  const choose = (answers: Parameters<typeof tableProbe>[0], graceMs = 500) =>
    chooseConnection(resource(ALL), { ...HOME, probe: tableProbe(answers), graceMs })
  t.equal(await choose({ [LOCAL.uri]: BOX_ID, [REMOTE.uri]: BOX_ID }), LOCAL)
  t.equal(
    await choose({ [LOCAL.uri]: [BOX_ID, 50], [REMOTE.uri]: BOX_ID }),
    LOCAL,
    'the better one is waited for'
  )
  t.equal(
    await choose({ [LOCAL.uri]: [BOX_ID, 60_000], [REMOTE.uri]: BOX_ID }, 20),
    REMOTE,
    'but not for long'
  )
  t.equal(
    await choose({ [LOCAL.uri]: DEN_ID, [CUSTOM.uri]: BOX_ID }),
    CUSTOM,
    'another server does not count'
  )
  t.equal(await choose({ [RELAY.uri]: BOX_ID }), RELAY)
  await t.rejects(choose({}), { code: 'USHER_UPSTREAM_UNREACHABLE' })
  await t.rejects(choose({ [LOCAL.uri]: DEN_ID, [RELAY.uri]: DEN_ID }), {
    code: 'USHER_UPSTREAM_UNREACHABLE'
  })
  const none = chooseConnection(resource([]), { probe: tableProbe({}) })
  await t.rejects(none, { code: 'USHER_UPSTREAM_UNREACHABLE' })
})

t.test('a relay is asked only when no direct connection answers', async (t) => {
  const direct = tableProbe({ [REMOTE.uri]: BOX_ID, [RELAY.uri]: BOX_ID })
  await chooseConnection(resource(ALL), { probe: direct })
  t.notOk(direct.asked.includes(RELAY.uri))
})

t.test('a connection of the simulator is found by asking, without a token', async (t) => {
  const simulator = await startSimulator()
  const dispatcher = createDispatcher({ connectTimeoutMs: 20_000 })
  t.teardown(async () => {
    await dispatcher.destroy()
    await simulator.close()
  })
  const identity = { product: 'Usher', version: '0.1.0', platform: 'Web', deviceName: 'usher.example' }
  const upstream = createUpstream({
    service: 'plex.tv',
    origin: simulator.plexUrl,
    dispatcher,
    timeoutMs: 60_000
  })
  const plexTv = createPlexTv({ upstream, identity, now: Date.now })
  const token = simulator.tokens.issue('owner', 'browser-1')
  const resources = await plexTv.resources(token, 'browser-1')
  const box = resources.find(({ machineIdentifier }) => machineIdentifier === BOX_ID)
  if (!box) throw new Error('no Box')
  // Only the address that answers: the others are in documentation ranges, which the rule refuses anyway.
  const own = { ...box, connections: box.connections.filter(({ uri }) => uri === simulator.pmsUrl) }
  const probe = createProbe({ timeoutMs: 20_000 })

  t.match(await chooseConnection(own, { probe, allowLoopback: true }), { uri: simulator.pmsUrl })
  await t.rejects(
    chooseConnection(own, { probe }),
    { code: 'USHER_UPSTREAM_UNREACHABLE' },
    'loopback is refused'
  )
  const impostor = { ...own, machineIdentifier: DEN_ID }
  await t.rejects(chooseConnection(impostor, { probe, allowLoopback: true }), {
    code: 'USHER_UPSTREAM_UNREACHABLE'
  })

  simulator.faults.set({
    service: 'pms',
    kind: 'redirect',
    location: `${simulator.pms2Url}/identity`,
    count: 1
  })
  await t.rejects(chooseConnection(own, { probe, allowLoopback: true }), {
    code: 'USHER_UPSTREAM_UNREACHABLE'
  })
  t.strictSame(simulator.received({ service: 'pms2' }), [], 'a redirect is not followed')

  const asked = simulator.received({ service: 'pms' })
  t.ok(
    asked.every(({ url, headers }) => url === '/identity' && !headers.some(([name]) => /token/i.test(name)))
  )
})

t.test('rule 42: a probe is bound by the address rule even where the candidates were not', async (t) => {
  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  const probe = createProbe({ timeoutMs: 20_000 })
  const { signal } = new AbortController()
  const port = new URL(simulator.pmsUrl).port
  for (const host of ['127.0.0.1', 'localhost']) {
    const attempt = probe(`http://${host}:${port}`, addressRule({}), signal)
    await t.rejects(attempt, { code: 'USHER_UPSTREAM_UNREACHABLE' }, host)
  }
  t.strictSame(simulator.received(), [])
})
