import type { MediaServer } from '../plex/media-server.ts'
import type { PlexStatus } from './plex-status.ts'

export interface Dependency {
  readonly name: 'pms' | 'plex.tv' | 'redis' | 'owner token'
  readonly state: 'up' | 'down' | 'unknown' | 'not configured'
  /** ISO 8601; null before the first time. */
  readonly lastSeen: string | null
}

export interface Readiness {
  readonly ready: boolean
  readonly dependencies: readonly Dependency[]
}

export interface ReadinessOptions {
  readonly mediaServer: Pick<MediaServer, 'identity'> | null
  readonly plexStatus: Pick<PlexStatus, 'seenAt' | 'outageSince'>
  /** null when no shared store is configured. */
  readonly sharedStoreUp: () => boolean | null
  /** Whether USHER_PLEX_TOKEN serves; undefined without one, null before its first use. */
  readonly ownerTokenUp: () => boolean | null | undefined
  readonly draining: () => boolean
  readonly now: () => number
}

/** Several probes may call every few seconds; the media server is asked at most this often. */
const FRESH_MS = 2000
/** Whatever hangs, a probe is answered before its own time limit, which is seldom less than two seconds. */
const PROBE_MS = 1500

/**
 * Whether traffic should come here: not while draining, and not without the configured media server. Without plex.tv,
 * the shared store or a living owner's token the instance is degraded but ready, because signed-in people can carry
 * on (reference/http.md#operations).
 */
export function createReadiness(options: ReadinessOptions): () => Promise<Readiness> {
  const { mediaServer, plexStatus, sharedStoreUp, ownerTokenUp, draining, now } = options
  let pms: { readonly at: number; readonly up: Promise<boolean> } | null = null
  let pmsSeenAt: number | null = null

  async function probe(server: Pick<MediaServer, 'identity'>): Promise<boolean> {
    try {
      await server.identity(AbortSignal.timeout(PROBE_MS))
      pmsSeenAt = now()
      return true
    } catch {
      // Down. The upstream metric has counted the outcome of the call.
      return false
    }
  }

  return async () => {
    if (mediaServer !== null && (pms === null || now() - pms.at > FRESH_MS))
      pms = { at: now(), up: probe(mediaServer) }
    const pmsUp = pms === null ? null : await pms.up
    const store = sharedStoreUp()
    const owner = ownerTokenUp()
    const plexState = plexStatus.outageSince !== null ? 'down' : plexStatus.seenAt === null ? 'unknown' : 'up'
    return {
      ready: !draining() && pmsUp !== false,
      dependencies: [
        { name: 'pms', state: toState(pmsUp), lastSeen: toTime(pmsSeenAt) },
        { name: 'plex.tv', state: plexState, lastSeen: toTime(plexStatus.seenAt) },
        { name: 'redis', state: toState(store), lastSeen: null },
        ...(owner === undefined
          ? []
          : [{ name: 'owner token' as const, state: toOwnerState(owner), lastSeen: null }])
      ]
    }
  }
}

function toOwnerState(up: boolean | null): Dependency['state'] {
  return up === null ? 'unknown' : toState(up)
}

function toState(up: boolean | null): Dependency['state'] {
  return up === null ? 'not configured' : up ? 'up' : 'down'
}

function toTime(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString()
}
