import type { Book } from './book.ts'

const WIDTH = 760
const HEIGHT = 300
const [LEFT, RIGHT, TOP, BOTTOM] = [50, 10, 36, 60]
const COLORS = ['one', 'two', 'house'] as const

/** Heap after a collection over time, one line an instance, above bars for the troubles. */
export function drawChart(book: Book): string {
  const end = Math.max(1, ...book.samples.map(({ atMs }) => atMs), ...book.troubles.map(({ toMs }) => toMs))
  const most = Math.max(10, ...book.samples.map(({ memory }) => memory.heapUsed / 1e6)) * 1.1
  const x = (ms: number) => round(LEFT + (ms / end) * (WIDTH - LEFT - RIGHT))
  const y = (megabytes: number) => round(HEIGHT - BOTTOM - (megabytes / most) * (HEIGHT - TOP - BOTTOM))
  const lines = COLORS.map((name, place) => {
    const points = book.samples
      .filter(({ instance }) => instance === name)
      .map(({ atMs, memory }) => `${x(atMs)},${y(memory.heapUsed / 1e6)}`)
    return `<polyline class="${name}" points="${points.join(' ')}"/>
<text class="${name}" x="${LEFT + 8 + place * 70}" y="${TOP - 6}">${name}</text>`
  })
  const bars = book.troubles.map(({ name, fromMs, toMs }) => {
    const width = Math.max(1, round(x(toMs) - x(fromMs)))
    return `<rect class="trouble" x="${x(fromMs)}" y="${HEIGHT - BOTTOM + 8}" width="${width}" height="12"><title>${escapeXml(name)}</title></rect>`
  })
  const marks = Array.from({ length: 5 }, (_, i) => {
    const at = (end * i) / 4
    return `<text x="${x(at)}" y="${HEIGHT - BOTTOM + 40}" text-anchor="${i === 0 ? 'start' : i === 4 ? 'end' : 'middle'}">${(at / 60_000).toFixed(1)} min</text>`
  })
  const steps = [0.25, 0.5, 0.75, 1].map((part) => {
    const level = (most / 1.1) * part
    return `<line class="axis" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(level)}" y2="${y(level)}"/>
<text x="${LEFT - 6}" y="${y(level)}" text-anchor="end" dominant-baseline="central">${level.toFixed(0)}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">
<title>Heap after a collection in MB over the run, and when something was wrong</title>
<style>
text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #24292f }
polyline { fill: none; stroke-width: 1.5 }
.one { stroke: #c77700 } .two { stroke: #0969da } .house { stroke: #1a7f37 }
text.one { fill: #c77700; stroke: none } text.two { fill: #0969da; stroke: none } text.house { fill: #1a7f37; stroke: none }
.trouble { fill: #cf222e }
.axis { stroke: #d0d7de }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .axis { stroke: #30363d }
}
</style>
<text x="0" y="14">MB of heap after a collection; red: something is wrong on purpose</text>
${[...steps, ...lines, ...bars, ...marks].join('\n')}
</svg>
`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
