import { ATTACKS, type Attack, type FairnessSample } from './fairness.ts'
import { isRatio, type Outcome, ratioOf, summarize } from './ratio.ts'
import {
  baseOf,
  cpuRatio,
  partCostRatio,
  type Results,
  saturated,
  singleRatio,
  textRatio,
  throughputRatio
} from './results.ts'
import { TARGETS, type Target, verdictOf } from './targets.ts'

export type Table = readonly (readonly string[])[]

const TEXT_COLUMNS = [
  ['json1', '1 MB JSON'],
  ['xml1', '1 MB XML'],
  ['json20', '20 MB JSON'],
  ['xml20', '20 MB XML']
] as const

const SAID = { aim: 'pass, aim reached', pass: 'pass', fail: 'FAIL', refused: 'no figure' } as const

/** Usher's figures next to their targets. */
export function targetTable(results: Results): Table {
  const rows = TARGETS.map((target) => {
    const outcome = target.outcome(results)
    return [
      target.label,
      limit(target, target.must),
      target.aim === null ? '' : limit(target, target.aim),
      spread(outcome, target.unit),
      SAID[verdictOf(target, outcome)]
    ]
  })
  return [['figure', 'must', 'aim', 'measured (lowest to highest round)', 'verdict'], ...rows]
}

/** Each contender's ratios to the base in the same round. */
export function contenderTable(results: Results): Table {
  const base = baseOf(results)
  const rows = Object.entries(results.labels).map(([id, label]) => [
    label,
    short(cpuRatio(results, 'small', id, base)),
    short(saturatedRatio(results, id, base, (sample) => sample.requestsPerSecond)),
    short(saturatedRatio(results, id, base, (sample) => sample.p50Us)),
    short(saturatedRatio(results, id, base, (sample) => sample.p99Us)),
    short(singleRatio(results, id, base)),
    short(textRatio(results, 'large', id, base)),
    ...TEXT_COLUMNS.map(([text]) => short(textRatio(results, text, id, base))),
    short(throughputRatio(results, id, base, 'measured')),
    short(throughputRatio(results, id, base, 'lowest')),
    short(partCostRatio(results, id, base))
  ])
  const head = [
    `÷ ${base} of the same round`,
    '1 KB: CPU',
    'req/s',
    'p50',
    'p99',
    'p50 alone',
    '64 KB: CPU',
    ...TEXT_COLUMNS.map(([, label]) => label),
    '200 MB: MB/s',
    'at the least',
    'CPU per GB'
  ]
  return [head, ...rows]
}

/** Resident megabytes: unlike times, they can be given as they are. */
export function memoryTable(results: Results): Table {
  const rows = Object.entries(results.memory).map(([id, memory]) => [
    results.labels[id] ?? id,
    mb(memory.idle),
    mb(memory.withConnections),
    `+${mb(memory.connectionsGrowth)}`,
    `+${mb(memory.partGrowth)}`,
    `+${mb(memory.slowReadersGrowth)}`,
    String(memory.streams)
  ])
  const head = [
    'resident MB',
    'idle',
    '1,000 connections',
    'their growth',
    'one 200 MB part',
    'ten slow readers',
    'of 200 event streams open'
  ]
  return [head, ...rows]
}

/** What each attack of one account does to a quiet user, in the median round. */
export function fairnessTable({ fairness }: Pick<Results, 'fairness'>): Table {
  const rows = Object.entries(fairness).map(([attack, samples]) => {
    const figure = (pick: (sample: FairnessSample) => number): string => {
      const outcome = summarize(samples.map(pick))
      return isRatio(outcome) ? digits(outcome.median) : '–'
    }
    return [
      ATTACKS[attack as Attack].label,
      figure(({ p99Us, aloneP99Us }) => p99Us / aloneP99Us),
      figure(({ failed }) => failed),
      `+${figure(({ growth }) => growth)}`
    ]
  })
  return [['one account', "a quiet user's p99 ÷ alone", 'pages not served', 'resident MB'], ...rows]
}

function saturatedRatio(
  results: Results,
  id: string,
  base: string,
  pick: Parameters<typeof saturated>[3]
): Outcome {
  return ratioOf(saturated(results, 'small', id, pick), saturated(results, 'small', base, pick))
}

function limit({ better, unit }: Target, value: number): string {
  return `${better === 'lower' ? '≤' : '≥'} ${value}${unit && ` ${unit}`}`
}

function spread(outcome: Outcome, unit: string): string {
  if (!isRatio(outcome)) return outcome.refused
  const value = `${digits(outcome.median)}${unit && ` ${unit}`}`
  return outcome.rounds === 1 ? value : `${value} (${digits(outcome.low)} to ${digits(outcome.high)})`
}

function short(outcome: Outcome): string {
  return isRatio(outcome) ? digits(outcome.median) : '–'
}

function mb(value: number): string {
  return digits(value)
}

/** Three significant digits: the measurement is no finer. */
export function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** Columns of equal width, for a terminal. */
export function toText(table: Table): string {
  const widths = (table[0] ?? []).map((_, i) => Math.max(...table.map((row) => (row[i] ?? '').length)))
  return table
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')
    )
    .join('\n')
}

export function toMarkdown(table: Table): string {
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`
  const [head = [], ...rows] = table
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n')
}
