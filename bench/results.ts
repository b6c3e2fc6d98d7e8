import type { Sample } from './load.ts'
import type { MemorySample } from './memory.ts'
import type { PartSample } from './part.ts'
import { type Figure, type Outcome, ratioOf, unsound } from './ratio.ts'
import type { Samples } from './rounds.ts'

/** Everything that one run measured, absolute; kept beside the ratios so that they can be checked. */
export interface Results {
  readonly command: string
  readonly date: string
  readonly machine: Readonly<Record<string, string>>
  readonly minUtil: number
  /** What fell away, and why. */
  readonly notes: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly small: Samples<Sample>
  readonly large: Samples<Sample>
  readonly single: Samples<Sample>
  readonly part: Samples<PartSample>
  readonly memory: Readonly<Record<string, MemorySample>>
  /** Usher with one session (all hits of its cache), and with another session for each request. */
  readonly sessions: Samples<Sample>
  /** Milliseconds to the first answer, start by start. */
  readonly starts: Readonly<Record<string, readonly number[]>>
}

type Saturated = 'small' | 'large' | 'sessions'

/** One figure of a saturated mode, round by round, with unsound slices left out by name. */
export function saturated(
  results: Results,
  mode: Saturated,
  id: string,
  pick: (sample: Sample) => number
): Figure[] {
  return (results[mode][id] ?? []).map((sample) => unsound(id, sample.util, results.minUtil) ?? pick(sample))
}

/** CPU per request of one contender over that of another. */
export function cpuRatio(results: Results, mode: Saturated, above: string, below: string): Outcome {
  const pick = (sample: Sample): number => sample.cpuPerRequest
  return ratioOf(saturated(results, mode, above, pick), saturated(results, mode, below, pick))
}

/**
 * MB/s of the part over that of the base, at the least. One connection does not keep a proxy busy that is about as fast
 * as the load's core, so the base is counted with what it would do with the whole of its own.
 */
export function throughputRatio(results: Results, id: string, base: string): Outcome {
  const figures = (of: string, full: boolean): Figure[] =>
    (results.part[of] ?? []).map(
      ({ util, bytesPerSecond }) =>
        unsound(of, util, 0) ?? bytesPerSecond / (full ? Math.min(1, util.proxy) : 1)
    )
  return ratioOf(figures(id, false), figures(base, true))
}

/** CPU per gigabyte of the part over the base's; what was not busy costs no CPU, so no share is asked for. */
export function partCostRatio(results: Results, id: string, base: string): Outcome {
  const figures = (of: string): number[] => (results.part[of] ?? []).map(({ cpuPerGb }) => cpuPerGb)
  return ratioOf(figures(id), figures(base))
}

/** Median latency at one connection over the base's, where nobody is saturated. */
export function singleRatio(results: Results, id: string, base: string): Outcome {
  const figures = (of: string): number[] => (results.single[of] ?? []).map(({ p50Us }) => p50Us)
  return ratioOf(figures(id), figures(base))
}

/** What everybody is held against: nginx, or bare Node where nginx is missing. */
export function baseOf(results: Results): 'nginx' | 'bare' {
  return results.small['nginx'] ? 'nginx' : 'bare'
}
