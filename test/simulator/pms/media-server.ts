import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { AccountKey } from '../accounts.ts'
import { type Answer, withUnknownFields } from '../answer.ts'
import type { Fault } from '../faults.ts'
import type { SimRequest } from '../request.ts'
import { createRouter } from '../router.ts'
import type { SimServer } from '../servers.ts'
import type { World } from '../world.ts'
import { administrationRoutes } from './administration.ts'
import { createCallers } from './caller.ts'
import { createCatalogue } from './catalogue.ts'
import { dashRoutes } from './dash.ts'
import { hubRoutes } from './hubs.ts'
import { libraryRoutes } from './library.ts'
import { createNotifications, type Notifications } from './notifications.ts'
import { partRoutes } from './parts.ts'
import { personalRoutes } from './personal.ts'
import { photoRoutes } from './photos.ts'
import { type PlayQueue, playbackRoutes } from './playback.ts'
import { createPlaybackState, type WatchState } from './playback-state.ts'
import { pmsError, withPmsHeaders } from './reply.ts'
import { rootRoutes } from './root.ts'
import { securityRoutes } from './security.ts'
import { type Transcode, transcodeRoutes } from './transcode.ts'

/** One Plex Media Server. */
export interface PmsService {
  answer(request: SimRequest): Promise<Answer>
  faultAnswer(request: SimRequest, fault: Fault): Answer | null
  upgrade(message: IncomingMessage, socket: Duplex, head: Buffer, request: SimRequest): void
  readonly notifications: Notifications
  watched(account: AccountKey, ratingKey: string): WatchState
  transcodes(): Transcode[]
  /** Transient tokens die, streams and transcodes end, and plex.tv is asked about every token again. */
  restart(): void
}

export function createPms(world: World, server: SimServer, serverUrl: () => string): PmsService {
  const callers = createCallers(world, server)
  const catalogue = createCatalogue(server.name)
  const playback = createPlaybackState()
  const running = new Map<string, Transcode>()
  const queues = new Map<number, PlayQueue>()
  const notifications = createNotifications(world, callers)
  const library = { world, callers, catalogue, playback, serverUrl }
  const router = createRouter([
    ...rootRoutes(world, server, callers),
    ...securityRoutes(world, server, callers),
    ...playbackRoutes({ ...library, queues }),
    ...notifications.routes,
    ...photoRoutes(world, callers, catalogue),
    ...personalRoutes(callers, catalogue, playback),
    ...partRoutes(callers, catalogue),
    ...dashRoutes(callers, catalogue),
    ...transcodeRoutes(callers, catalogue, playback, running),
    ...libraryRoutes(library),
    ...administrationRoutes({ world, server, callers, catalogue, running, playback })
  ])
  const small = createRouter(hubRoutes(library))
  const route = async (request: SimRequest): Promise<Answer> => {
    if (request.method === 'OPTIONS') return PREFLIGHT
    const own = world.modes.library === 'small' ? small.find(request.method, request.path) : null
    const found = own ?? router.find(request.method, request.path)
    if (found === null || found === 'method') return pmsError(callers.identify(request) ? 404 : 401, request)
    return found.handler({ ...request, params: found.params })
  }
  return {
    answer: async (request) => {
      const answer = await route(request)
      return withPmsHeaders(request, world.modes.unknownFields ? withUnknownFields(answer) : answer)
    },
    faultAnswer: (request, fault) => {
      const answer = faultAnswer(fault)
      return answer && withPmsHeaders(request, answer)
    },
    upgrade: notifications.upgrade,
    notifications,
    watched: (account, ratingKey) => ({ ...playback.of(world.accounts.get(account).id, ratingKey) }),
    transcodes: () => [...running.values()],
    restart: () => {
      callers.restart()
      running.clear()
      notifications.end()
    }
  }
}

const PREFLIGHT: Answer = {
  status: 200,
  headers: {
    'Access-Control-Allow-Methods': 'POST, GET, OPTIONS, DELETE, PUT, HEAD',
    'Access-Control-Max-Age': '1209600',
    'Access-Control-Expose-Headers': 'Location'
  },
  body: ''
}

function faultAnswer(fault: Fault): Answer | null {
  switch (fault.kind) {
    case 'status': {
      const page = pmsError(fault.status)
      const type = fault.contentType === undefined ? {} : { 'Content-Type': fault.contentType }
      return {
        ...page,
        headers: { ...page.headers, ...type, ...fault.headers },
        body: fault.body ?? page.body ?? ''
      }
    }
    case 'server-error':
      return pmsError(500)
    case 'unavailable':
      return pmsError(503)
    case 'rate-limited':
      return pmsError(509)
    case 'invalid-token':
      return pmsError(401)
    case 'redirect':
      return { status: fault.status ?? 302, headers: { Location: fault.location }, body: '' }
    default:
      return null
  }
}
