import type { Core } from '../../src/core.ts'
import { Problem } from '../../src/errors.ts'
import { identityHeaders, toHeaderText } from '../../src/plex/identity.ts'
import type { MediaServer } from '../../src/plex/media-server.ts'
import { createScrubbers } from '../../src/plex/scrub.ts'
import type { ForwardPrincipal } from '../../src/proxy/forward-call.ts'
import type { LiveSession } from '../../src/session/live-sessions.ts'
import type { Session } from '../../src/session/session.ts'

/** A session as the media server sees it; made once per session state and shared by its requests. */
export interface PmsPrincipal extends ForwardPrincipal {
  readonly role: 'owner' | 'home' | 'shared'
  readonly mediaServer: MediaServer
  readonly machineIdentifier: string
  readonly origin: string
  /** Path below which the media server lives, '' for most. */
  readonly basePath: string
}

export interface Principals {
  /** Null where the session has no server, or no token for it. */
  of(live: LiveSession): PmsPrincipal | null
}

type PrincipalsCore = Pick<Core, 'config' | 'live' | 'recheck' | 'revocations' | 'mediaServerOf'>

const CLIENT_IDENTIFIER = 'X-Plex-Client-Identifier'
/** A token answered with 401 is not asked about again so soon: plex.tv would hear of every request of a page. */
const EXPLAIN_EVERY_MS = 5000

/** Everything about a session that forwarding needs, laid out flat once so that a request only copies it. */
export function createPrincipals(core: PrincipalsCore, now: () => number): Principals {
  // By session data, which is immutable: a new role, token or server is a new key.
  const known = new WeakMap<Session, PmsPrincipal | null>()
  const context: PrincipalContext = {
    core,
    now,
    identity: fixedIdentity(core.config.client),
    bases: new WeakMap()
  }
  return {
    of(live) {
      const { session } = live
      let principal = known.get(session)
      if (principal === undefined) {
        principal = create(context, live)
        known.set(session, principal)
      }
      return principal
    }
  }
}

/** What all principals share, worked out once. */
interface PrincipalContext {
  readonly core: PrincipalsCore
  readonly now: () => number
  /** Flat, without what is the session's own. */
  readonly identity: readonly string[]
  readonly bases: WeakMap<MediaServer, Base>
}

type Base = Pick<PmsPrincipal, 'origin' | 'basePath'>

function create(context: PrincipalContext, live: LiveSession): PmsPrincipal | null {
  const { core, now } = context
  const { session } = live
  const { role, server, serverToken } = session
  const mediaServer = core.mediaServerOf(session)
  if (role === 'none' || server === null || serverToken === null || mediaServer === null) return null
  const secrets = [serverToken, session.accountToken]
  if (session.homeAdmin !== null) secrets.push(session.homeAdmin.token)
  return {
    role,
    mediaServer,
    machineIdentifier: server.machineIdentifier,
    ...baseOf(context, mediaServer),
    identity: [
      ...context.identity,
      CLIENT_IDENTIFIER,
      toHeaderText(session.clientIdentifier),
      'X-Plex-Token',
      serverToken
    ],
    createScrubber: createScrubbers(secrets),
    addStream: (kind, abort) => core.live.addStream(live, kind, abort),
    async explainUnauthorized() {
      const upstream = { service: 'pms', status: 401, code: null } as const
      if (now() - live.session.checkedAt > EXPLAIN_EVERY_MS) await core.recheck.run(live)
      if (core.revocations.isRevoked(session)) return new Problem('USHER_SESSION_REVOKED', { upstream })
      // While plex.tv cannot be asked, nobody knows; the session stays.
      if (live.stale) return new Problem('USHER_UPSTREAM_UNREACHABLE', { upstream })
      return new Problem('USHER_SERVER_ACCESS_DENIED', { upstream })
    }
  }
}

function baseOf({ bases }: PrincipalContext, mediaServer: MediaServer): Base {
  let base = bases.get(mediaServer)
  if (base === undefined) {
    const { origin, pathname } = new URL(mediaServer.url)
    base = { origin, basePath: pathname.replace(/\/+$/, '') }
    bases.set(mediaServer, base)
  }
  return base
}

/** `Accept` is the caller's own choice here: a client that wants XML gets XML. */
function fixedIdentity(client: Core['config']['client']): string[] {
  const { Accept: _, [CLIENT_IDENTIFIER]: __, ...headers } = identityHeaders(client, '')
  return Object.entries(headers).flat()
}
