import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Bar, drawChart, type Panel } from './chart.ts'
import { isRatio, type Outcome } from './ratio.ts'
import { contenderTable, fairnessTable, memoryTable, targetTable, toMarkdown } from './report.ts'
import { baseOf, cpuRatio, partCostRatio, type Results } from './results.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
// Bars of the two panels. The stack without keep-alive would squeeze all others to the left.
const SHOWN = ['nginx', 'usher', 'bare', 'auth-request', 'fastify', 'express']

/** The raw figures, from which every ratio can be recomputed. */
export function writeResults(results: Results): void {
  mkdirSync(`${ROOT}bench/results`, { recursive: true })
  writeFileSync(`${ROOT}bench/results/latest.json`, `${JSON.stringify(results, null, 2)}\n`)
}

/** The chart and the page, both from this run. */
export function writeDocuments(results: Results): void {
  mkdirSync(`${ROOT}docs`, { recursive: true })
  const base = baseOf(results)
  const small = panel(results, `CPU per 1 KB request ÷ ${base} (shorter is better)`, (id) =>
    cpuRatio(results, 'small', id, base)
  )
  const part = panel(results, `CPU per GB of a 200 MB file ÷ ${base} (shorter is better)`, (id) =>
    partCostRatio(results, id, base)
  )
  writeFileSync(`${ROOT}docs/benchmark.svg`, drawChart('Usher and its peers', [small, part]))
  writeFileSync(`${ROOT}docs/benchmark.md`, page(results))
}

function panel(results: Results, title: string, ratio: (id: string) => Outcome): Panel {
  const bars: Bar[] = []
  for (const id of SHOWN) {
    const outcome = ratio(id)
    if (isRatio(outcome)) {
      bars.push({ label: results.labels[id] ?? id, value: outcome.median, own: id === 'usher' })
    }
  }
  return { title, bars: bars.toSorted((a, b) => a.value - b.value) }
}

function page(results: Results): string {
  const { machine, notes, command, date, minUtil } = results
  return `# Benchmark

Written by \`${command}\` on ${date.slice(0, 10)} (Node ${machine['node']}, nginx ${machine['nginx']}, wrk ${machine['wrk']}). The figures are ratios, because
absolute times describe the machine more than the programs. Run it on yours.

![Usher and its peers, by CPU](benchmark.svg)

## What Usher must reach

${toMarkdown(targetTable(results))}

Usher runs with its defaults, so with its own client for fetches; a row below shows it without.

## Everyone against ${baseOf(results)}

${toMarkdown(contenderTable(results))}

A dash means that no sound figure was possible.

## Memory

${toMarkdown(memoryTable(results))}

## One hostile account

${toMarkdown(fairnessTable(results))}

## How it is measured

- Every contender forwards the same requests to the same upstream: nginx with 1 KB and 64 KB of JSON, a 200 MB file and an event
  source. The upstream refuses a request without a token and one with a cookie. Response bodies are compared first.
- The proxy has one core to itself; wrk and the upstream share another. CPU is that of the contender's whole process tree, from
  \`/proc\`, so a verifier next to nginx counts too.
- After a warm-up, all contenders are measured in rounds, one slice each, in rotating order. A ratio divides two slices of the
  same round; the tables have the median, and the lowest and highest round.
- The 200 MB file: one connection, which does not keep a fast proxy busy: the core of the load is what limits it. So the MB/s stand
  twice: as measured, which favours the slower of two fast proxies, and as a lower bound ("at the least"), for which nginx is
  extrapolated to its whole core and the other is taken as measured.
- Requests carry what Chrome sends with a page's fetch(), and the session cookie between four others. Contenders without a
  session get one of 640 bytes.
- 1 KB and 64 KB: 32 kept-open connections; 1 MB and 20 MB: four. A slice of 1 KB in which the proxy was not busy for ${Math.round(minUtil * 100)} % of its core is discarded, and
  without half of the rounds there is no ratio. With more bytes a fast proxy waits for the core of the load, which costs it no
  CPU: there a slice counts unless another process took a tenth of the proxy's core.
- Usher is the built service with everything on: sealed session, policy, re-check state, metrics, a log line for each request,
  which goes to a pipe that is read. The peers run on the same Node and write no log, which favours them. nginx and bare Node have no session at all; they are the limits.
- Usher compresses texts by default, the peers do not: its rows are measured with \`USHER_COMPRESS=false\`, and those that compress
  are compared with each other.
- The 100,000 sessions are sealed beforehand and used once each, so each misses the session cache. The known ones are 2,000
  that were used before, from a file of the same length, so that the load is equal.
- One hostile account: on a fresh process, a quiet user looks at a 1 KB page every few milliseconds over one connection, first
  alone, then beside an account that does what the row says. The attacker, the quiet user and the upstream share a core.
- Memory growth is the peak above what was resident just before, sampled every 20 ms, on a process that was only warmed up.
${notes.map((note) => `- ${note}\n`).join('')}
The raw figures of the last run are in \`bench/results/latest.json\`. \`npm run bench -- --quick\` takes a minute and writes only those.
`
}
