import type { Fairness, FairnessSample } from './fairness.ts'
import type { Sample } from './load.ts'
import type { Text } from './measure.ts'
import type { MemorySample } from './memory.ts'
import type { PartSample } from './part.ts'
import { type Figure, isRatio, type Outcome, ratioOf, summarize, unsound } from './ratio.ts'
import type { Samples } from './rounds.ts'
import type { StartSample } from './startup.ts'

/** Everything that one run measured, in absolute figures, so that the ratios can be checked. */
export interface Results {
  readonly command: string
  readonly date: string
  readonly machine: Readonly<Record<string, string>>
  readonly minUtil: number
  /** What was left out, and why. */
  readonly notes: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly small: Samples<Sample>
  readonly large: Samples<Sample>
  readonly single: Samples<Sample>
  /** Documents of 1 MB and 20 MB. */
  readonly texts: Partial<Record<Text, Samples<Sample>>>
  readonly part: Samples<PartSample>
  readonly memory: Readonly<Record<string, MemorySample>>
  /** Usher with known sessions (cache hits), and with a new session for each request (cache misses). */
  readonly sessions: Samples<Sample>
  /** A quiet user beside one hostile account, by what that does. */
  readonly fairness: Partial<Fairness>
  readonly starts: Readonly<Record<string, readonly StartSample[]>>
}

type Saturated = 'small' | 'large' | 'sessions'

/** One figure of a saturated mode for each round; unsound slices carry their reason instead. */
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
 * MB/s of the file, divided by the base's. One connection does not saturate a proxy that is as fast as the load's core.
 * So there is a lower bound as well, for which the base is extrapolated to its whole core.
 */
export function throughputRatio(
  results: Results,
  id: string,
  base: string,
  bound: 'measured' | 'lowest'
): Outcome {
  const figures = (of: string, whole: boolean): Figure[] =>
    (results.part[of] ?? []).map(
      ({ util, bytesPerSecond }) =>
        unsound(of, util, 0) ?? bytesPerSecond / (whole ? Math.min(1, util.proxy) : 1)
    )
  return ratioOf(figures(id, false), figures(base, bound === 'lowest'))
}

/** CPU per gigabyte of the file, divided by the base's. Idle time costs no CPU, so no share is required. */
export function partCostRatio(results: Results, id: string, base: string): Outcome {
  const figures = (of: string): number[] => (results.part[of] ?? []).map(({ cpuPerGb }) => cpuPerGb)
  return ratioOf(figures(id), figures(base))
}

/**
 * CPU (or bytes) per document of a text, divided by the other's. A fast proxy waits for the load's core here, which costs
 * no CPU, so no share is required, but the core must not have been used by others.
 */
export function textRatio(
  results: Results,
  text: Text | 'large',
  above: string,
  below: string,
  figure: 'cpuPerRequest' | 'bytes' = 'cpuPerRequest'
): Outcome {
  const samples = text === 'large' ? results.large : (results.texts[text] ?? {})
  const figures = (of: string): Figure[] =>
    (samples[of] ?? []).map(
      ({ util, ...sample }) =>
        (util.others > 1 - results.minUtil ? unsound(of, { ...util, proxy: 0 }, results.minUtil) : null) ??
        sample[figure]
    )
  return ratioOf(figures(above), figures(below))
}

/** Median latency at one connection, divided by the base's; nothing is saturated then. */
export function singleRatio(results: Results, id: string, base: string): Outcome {
  const figures = (of: string): number[] => (results.single[of] ?? []).map(({ p50Us }) => p50Us)
  return ratioOf(figures(id), figures(base))
}

/** Milliseconds to the first response, or resident megabytes then, divided by the other's. */
export function startRatio(
  { starts }: Results,
  figure: keyof StartSample,
  above: string,
  below: string
): Outcome {
  const figures = (of: string): number[] => (starts[of] ?? []).map((sample) => sample[figure])
  return ratioOf(figures(above), figures(below))
}

/** The slowest percent of a quiet user's pages beside the worst attack, divided by the same alone. */
export function fairnessRatio({ fairness }: Results): Outcome {
  return worst(fairness, ({ p99Us, aloneP99Us, failed }) =>
    failed > 0 ? Number.POSITIVE_INFINITY : p99Us / aloneP99Us
  )
}

/** Megabytes that the process grew by under the worst attack. */
export function fairnessGrowth({ fairness }: Results): Outcome {
  return worst(fairness, ({ growth }) => growth)
}

function worst(fairness: Results['fairness'], pick: (sample: FairnessSample) => number): Outcome {
  const outcomes = Object.values(fairness).map((samples) => summarize(samples.map(pick)))
  const [first] = outcomes.filter(isRatio).toSorted((a, b) => b.median - a.median)
  return first ?? { refused: 'not measured' }
}

/** What all are compared with: nginx, or bare Node when nginx is missing. */
export function baseOf(results: Results): 'nginx' | 'bare' {
  return results.small['nginx'] ? 'nginx' : 'bare'
}
