import type { UpstreamOutcome } from '../plex/upstream.ts'

/** Whether plex.tv answers, learned from the calls that are made anyway. */
export interface PlexStatus {
  observe(outcome: UpstreamOutcome): void
  /** Epoch ms of its last response, null before the first. */
  readonly seenAt: number | null
  /** Epoch ms of the first failure since its last response, null while it answers. */
  readonly outageSince: number | null
}

/** An outage that begins within this time of one that was reported is the same to the owner. */
const QUIET_MS = 5 * 60_000

export interface PlexStatusOptions {
  /** Called when plex.tv stops answering. */
  readonly onOutage: (outcome: UpstreamOutcome) => void
  readonly now: () => number
}

export function createPlexStatus({ onOutage, now }: PlexStatusOptions): PlexStatus {
  let reportedAt = Number.NEGATIVE_INFINITY
  let seenAt: number | null = null
  let outageSince: number | null = null
  return {
    observe(outcome) {
      if (outcome === 'ok' || outcome === 'refused') {
        seenAt = now()
        outageSince = null
        return
      }
      if (outcome !== 'failed' && outcome !== 'timeout' && outcome !== 'unreachable') return
      const time = now()
      if (outageSince === null && Math.abs(time - reportedAt) > QUIET_MS) {
        reportedAt = time
        onOutage(outcome)
      }
      outageSince ??= time
    },
    get seenAt() {
      return seenAt
    },
    get outageSince() {
      return outageSince
    }
  }
}
