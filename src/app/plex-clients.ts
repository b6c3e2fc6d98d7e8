import type { Config } from '../config/config.ts'
import { createDispatcher } from '../plex/dispatcher.ts'
import { createPlexTv, type PlexTv } from '../plex/plex-tv.ts'
import { createUpstream, type UpstreamOptions } from '../plex/upstream.ts'

/**
 * plex.tv answers quickly or not at all, and nobody should wait longer for a sign-in (`USHER_UPSTREAM_TIMEOUT` in
 * docs/configuration.md).
 */
const PLEX_TIMEOUT_MS = 10_000

export interface PlexClientsOptions {
  readonly config: Config
  readonly onOutcome: NonNullable<UpstreamOptions['onOutcome']>
  readonly now: () => number
}

/** The client of plex.tv, with a pool for Usher's own calls and one for those of browsers. */
export function createPlexClients({ config, onOutcome, now }: PlexClientsOptions): {
  readonly plexTv: PlexTv
  readonly timeoutMs: number
  close(): Promise<unknown>
} {
  const own = createDispatcher({})
  const browsers = createDispatcher({})
  const timeoutMs = Math.min(PLEX_TIMEOUT_MS, config.upstreamTimeoutMs)
  const connect = (dispatcher: ReturnType<typeof createDispatcher>, origin: string) =>
    createUpstream({ service: 'plex.tv', dispatcher, onOutcome, origin, timeoutMs })
  const plexTv = createPlexTv({
    upstream: connect(own, config.plexUrl),
    clients: connect(own, config.plexClientsUrl),
    browsers: connect(browsers, config.plexUrl),
    identity: config.client,
    now
  })
  return { plexTv, timeoutMs, close: () => Promise.all([own.destroy(), browsers.destroy()]) }
}
