import type { FastifyReply } from 'fastify'
import { Problem } from '../domain/problems.ts'
import type { LiveSession } from '../session/live/live-sessions.ts'
import type { RouteClass } from './policy-table.ts'

type Kind = Exclude<RouteClass, 'api'>

/**
 * Answers that one session may have under way, read or not. The connections to the media server are for everybody:
 * media has 512 in all, and a browser needs one event stream or socket a tab.
 */
const MAX: Readonly<Record<Kind, number>> = { media: 64, event: 256, upgrade: 256 }

export interface Transfers {
  /** Counts one of the session until its client is gone; throws USHER_RATE_LIMITED where that is one too many. */
  enter(reply: FastifyReply, live: LiveSession, kind: Kind): void
}

/** Counts from the request on, not from the answer: those that arrive together count too. */
export function createTransfers(onLimited: () => void): Transfers {
  const open = new WeakMap<LiveSession, Record<Kind, number>>()
  return {
    enter(reply, live, kind) {
      let counts = open.get(live)
      if (counts === undefined) {
        counts = { media: 0, event: 0, upgrade: 0 }
        open.set(live, counts)
      }
      if (counts[kind] >= MAX[kind]) {
        onLimited()
        throw new Problem('USHER_RATE_LIMITED', { retryAfter: 1 })
      }
      // A response that was made for an upgrade has no end of its own.
      const client = kind === 'upgrade' ? reply.request.raw.socket : reply.raw
      if (client.destroyed) return
      counts[kind] += 1
      client.once('close', () => {
        counts[kind] -= 1
      })
    }
  }
}
