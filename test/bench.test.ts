import t from 'tap'
import { drawChart } from '../bench/chart.ts'
import { pickCores } from '../bench/cores.ts'
import { busySeconds, parentOf } from '../bench/cpu.ts'
import { mediaContainer } from '../bench/payload.ts'
import { median, ratioOf, unsound } from '../bench/ratio.ts'
import { digits, toMarkdown, toText } from '../bench/report.ts'
import { createBudget, measureRounds, rotated } from '../bench/rounds.ts'
import { TARGETS, verdictOf } from '../bench/targets.ts'

t.test('a ratio is the median of the rounds, each divided by its own round', async (t) => {
  t.strictSame(ratioOf([10, 40, 9], [5, 10, 3]), { median: 3, low: 2, high: 4, rounds: 3 })
  t.equal(median([1, 4, 2, 3]), 2.5)
})

t.test('a round that is unsound on one side does not count', async (t) => {
  const refused = { refused: 'nginx was busy for 50 % of its core only' }
  t.strictSame(ratioOf([4, 6, 8], [2, refused, 2]), { median: 3, low: 2, high: 4, rounds: 2 })
})

t.test('without half of the rounds there is a reason instead of a ratio', async (t) => {
  const refused = { refused: 'another process took 30 % of the core of usher' }
  t.strictSame(ratioOf([refused, refused, 8], [2, 2, 2]), refused)
  t.strictSame(ratioOf([], []), { refused: 'not measured' })
})

t.test('a slice in which the proxy was not the bottleneck is unsound, and says why', async (t) => {
  t.equal(unsound('usher', { proxy: 0.95, others: 0.02 }, 0.9), null)
  t.match(unsound('usher', { proxy: 0.6, others: 0.02 }, 0.9), { refused: /^usher was busy for 60 %/ })
  t.match(unsound('usher', { proxy: 0.6, others: 0.4 }, 0.9), { refused: /^another process took 40 %/ })
})

t.test('a target is judged by its median, in its own direction', async (t) => {
  const outcome = (value: number) => ({ median: value, low: 0, high: 99, rounds: 3 })
  const [lower] = TARGETS
  const higher = TARGETS.find(({ better }) => better === 'higher')
  if (!lower || !higher) throw new Error('both kinds are expected')
  t.equal(verdictOf(lower, outcome(1.8)), 'aim')
  t.equal(verdictOf(lower, outcome(3.2)), 'pass')
  t.equal(verdictOf(lower, outcome(3.3)), 'fail')
  t.equal(verdictOf(higher, outcome(1.8)), 'fail')
  t.equal(verdictOf(higher, outcome(2)), 'pass')
  t.equal(verdictOf(higher, outcome(3)), 'aim')
  t.equal(verdictOf(lower, { refused: 'not measured' }), 'refused')
})

t.test('every round measures all contenders, each starting one round', async (t) => {
  t.strictSame(rotated(['a', 'b', 'c'], 4), ['b', 'c', 'a'])
  const order: string[] = []
  const samples = await measureRounds({
    items: [{ id: 'a' }, { id: 'b' }],
    rounds: 2,
    seconds: 1,
    budget: createBudget(60_000),
    measure: async ({ id }, round) => {
      order.push(id)
      return round
    }
  })
  t.strictSame(order, ['a', 'b', 'b', 'a'])
  t.strictSame(samples, { a: [0, 1], b: [0, 1] })
})

t.test('no round starts that would exceed the time budget', async (t) => {
  let clock = 0
  const samples = await measureRounds({
    items: [{ id: 'a' }],
    rounds: 5,
    seconds: 2,
    budget: createBudget(5000, () => clock),
    measure: async () => {
      clock += 2000
      return clock
    }
  })
  t.strictSame(samples, { a: [2000, 4000] })
})

t.test('payloads are JSON of exactly the requested size', async (t) => {
  for (const bytes of [1024, 65_536]) {
    t.equal(Buffer.byteLength(mediaContainer(bytes)), bytes)
    t.ok(JSON.parse(mediaContainer(bytes)).MediaContainer.Metadata.length > 0)
  }
})

t.test('two different cores are picked, or none', async (t) => {
  t.strictSame(pickCores('0-1'), { proxy: 0, load: 1 })
  t.strictSame(pickCores('2,5-7\n'), { proxy: 2, load: 5 })
  t.equal(pickCores('3'), null)
})

t.test('/proc is parsed correctly whatever a process is called', async (t) => {
  t.equal(parentOf('42 (a) b (c) S 7 42 42 0'), 7)
  t.equal(parentOf(''), null)
  t.equal(busySeconds('cpu  9 9 9\ncpu0 100 0 50 900 1 2 3 10 0 0\n', 0), 1.6)
})

t.test('the chart is well-formed, has a bar for each value and escapes its texts', async (t) => {
  const bars = [
    { label: 'nginx', value: 1, own: false },
    { label: 'a <b> & "c"', value: 2, own: true }
  ]
  const svg = drawChart('Title', [{ title: 'Panel', bars }])
  const widths = [...svg.matchAll(/<rect class="(\w+)"[^>]* width="([\d.]+)"/g)].map(([, kind, w]) => [
    kind,
    Number(w)
  ])
  t.strictSame(widths, [
    ['bar', 200],
    ['own', 400]
  ])
  t.match(svg, 'a &lt;b> &amp; &quot;c&quot;')
  t.match(svg, 'prefers-color-scheme: dark')
})

t.test('tables are aligned for a terminal and formatted as Markdown for a page', async (t) => {
  const table = [
    ['figure', 'value'],
    ['a', digits(2.345)]
  ]
  t.equal(toText(table), 'figure  value\na        2.35')
  t.equal(toMarkdown(table), '| figure | value |\n| --- | ---: |\n| a | 2.35 |')
  t.strictSame([digits(0.5), digits(12.34), digits(640.4)], ['0.50', '12.3', '640'])
})
