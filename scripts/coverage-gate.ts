// Fails if the line coverage of a folder is below its floor. tap's own gate accepts only 100 %.
import { readFileSync } from 'node:fs'

const FLOORS: Readonly<Record<string, number>> = { src: 90, plugins: 90, routes: 90 }

const totals = new Map<string, { found: number; hit: number }>()
const misses: string[] = []
let file = ''
let found = 0
for (const line of readFileSync('.tap/report/lcov.info', 'utf8').split('\n')) {
  if (line.startsWith('SF:')) file = line.slice(3).replace(`${process.cwd()}/`, '')
  else if (line.startsWith('LF:')) found = Number(line.slice(3))
  else if (line.startsWith('LH:')) {
    const layer = file.split('/')[0] ?? ''
    const hit = Number(line.slice(3))
    const total = totals.get(layer) ?? { found: 0, hit: 0 }
    totals.set(layer, { found: total.found + found, hit: total.hit + hit })
    if (layer in FLOORS && hit / found < 0.8) misses.push(`  ${((100 * hit) / found).toFixed(0)} % ${file}`)
  }
}

let failed = false
for (const [layer, floor] of Object.entries(FLOORS)) {
  const total = totals.get(layer)
  const percent = total === undefined ? 0 : (100 * total.hit) / total.found
  if (percent < floor) failed = true
  console.log(`coverage ${layer}: ${percent.toFixed(1)} % of lines (floor ${floor} %)`)
}
if (misses.length > 0) console.log(`files below 80 %:\n${misses.join('\n')}`)
process.exit(failed ? 1 : 0)
