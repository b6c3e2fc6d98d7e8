import type { Answer } from '../answer.ts'
import type { JsonObject } from '../json.ts'
import { jsonAnswer } from '../plex/reply.ts'
import type { SimRequest } from '../request.ts'
import type { Route } from '../router.ts'
import { DEN_ID, type SimServer } from '../servers.ts'
import type { World } from '../world.ts'
import type { Callers } from './caller.ts'
import { container, pmsError } from './reply.ts'

const DEN_HASH = '93b10b279ff8456686414add109854cd'

/** Transient tokens and source connections (reference/plex.md#transient-tokens and #source-connections). */
export function securityRoutes(world: World, server: SimServer, callers: Callers): Route[] {
  const refuse = (status: 400 | 403): Answer =>
    world.modes.legacyErrors ? legacyError(status) : pmsError(status)
  const token = (request: SimRequest): Answer => {
    const verb = request.method.toLowerCase()
    if (world.modes.securityVerbs !== 'any' && world.modes.securityVerbs !== verb) return pmsError(405)
    const caller = callers.identify(request)
    if (!caller) return refuse(403)
    if (request.query.get('type') !== 'delegation' || request.query.get('scope') !== 'all') return refuse(400)
    // An unclaimed server has no account to delegate for.
    if (!server.claimed) return container(request, { size: 0 })
    return container(request, { size: 0, token: callers.issueTransient(caller) })
  }
  const resources = (request: SimRequest): Answer => {
    const caller = callers.identify(request)
    if (caller?.role !== 'admin') return refuse(403)
    const match = /^(server|provider):\/\/(.+)$/.exec(request.query.get('source') ?? '')
    if (!match) return refuse(400)
    const device = sourceDevice(world, match[2] ?? '')
    if (!device) return refuse(400)
    // In XML both are one Device element.
    const list = world.modes.device === 'array'
    return container(request, { size: 1, Device: list ? [device] : device })
  }
  return [
    ['*', '/security/token', token],
    ['GET', '/security/resources', resources]
  ]
}

function legacyError(status: 400 | 403): Answer {
  return status === 400
    ? jsonAnswer(400, {
        errors: [{ code: 1000, message: 'X-Plex-Client-Identifier is missing', status: 400 }]
      })
    : jsonAnswer(401, { errors: [{ code: 1001, message: 'User could not be authenticated', status: 401 }] })
}

function sourceDevice(world: World, identifier: string): JsonObject | null {
  const server = world.servers.byMachine(identifier)
  if (!server) return null
  const owner = world.accounts.get(server.owner)
  const connections =
    identifier === DEN_ID ? DEN_SOURCE : server.connections.map(({ IPv6: _, ...connection }) => connection)
  return {
    name: `${server.name} (${owner.username})`,
    clientIdentifier: identifier,
    accessToken: world.secrets.mintTransient(),
    Connection: connections
  }
}

const DEN_SOURCE: JsonObject[] = [
  {
    protocol: 'https',
    address: '10.0.2.123',
    uri: `https://10-0-2-123.${DEN_HASH}.plex.direct:32400`,
    port: 32400,
    local: true
  },
  {
    protocol: 'https',
    address: '198.51.100.9',
    uri: `https://198-51-100-9.${DEN_HASH}.plex.direct:8443`,
    port: 8443,
    local: false,
    relay: true
  }
]
