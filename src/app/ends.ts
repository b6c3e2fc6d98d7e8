import { createSessionEnds, type SessionEnds } from '../session/end.ts'
import { createSignOuts, type SignOuts } from '../session/sign-outs.ts'
import type { Core } from './core.ts'

export type EndsOptions = Pick<Core, 'config' | 'log' | 'audit' | 'metrics' | 'plexTv' | 'mediaServer'> &
  Pick<Core, 'live' | 'revocations' | 'now'>

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
