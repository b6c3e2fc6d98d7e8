import type { Answer } from '../answer.ts'
import type { SimRequest } from '../request.ts'
import type { Handler } from '../router.ts'
import type { AccountToken } from '../tokens.ts'
import type { World } from '../world.ts'
import { invalidToken, plexError } from './reply.ts'

export type CallerHandler = (request: SimRequest, caller: AccountToken) => Answer | Promise<Answer>

/** Requires a live account token; others get 401/1001, or the 422 variant. */
export function withCaller(world: World, handler: CallerHandler): Handler {
  return (request) => {
    const token = request.plex('Token')
    const caller = world.tokens.find(token)
    if (!caller) {
      return token !== undefined && world.modes.deadToken === 422 ? invalidToken() : plexError(request, 1001)
    }
    const jwt = world.jwt.read(caller.token)
    if (jwt && jwt.exp * 1000 <= world.clock.now()) {
      return plexError(request, 1001, { status: 498, message: 'Token Expired' })
    }
    caller.device.lastSeenAt = world.clock.now()
    return handler(request, caller)
  }
}
