import { setTimeout as delay } from 'node:timers/promises'
import { createLruMap } from '../../domain/lru-map.ts'

/** What is known of one PIN here. */
interface Known<T> {
  /** When plex.tv was asked last, epoch ms. */
  readAt: number
  /** The result of that look, while the PIN is not over: an outcome, or the failure that prevented one. */
  last: { readonly outcome: T } | { readonly failure: unknown } | null
  flight: Promise<T> | null
  over: T | null
}

export interface LookOptions {
  /** For this long the last answer is good enough; at least a second. */
  readonly rememberMs: number
}

/**
 * Looks at PINs. plex.tv is asked about each at most once a second, and requests in the meantime share the answer, so
 * that replaying a sign-in cookie a hundred times costs no more than using it once (SECURITY rule 82).
 */
export interface PinLooks<T> {
  /** The outcome of `look`, or a remembered one. Polls use this. */
  poll(pinId: number, look: () => Promise<T>, options: LookOptions): Promise<T>
  /** A current outcome: if plex.tv was asked less than a second ago, waits until it may be asked again. */
  fresh(pinId: number, look: () => Promise<T>): Promise<T>
  /** Settles the PIN: this is its outcome, and plex.tv is not asked again. */
  end(pinId: number, outcome: T): void
  isOver(pinId: number): boolean
  /** Whether plex.tv may be asked outside of looks; if so, it counts as asked. */
  mayAsk(pinId: number): boolean
}

/** PINs known at once: more than are made in the lifetime of one. */
const MAX_PINS = 10_000
const LOOK_EVERY_MS = 1000

export function createPinLooks<T>(now: () => number): PinLooks<T> {
  const pins = createLruMap<number, Known<T>>(MAX_PINS)

  function find(pinId: number): Known<T> {
    const known = pins.get(pinId) ?? {
      readAt: Number.NEGATIVE_INFINITY,
      last: null,
      flight: null,
      over: null
    }
    pins.set(pinId, known)
    return known
  }

  async function run(known: Known<T>, look: () => Promise<T>, waitMs: number): Promise<T> {
    try {
      if (waitMs > 0) await delay(waitMs)
      known.readAt = now()
      const outcome = await look()
      // A PIN that is over contains a session, which nobody else may get.
      known.last = known.over === null ? { outcome } : null
      return outcome
    } catch (failure) {
      known.last = { failure }
      throw failure
    } finally {
      known.flight = null
    }
  }

  return {
    async poll(pinId, look, { rememberMs }) {
      const known = find(pinId)
      if (known.over !== null) return known.over
      if (known.flight !== null) return known.flight
      const age = now() - known.readAt
      const { last } = known
      if (last !== null && 'failure' in last && age < LOOK_EVERY_MS) throw last.failure
      if (last !== null && 'outcome' in last && age < Math.max(rememberMs, LOOK_EVERY_MS)) return last.outcome
      known.flight = run(known, look, 0)
      return known.flight
    },
    async fresh(pinId, look) {
      const known = find(pinId)
      if (known.over !== null) return known.over
      known.flight ??= run(known, look, known.readAt + LOOK_EVERY_MS - now())
      return known.flight
    },
    end(pinId, outcome) {
      find(pinId).over = outcome
    },
    isOver(pinId) {
      const known = pins.get(pinId)
      return known !== undefined && known.over !== null
    },
    mayAsk(pinId) {
      const known = find(pinId)
      const time = now()
      if (known.flight !== null || time - known.readAt < LOOK_EVERY_MS) return false
      known.readAt = time
      return true
    }
  }
}
