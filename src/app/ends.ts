import type { Config } from '../config/config.ts'
import type { Audit } from '../observe/audit.ts'
import type { Logger } from '../observe/logger.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { MediaServer } from '../plex/media-server.ts'
import type { PlexTv } from '../plex/plex-tv.ts'
import { createSessionEnds, type SessionEnds } from '../session/end.ts'
import type { LiveSessions } from '../session/live/live-sessions.ts'
import type { Revocations } from '../session/live/revocation.ts'
import { createSignOuts, type SignOuts } from '../session/sign-outs.ts'

export interface EndsOptions {
  readonly config: Config
  readonly log: Logger
  readonly audit: Audit
  readonly metrics: Pick<Metrics, 'sessionsEnded'>
  readonly plexTv: PlexTv
  readonly mediaServer: MediaServer | null
  readonly live: LiveSessions
  readonly revocations: Revocations
  readonly now: () => number
}

/** What ends sessions here and at plex.tv, with its log lines, metric and audit event. */
export function createEnds(options: EndsOptions): {
  readonly signOuts: SignOuts
  readonly sessionEnds: SessionEnds
} {
  const { log, audit, metrics, plexTv, mediaServer } = options
  const signOuts = createSignOuts({
    plexTv,
    onFailure(err, attempt, again) {
      if (again) log.warn({ err, attempt }, 'sign-out at plex.tv failed, to be tried again')
      else log.warn({ err, attempt }, 'sign-out at plex.tv failed, given up')
    }
  })
  const sessionEnds = createSessionEnds({
    ...options,
    hasOneServer: mediaServer !== null,
    signOuts,
    onEnd({ account }, reason) {
      metrics.sessionsEnded.inc({ reason })
      audit.note('session.ended', { accountId: account.id, reason })
    }
  })
  return { signOuts, sessionEnds }
}
