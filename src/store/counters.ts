import { createLruMap } from '../domain/lru-map.ts'

/** How often something happened in the current window, and the rest of that window in ms; 0 and 0 for never. */
export interface Count {
  readonly current: number
  readonly ttl: number
}

/** Counts by key, in fixed windows that begin with the first count. Neither call ever fails. */
export interface Counters {
  add(key: string, windowMs: number): Promise<Count>
  read(key: string, windowMs: number): Promise<Count>
}

export interface LocalCounters {
  add(key: string, windowMs: number): Count
  read(key: string): Count
  /** Restores an earlier count; `endsAt` in epoch ms. */
  resume(key: string, current: number, endsAt: number): void
}

interface Window {
  current: number
  readonly endsAt: number
}

/** Keys remembered, so that a million addresses do not fill the memory (SECURITY rule 66). */
const MAX_KEYS = 20_000

/** Counters of this process. With too many keys, the least recently used one is dropped. */
export function createLocalCounters(now: () => number, max = MAX_KEYS): LocalCounters {
  const windows = createLruMap<string, Window>(max)

  function find(key: string): Window | undefined {
    const window = windows.get(key)
    return window !== undefined && window.endsAt > now() ? window : undefined
  }

  return {
    add(key, windowMs) {
      const window = find(key) ?? { current: 0, endsAt: now() + windowMs }
      window.current += 1
      windows.set(key, window)
      return { current: window.current, ttl: window.endsAt - now() }
    },
    read(key) {
      const window = find(key)
      return window === undefined
        ? { current: 0, ttl: 0 }
        : { current: window.current, ttl: window.endsAt - now() }
    },
    resume: (key, current, endsAt) => void windows.set(key, { current, endsAt })
  }
}
