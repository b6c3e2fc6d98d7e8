import { setTimeout as delay } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'

/** What is known of one PIN here. */
interface Known<T> {
  /** When plex.tv was asked last, epoch ms. */
  readAt: number
  /** What came of it where the PIN was not over: an outcome, or the failure that kept from one. */
  last: { readonly outcome: T } | { readonly failure: unknown } | null
  flight: Promise<T> | null
  over: T | null
}

export interface LookOptions {
  /** Within this time the last answer will do; at least a second. */
  readonly rememberMs: number
}

/**
 * Looks at PINs: plex.tv is asked once a second for each at most, and all who ask in the meantime share that look, so
 * that a sign-in cookie which is replayed a hundred times costs no more than one (SECURITY rule 82).
 */
export interface PinLooks<T> {
  /** The outcome of `look`, or a remembered one. Polls use this. */
  poll(pinId: number, look: () => Promise<T>, options: LookOptions): Promise<T>
  /** An outcome of now: waits until plex.tv may be asked again where it was asked less than a second ago. */
  fresh(pinId: number, look: () => Promise<T>): Promise<T>
  /** Nothing is asked about the PIN from now on: this is its outcome. */
  end(pinId: number, outcome: T): void
  isOver(pinId: number): boolean
  /** Whether plex.tv may be asked beside the looks; if so it counts as asked. */
  mayAsk(pinId: number): boolean
}

/** PINs known at once: more than are made within the life of one. */
const MAX_PINS = 10_000
const LOOK_EVERY_MS = 1000

export function createPinLooks<T>(now: () => number): PinLooks<T> {
  const pins = new LRUCache<number, Known<T>>({ max: MAX_PINS })

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
      // One that ended holds a session, which is nobody else's.
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
