import type { Sample } from './book.ts'

export interface Growth {
  readonly instance: string
  /** Bytes of heap after a collection: the middle of the second quarter's samples, and of the last quarter's. */
  readonly before: number
  readonly after: number
  readonly isFlat: boolean
}

/** Caches fill up and code is compiled in the first quarter. */
const WARM = 0.25
/** What a heap may gain afterwards: this, or a tenth. */
const ALLOWED = 6_000_000

/** Whether a process keeps growing; null with too few samples to tell. */
export function growthOf(instance: string, samples: readonly Sample[]): Growth | null {
  const heaps = samples.filter((each) => each.instance === instance).map(({ memory }) => memory.heapUsed)
  const warm = heaps.slice(Math.ceil(heaps.length * WARM))
  if (warm.length < 6) return null
  const third = Math.floor(warm.length / 3)
  const [before, after] = [median(warm.slice(0, third)), median(warm.slice(-third))]
  return { instance, before, after, isFlat: after - before <= Math.max(ALLOWED, before / 10) }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
