/** The simulator's time in epoch milliseconds; `advance` and `set` change it. */
export interface Clock {
  now(): number
  advance(ms: number): void
  set(epochMs: number): void
}

export function createClock(base: () => number): Clock {
  let offsetMs = 0
  return {
    now: () => base() + offsetMs,
    advance: (ms) => {
      offsetMs += ms
    },
    set: (epochMs) => {
      offsetMs = epochMs - base()
    }
  }
}
