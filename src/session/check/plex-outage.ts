import { Problem, type ProblemCode } from '../../domain/problems.ts'

/** What failed re-checks say about plex.tv, for the sessions that are still to be checked. */
export interface PlexOutage {
  /** Calls that plex.tv did not answer. */
  readonly unanswered: number
  /** Whether plex.tv was away for any session within the last `ms`. */
  isAway(time: number, ms: number): boolean
  /** Whether plex.tv asked for a pause. It counts for every session, not only for the one that got the response. */
  isPaused(time: number): boolean
  learn(error: unknown, at: number): void
  /** plex.tv answers again. */
  end(): void
}

/** The longest pause that plex.tv may ask for. */
const MAX_PAUSE_MS = 3_600_000
/** Failures that concern every session, not one account. */
const AWAY: readonly ProblemCode[] = [
  'USHER_UPSTREAM_UNREACHABLE',
  'USHER_UPSTREAM_TIMEOUT',
  'USHER_PLEX_LIMITED'
]

export function createPlexOutage(now: () => number): PlexOutage {
  let unanswered = 0
  /** When the last failed call was made, epoch ms; null once plex.tv answers again. */
  let awayAt: number | null = null
  let pausedUntil = 0
  return {
    get unanswered() {
      return unanswered
    },
    isAway: (time, ms) => awayAt !== null && time >= awayAt && time - awayAt < ms,
    isPaused: (time) => time < pausedUntil && pausedUntil <= time + MAX_PAUSE_MS,
    learn(error, at) {
      if (!(error instanceof Problem)) return
      if (AWAY.includes(error.code)) {
        unanswered += 1
        awayAt = now()
      }
      if (error.code === 'USHER_PLEX_LIMITED')
        pausedUntil = at + Math.min((error.retryAfter ?? 0) * 1000, MAX_PAUSE_MS)
    },
    end() {
      awayAt = null
    }
  }
}
