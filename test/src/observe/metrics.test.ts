import { Counter, Histogram, Registry } from 'prom-client'
import t from 'tap'
import { createTally, createTiming } from '../../../src/observe/tallies.ts'

const labelNames = ['route', 'status'] as const
const BUCKETS = [0.01, 0.1, 1]

/** What prom-client's own metrics say of the same events: the order of lines and labels is nobody's business. */
function lines(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/\{(.*)\}/, (_, labels: string) => `{${labels.split(',').sort().join(',')}}`))
    .sort()
}

t.test('a tally and a timing report what a Counter and a Histogram would', async (t) => {
  const [ours, theirs] = [new Registry(), new Registry()]
  const help = 'for the test'
  const tally = createTally({ name: 'a_total', help, labelNames, registry: ours })
  const timing = createTiming({ name: 'a_seconds', help, labelNames, registry: ours, buckets: BUCKETS })
  const counter = new Counter({ name: 'a_total', help, labelNames, registers: [theirs] })
  const histogram = new Histogram({
    name: 'a_seconds',
    help,
    labelNames,
    registers: [theirs],
    buckets: BUCKETS
  })
  t.strictSame(lines(await ours.metrics()), lines(await theirs.metrics()), 'nothing yet')

  const seconds = [0, 0.005, 0.01, 0.0100001, 0.09, 0.1, 0.5, 1, 1.5, 100]
  for (let round = 0; round < 3; round++) {
    for (const [i, value] of seconds.entries()) {
      const labels = { route: i % 2 === 0 ? '/pms/*' : 'no "such" \\route', status: i % 3 === 0 ? 200 : 404 }
      tally.inc(labels)
      counter.inc(labels)
      timing.observe(labels, value)
      histogram.observe(labels, value)
    }
    t.strictSame(lines(await ours.metrics()), lines(await theirs.metrics()), `scrape ${round}`)
    t.strictSame(lines(await ours.metrics()), lines(await theirs.metrics()), 'and asked again')
  }
})
