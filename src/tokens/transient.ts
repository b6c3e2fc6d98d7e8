import { Problem } from '../domain/problems.ts'
import type { MediaServer } from '../plex/media-server.ts'
import type { LiveSession } from '../session/live/live-sessions.ts'
import { endCheckOf, type Standings, toStandingProblem } from '../session/standing.ts'
import type { ServiceTurns } from './service-turns.ts'
import type { Service } from './services.ts'
import type { Subject } from './subject.ts'

/** A transient token lives at most 48 hours (reference/plex.md#tokens). */
export const TRANSIENT_TTL_MS = 172_800_000

export interface Transient {
  readonly token: string
  /** Epoch ms. A restart of the media server ends it sooner. */
  readonly expiresAt: number
}

export interface Transients {
  /** A fresh transient token for the subject from its proven server. Throws the problem that a refusal means. */
  issue(service: Service, subject: Subject, mediaServer: MediaServer): Promise<Transient>
}

export interface TransientsOptions {
  readonly standings: Pick<Standings, 'ask' | 'hasEnded'>
  readonly turns: ServiceTurns
  readonly now: () => number
}

/**
 * Transient tokens are not cached. A cached one dies unnoticed when the media server restarts, and checking it costs
 * the same one call as a fresh one. Only calls in progress are shared, keyed by everything that distinguishes them.
 */
export function createTransients({ standings, turns, now }: TransientsOptions): Transients {
  const underWay = new Map<string, Promise<Transient>>()

  async function create({ live, owner }: Subject, mediaServer: MediaServer): Promise<Transient> {
    const askedAt = now()
    try {
      const token = await ask(live, mediaServer)
      return { token, expiresAt: askedAt + TRANSIENT_TTL_MS }
    } catch (error) {
      if (owner || !isDenied(error)) throw error
      // Only plex.tv knows whether the token is dead, the access is lost, or the server has another token by now.
      const before = live.session.serverToken
      const standing = await standings.ask(live)
      if (standing === 'unknown') throw new Problem('USHER_UPSTREAM_UNREACHABLE', { cause: error })
      const problem = toStandingProblem(standing)
      if (problem !== null) throw problem
      if (live.session.serverToken === before) throw error
      return { token: await ask(live, mediaServer), expiresAt: askedAt + TRANSIENT_TTL_MS }
    }
  }

  async function ask(live: LiveSession, mediaServer: MediaServer): Promise<string> {
    const { server, serverToken, clientIdentifier } = live.session
    if (server === null || serverToken === null) throw new Problem('USHER_SERVER_ACCESS_DENIED')
    // No token goes to a server before it has proven its identity (SECURITY rule 42).
    await mediaServer.verifyIdentity(server.machineIdentifier)
    return mediaServer.createTransientToken(serverToken, clientIdentifier, endCheckOf(standings, live))
  }

  return {
    async issue(service, subject, mediaServer) {
      const { session } = subject.live
      // As JSON, because joined texts are ambiguous (SECURITY rule 25).
      const key = JSON.stringify([
        session.id,
        session.account.id,
        session.server?.machineIdentifier,
        service.id,
        'transient',
        'all'
      ])
      let call = underWay.get(key)
      if (call === undefined) {
        call = turns.take(service, () => create(subject, mediaServer)).finally(() => underWay.delete(key))
        underWay.set(key, call)
      }
      const transient = await call
      // Signed out while the server answered: the token is not handed over (SECURITY rule 85).
      if (standings.hasEnded(subject.live.session)) throw new Problem('USHER_SESSION_REVOKED')
      return transient
    }
  }
}

function isDenied(error: unknown): boolean {
  return error instanceof Problem && error.code === 'USHER_SERVER_ACCESS_DENIED'
}
