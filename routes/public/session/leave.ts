import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Core } from '../../../src/app/core.ts'

/** Signs this browser out, or every browser of its account. Signing out twice is no error. */
export function leave(
  core: Pick<Core, 'sessionEnds' | 'signIns'>,
  request: FastifyRequest,
  reply: FastifyReply,
  everywhere: boolean
): void {
  const read = request.readSession()
  if (read.open) core.sessionEnds.end(read.live.session, everywhere ? 'logout_everywhere' : 'logout')
  // Leave no sign-in in progress that could sign this browser in again.
  const signIns = request.findSignIns()
  for (const signIn of signIns) void core.signIns.pin.abandon(signIn, [])
  if (signIns.length > 0) reply.setSignIns([])
  reply.clearSessionCookie()
}
