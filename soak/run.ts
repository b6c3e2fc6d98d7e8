// `npm run soak -- --minutes 60 --seed 1`: people, apps and troubles for so long, and what must hold all the time.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createBook } from './book.ts'
import { drawChart } from './chart.ts'
import { readOptions } from './options.ts'
import { openPlace } from './place.ts'
import { toMarkdown, verdictOf } from './report.ts'
import { soak } from './soak.ts'

const options = readOptions(process.argv.slice(2))
const book = createBook()
process.on('unhandledRejection', (error) => book.violation('a fault of the soak itself', String(error)))
const place = await openPlace(book)
const startedAt = new Date()
// Ctrl-C ends the run early, and the report says how long it was.
const stop = new AbortController()
process.once('SIGINT', () => stop.abort())
process.once('SIGTERM', () => stop.abort())
let printed = 0
const progress = setInterval(() => {
  console.error(`${(book.elapsedMs / 60_000).toFixed(0)} min: ${verdictOf(book).words}`)
  printViolations()
}, 60_000)
try {
  await soak({ options, place, book, signal: stop.signal })
} finally {
  clearInterval(progress)
  await place.close()
}
const report = toMarkdown({ options, book, startedAt })
if (options.out !== null) {
  mkdirSync(options.out, { recursive: true })
  writeFileSync(join(options.out, 'soak.md'), report)
  writeFileSync(join(options.out, 'soak.svg'), drawChart(book))
} else console.log(report)
printViolations()
const { isGood, words } = verdictOf(book)
console.log(words)
process.exit(isGood ? 0 : 1)

/** Those that were not printed yet. */
function printViolations(): void {
  for (const { rule, what, atMs } of book.violations.slice(printed))
    console.error(`${(atMs / 1000).toFixed(0)} s  ${rule}: ${what}`)
  printed = book.violations.length
}
