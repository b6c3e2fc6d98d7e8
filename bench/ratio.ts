import type { Util } from './load.ts'

/** A ratio of two contenders: the median of the rounds, and their spread. */
export interface Ratio {
  readonly median: number
  readonly low: number
  readonly high: number
  readonly rounds: number
}

/** Why there is no ratio. */
export interface Refusal {
  readonly refused: string
}

export type Outcome = Ratio | Refusal

/** A figure of one slice, or why it must not be used. */
export type Figure = number | Refusal

export function isRatio(outcome: Outcome): outcome is Ratio {
  return 'median' in outcome
}

/** The middle value, or the mean of the two middle ones. NaN for an empty list. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const [below = Number.NaN, above = Number.NaN] = [sorted[middle - 1], sorted[middle]]
  return sorted.length % 2 === 1 ? above : (below + above) / 2
}

/** Median and extremes of values that are ratios already. */
export function summarize(values: readonly number[]): Outcome {
  if (values.length === 0) return { refused: 'not measured' }
  return {
    median: median(values),
    low: Math.min(...values),
    high: Math.max(...values),
    rounds: values.length
  }
}

/**
 * Round by round, so that a slow minute of the machine affects both sides. Refused when fewer than half of the rounds
 * are sound on both sides, with the reason of the first unsound one.
 */
export function ratioOf(above: readonly Figure[], below: readonly Figure[]): Outcome {
  const rounds = Math.min(above.length, below.length)
  const sound: number[] = []
  let reason = 'not measured'
  for (let round = rounds - 1; round >= 0; round--) {
    const [a, b] = [above[round], below[round]]
    if (typeof a === 'number' && typeof b === 'number') {
      if (b > 0) sound.push(a / b)
    } else {
      reason = (typeof a === 'object' ? a : typeof b === 'object' ? b : undefined)?.refused ?? reason
    }
  }
  return sound.length === 0 || sound.length * 2 < rounds ? { refused: reason } : summarize(sound)
}

/** Null if the proxy was the bottleneck and had its core to itself, else the reason. */
export function unsound(id: string, util: Util, minUtil: number): Refusal | null {
  const share = (value: number): string => `${Math.round(value * 100)} %`
  if (util.proxy >= minUtil) return null
  return util.others > 1 - minUtil
    ? { refused: `another process took ${share(util.others)} of the core of ${id}` }
    : { refused: `${id} was busy for ${share(util.proxy)} of its core only` }
}
