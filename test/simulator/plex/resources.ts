import type { SimAccount } from '../accounts.ts'
import type { Json, JsonObject } from '../json.ts'
import type { SimRequest } from '../request.ts'
import type { Route } from '../router.ts'
import type { Connection, SimServer } from '../servers.ts'
import type { AccountToken } from '../tokens.ts'
import type { World } from '../world.ts'
import { toXml } from '../xml.ts'
import { withCaller } from './caller.ts'
import { plexError, plexReply, xmlAnswer } from './reply.ts'

interface Access {
  readonly server: SimServer
  readonly owned: boolean
  readonly accessToken: string
}

/** Resources, new and old (reference/plex.md#resources). */
export function resourceRoutes(world: World): Route[] {
  return [
    [
      'GET',
      '/api/v2/resources',
      withCaller(world, (request, caller) => {
        const servers = accessOf(world, caller).map((access) =>
          serverEntry(world, request, caller.account, access)
        )
        return plexReply(request, 200, 'resources', [...servers, ...players(caller.account)])
      })
    ],
    [
      'GET',
      '/api/resources',
      withCaller(world, (request, caller) => legacyResources(world, request, caller))
    ],
    ['GET', '/pms/servers.xml', withCaller(world, (_request, caller) => legacyServers(world, caller))],
    [
      'GET',
      '/api/v2/servers/{machineId}',
      withCaller(world, (request, caller) => {
        const wanted = request.params['machineId']
        const access = accessOf(world, caller).find(({ server }) => server.machineIdentifier === wanted)
        return access ? plexReply(request, 200, 'server', serverDetails(access)) : plexError(request, 1002)
      })
    ],
    [
      'DELETE',
      '/api/servers/{machineId}',
      withCaller(world, (request, { account }) =>
        world.servers.removeShare(account.key, request.params['machineId'] ?? '')
          ? { status: 204 }
          : plexError(request, 1002)
      )
    ]
  ]
}

/** The servers that the caller may use, with its token for each: its own for owned ones, the share's for others. */
function accessOf(world: World, { account, token }: AccountToken): Access[] {
  return world.servers.all.flatMap((server): Access[] => {
    if (server.owner === account.key)
      return server.claimed ? [{ server, owned: true, accessToken: token }] : []
    const share = world.servers.share(account, server)
    return share && !share.pending ? [{ server, owned: false, accessToken: share.token }] : []
  })
}

function serverEntry(
  world: World,
  request: SimRequest,
  account: SimAccount,
  { server, owned, accessToken }: Access
): JsonObject {
  const owner = world.accounts.get(server.owner)
  return {
    name: server.name,
    product: 'Plex Media Server',
    productVersion: server.version,
    platform: 'Linux',
    platformVersion: '6.1.0',
    device: 'Docker Container',
    clientIdentifier: server.machineIdentifier,
    createdAt: '2021-01-01T12:12:24Z',
    lastSeenAt: '2026-11-24T16:43:34Z',
    provides: 'server',
    ownerId: owned ? null : owner.id,
    sourceTitle: owned ? null : owner.username,
    publicAddress: '203.0.113.7',
    accessToken,
    owned,
    home: !owned && account.home !== null && owner.home !== null,
    synced: false,
    relay: true,
    presence: server.presence,
    httpsRequired: server.httpsRequired,
    publicAddressMatches: false,
    dnsRebindingProtection: false,
    natLoopbackSupported: false,
    connections: wantedConnections(request, server).map((connection): JsonObject => ({ ...connection }))
  }
}

function wantedConnections(request: SimRequest, server: SimServer): Connection[] {
  const wants = (flag: string): boolean => request.query.get(flag) === '1'
  return server.connections.filter(
    (connection) =>
      (wants('includeHttps') || !connection.uri.includes('.plex.direct')) &&
      (wants('includeRelay') || !connection.relay) &&
      (wants('includeIPv6') || !connection.IPv6)
  )
}

function players(account: SimAccount): JsonObject[] {
  if (account.key !== 'owner') return []
  return [
    {
      name: 'Chrome',
      product: 'Plex Web',
      productVersion: '4.120.0',
      platform: 'Chrome',
      platformVersion: '130.0',
      device: 'OSX',
      clientIdentifier: 'plexweb-sim',
      createdAt: '2024-01-03T19:00:03Z',
      lastSeenAt: '2026-11-24T16:00:00Z',
      provides: 'client,player,pubsub-player',
      ownerId: null,
      sourceTitle: null,
      publicAddress: '203.0.113.7',
      accessToken: null,
      owned: true,
      home: false,
      synced: false,
      relay: false,
      presence: true,
      httpsRequired: false,
      publicAddressMatches: true,
      dnsRebindingProtection: false,
      natLoopbackSupported: false,
      connections: []
    }
  ]
}

function legacyResources(world: World, request: SimRequest, caller: AccountToken) {
  const devices = accessOf(world, caller).map((access): JsonObject => {
    const { connections, createdAt, lastSeenAt, ...entry } = serverEntry(
      world,
      request,
      caller.account,
      access
    )
    return {
      ...entry,
      createdAt: epochSeconds(createdAt),
      lastSeenAt: epochSeconds(lastSeenAt),
      Connection: (connections as readonly Json[]) ?? []
    }
  })
  return xmlAnswer(200, toXml('MediaContainer', { size: devices.length, Device: devices }, 'flat'))
}

function legacyServers(world: World, caller: AccountToken) {
  const servers = accessOf(world, caller).map(({ server, owned, accessToken }): JsonObject => {
    const [first] = server.connections
    return {
      accessToken,
      name: server.name,
      address: first?.address ?? '',
      port: first?.port ?? 32400,
      version: server.version,
      scheme: first?.protocol ?? 'http',
      host: first?.address ?? '',
      localAddresses: '172.18.0.3',
      machineIdentifier: server.machineIdentifier,
      createdAt: 1_609_503_144,
      updatedAt: 1_732_460_000,
      owned,
      synced: false
    }
  })
  const head = { friendlyName: 'myPlex', identifier: 'com.plexapp.plugins.myplex', size: servers.length }
  return xmlAnswer(200, toXml('MediaContainer', { ...head, Server: servers }, 'flat'))
}

function serverDetails({ server, owned }: Access): JsonObject {
  const [first] = server.connections
  return {
    name: server.name,
    address: first?.address ?? '',
    port: first?.port ?? 32400,
    version: server.version,
    scheme: first?.protocol ?? 'http',
    synced: false,
    owned,
    localAddresses: '172.18.0.3',
    machineIdentifier: server.machineIdentifier,
    createdAt: 1_609_503_144,
    updatedAt: 1_732_460_000,
    librarySections: [
      { id: 10_001, key: 1, title: 'Movies', type: 'movie' },
      { id: 10_002, key: 2, title: 'Shows', type: 'show' }
    ]
  }
}

function epochSeconds(iso: Json | undefined): number {
  return Math.floor(Date.parse(String(iso)) / 1000)
}
