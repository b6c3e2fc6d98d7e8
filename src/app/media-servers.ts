import type { Config } from '../config/config.ts'
import { createLruMap } from '../domain/lru-map.ts'
import { addressRule, type ConnectionRules } from '../plex/connections.ts'
import { createDispatcher } from '../plex/dispatcher.ts'
import { createMediaServer, type MediaServer, type MediaServerOptions } from '../plex/media-server.ts'
import type { Presences } from '../plex/presences.ts'
import type { Session } from '../session/session.ts'

export interface MediaServers {
  /** The deployment's server; null if each session picks its own. */
  readonly configured: MediaServer | null
  /** The server of a session; null until one is chosen. */
  of(session: Pick<Session, 'server' | 'role'>): MediaServer | null
  close(): Promise<void>
}

export interface MediaServersOptions {
  readonly config: Pick<Config, 'pms' | 'client' | 'upstreamTimeoutMs'>
  /** Counts all connections to media servers. */
  readonly presences: Presences
  readonly rules: ConnectionRules
  readonly onOutcome: NonNullable<MediaServerOptions['onOutcome']>
}

/** Clients kept for chosen servers; one holds little more than its address. */
const MAX_SERVERS = 1000

/** Identities are short and asked for one by one; a second one covers a question that hangs. */
const IDENTITY_CONNECTIONS = 4

/** The media servers that Usher talks to. Each has one client, which remembers what identity was proven there. */
export function createMediaServers({
  config,
  presences,
  rules,
  onOutcome
}: MediaServersOptions): MediaServers {
  const { pms, client: identity, upstreamTimeoutMs: timeoutMs } = config
  const { ca } = pms
  // Checked at every connection: a name that was proven yesterday may resolve to an internal address today
  // (SECURITY rule 42).
  const guard = pms.url === null ? { isAllowed: addressRule(rules) } : {}
  const dispatcher = createDispatcher({ ca, presences, ...guard })
  const identityDispatcher = createDispatcher({ ca, presences, connections: IDENTITY_CONNECTIONS, ...guard })
  const common = { identity, timeoutMs, presences, dispatcher, identityDispatcher, onOutcome }
  const configured =
    pms.url === null ? null : createMediaServer({ ...common, url: pms.url, machineIdentifier: pms.machineId })
  const chosen = createLruMap<string, MediaServer>(MAX_SERVERS)

  function at(uri: string, machineIdentifier: string): MediaServer {
    const key = JSON.stringify([uri, machineIdentifier])
    const known = chosen.get(key)
    if (known !== undefined) return known
    const server = createMediaServer({ ...common, url: uri, machineIdentifier })
    chosen.set(key, server)
    return server
  }

  return {
    configured,
    of({ server, role }) {
      if (configured !== null) return role === 'none' ? null : configured
      if (server === null || server.uri === null) return null
      return at(server.uri, server.machineIdentifier)
    },
    async close() {
      await Promise.all([dispatcher.destroy(), identityDispatcher.destroy()])
    }
  }
}
