import { type Answer, withUnknownFields } from '../answer.ts'
import type { Fault } from '../faults.ts'
import type { SimRequest } from '../request.ts'
import { createRouter } from '../router.ts'
import type { World } from '../world.ts'
import { homeRoutes } from './home.ts'
import { jwtRoutes } from './jwt.ts'
import { legacyRoutes } from './legacy.ts'
import { pageRoutes } from './pages.ts'
import { pinRoutes } from './pins.ts'
import { htmlAnswer, invalidToken, plexError, withPlexHeaders } from './reply.ts'
import { resourceRoutes } from './resources.ts'
import { sharingRoutes } from './sharing.ts'
import { signInRoutes } from './sign-in.ts'

// Fetched by JWT libraries and by `<img>`, which send no client identifier.
const WITHOUT_CLIENT_IDENTIFIER = /^\/api\/v2\/(?:auth\/keys|auth\/nonce|pins\/qr\/.+|geoip)$/

/** plex.tv, clients.plex.tv and app.plex.tv together. */
export function createPlexTv(world: World): (request: SimRequest) => Promise<Answer> {
  const router = createRouter([
    ...pageRoutes(world),
    ...signInRoutes(world),
    ...pinRoutes(world),
    ...resourceRoutes(world),
    ...homeRoutes(world),
    ...sharingRoutes(world),
    ...jwtRoutes(world),
    ...legacyRoutes(world)
  ])
  return async (request) => {
    const plain = await route(request)
    const answer = world.modes.unknownFields ? withUnknownFields(plain) : plain
    return withPlexHeaders(world, notModified(request, withPlexHeaders(world, answer)))
  }

  async function route(request: SimRequest): Promise<Answer> {
    if (request.method === 'OPTIONS') return { status: 204 }
    // Old clients add the format to version 2 paths (`/api/v2/pins.json`).
    const [, path = request.path, format] = /^(\/api\/v2\/.+?)\.(json|xml)$/.exec(request.path) ?? []
    const asked = format === undefined ? request : { ...request, path, wantsJson: format === 'json' }
    const isV2 = path.startsWith('/api/v2/')
    // Checked first, before even an invalid token (reference/plex.md#request-headers).
    if (isV2 && !WITHOUT_CLIENT_IDENTIFIER.test(path) && asked.plex('Client-Identifier') === undefined) {
      return plexError(asked, 1000)
    }
    const found = router.find(request.method, path)
    if (found === 'method') return plexError(asked, 1005)
    if (found === null) return plexError(asked, 1002)
    return found.handler({ ...asked, params: found.params })
  }
}

function notModified(request: SimRequest, answer: Answer): Answer {
  const etag = answer.headers?.['ETag']
  const known = request.headers['if-none-match']
  if (etag === undefined || known !== etag) return answer
  return { status: 304, headers: { ETag: etag } }
}

/** The response of plex.tv, or of the network in front of it, for a fault; null for faults of another kind. */
export function plexFaultAnswer(world: World, request: SimRequest, fault: Fault): Answer | null {
  const answer = faultAnswer(request, fault)
  return answer && withPlexHeaders(world, answer)
}

function faultAnswer(request: SimRequest, fault: Fault): Answer | null {
  switch (fault.kind) {
    case 'status':
      return {
        status: fault.status,
        headers: { 'Content-Type': fault.contentType ?? 'text/html', ...fault.headers },
        body: fault.body ?? ''
      }
    case 'server-error':
      return plexError(request, 1007)
    case 'unavailable':
      return htmlAnswer(
        503,
        '<html><head><title>503</title></head><body><h1>Service Unavailable</h1></body></html>'
      )
    case 'rate-limited':
      return plexError({ ...request, wantsJson: fault.format === 'json' }, 1003)
    case 'invalid-token':
      return invalidToken()
    case 'redirect':
      return { status: fault.status ?? 302, headers: { Location: fault.location } }
    default:
      return null
  }
}
