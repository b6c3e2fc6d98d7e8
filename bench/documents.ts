import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Bar, drawChart, type Panel } from './chart.ts'
import { isRatio, type Outcome } from './ratio.ts'
import { contenderTable, cpuTable, memoryTable, targetTable, toMarkdown } from './report.ts'
import { baseOf, cpuRatio, partCostRatio, type Results } from './results.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
// Bars of the two panels. The stack without an agent would squeeze all the others to the left.
const SHOWN = ['nginx', 'usher', 'bare', 'auth-request', 'fastify', 'express']

const PLACE = /(<!-- from npm run bench -->\n)[\s\S]*?(\n<!-- end -->)/

/** Everything that was measured, for whoever doubts a ratio. */
export function writeResults(results: Results): void {
  mkdirSync(`${ROOT}bench/results`, { recursive: true })
  writeFileSync(`${ROOT}bench/results/latest.json`, `${JSON.stringify(results, null, 2)}\n`)
}

/** The chart, the page and the README's table, all from this run. */
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
  const readme = readFileSync(`${ROOT}README.md`, 'utf8')
  writeFileSync(`${ROOT}README.md`, readme.replace(PLACE, `$1\n${toMarkdown(cpuTable(results))}\n$2`))
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

Made by \`${command}\` on ${date.slice(0, 10)} (Node ${machine['node']}, nginx ${machine['nginx']}, wrk ${machine['wrk']}); this page is written by
the benchmark and not by hand. Only ratios are given: absolute times say more about the machine than about the
programs. Run it on yours.

![Usher and its peers, by CPU](benchmark.svg)

## What Usher must reach

${toMarkdown(targetTable(results))}

Usher runs with its defaults here, so the media lane is on; what it is without is a row of its own below.

## Everybody against ${baseOf(results)}

${toMarkdown(contenderTable(results))}

A dash stands where no sound figure was possible.

## Memory

${toMarkdown(memoryTable(results))}

## How it is measured

- Every contender forwards the same requests to the same upstream (nginx with 1 KB and 64 KB of JSON, a 200 MB file and an
  event source), which refuses a request without a token and one with a cookie. Their bodies are compared first.
- The proxy has one core for itself; wrk and the upstream share another. CPU is that of the contender's whole process tree, from
  \`/proc\`, so a verifier beside nginx counts too.
- All are warmed, then measured in rounds, each for one slice, in an order that rotates. A ratio is that of two slices of
  the same round; the table has the median and the extremes of the rounds.
- The part: one connection, which keeps no fast proxy busy. For its MB/s nginx is counted with what it would do with the whole of
  its core, and the other as it was; so that ratio is the least that can be said.
- 1 KB and 64 KB: 32 connections kept open. The slice of a proxy that was not busy for ${Math.round(minUtil * 100)} % of its core is thrown away, and
  without half of the rounds there is no ratio.
- Usher is the built service with everything on: sealed session, policy, re-check state, metrics, a log line for each request. The peers
  keep no log, which is in their favour; nginx and bare Node have no session at all, and are there as limits.
- The 100,000 sessions are sealed beforehand and come one request each, so that every one misses the cache of opened cookies;
  the known ones are 2,000 that came before, out of a file of the same length, so that the load is alike.
- A growth of memory is the peak over what was resident just before, every 20 ms, on a process that has only been warmed.
${notes.map((note) => `- ${note}\n`).join('')}
The raw figures of the last run are in \`bench/results/latest.json\`. \`npm run bench -- --quick\` takes a minute and writes only those.
`
}
