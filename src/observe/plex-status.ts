import type { UpstreamOutcome } from '../plex/upstream.ts'

/** Whether plex.tv answers, learned from the calls that are made anyway. */
export interface PlexStatus {
  observe(outcome: UpstreamOutcome): void
  /** Epoch ms of its last response, null before the first. */
  readonly seenAt: number | null
  /** Epoch ms of the first failure since its last response, null while it answers. */
  readonly outageSince: number | null
}

export function createPlexStatus(now: () => number): PlexStatus {
  let seenAt: number | null = null
  let outageSince: number | null = null
  return {
    observe(outcome) {
      if (outcome === 'ok' || outcome === 'refused') {
        seenAt = now()
        outageSince = null
      } else if (outcome === 'failed' || outcome === 'timeout' || outcome === 'unreachable')
        outageSince ??= now()
    },
    get seenAt() {
      return seenAt
    },
    get outageSince() {
      return outageSince
    }
  }
}
