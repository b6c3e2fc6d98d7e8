import type { RouteClass } from './policy-table.ts'

/** How slow a client may be (SECURITY rule 72): in every window it takes so many bytes, while there are any to take. */
export interface Pace {
  readonly windowMs: number
  readonly leastBytes: number
}

/**
 * How many times the time limit a body of media may pause, on either side: a transcoder writes as it goes, people
 * pause.
 */
const MEDIA_PAUSE = 20
/** Bytes a second, on average over a window. Music at its lowest rate, paused half of the time, takes more. */
const LEAST_RATE = 4096
const LEAST_MEDIA_RATE = 1024

export function paceOf(kind: RouteClass, timeoutMs: number): Pace {
  const isMedia = kind === 'media'
  const windowMs = isMedia ? timeoutMs * MEDIA_PAUSE : timeoutMs
  return { windowMs, leastBytes: ((isMedia ? LEAST_MEDIA_RATE : LEAST_RATE) * windowMs) / 1000 }
}

/**
 * Milliseconds that the upstream may pause within a body; 0 for no limit, since an event stream may be silent for
 * hours.
 */
export function bodyTimeoutOf(kind: RouteClass, timeoutMs: number): number {
  return kind === 'event' ? 0 : kind === 'media' ? timeoutMs * MEDIA_PAUSE : timeoutMs
}
