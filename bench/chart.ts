export interface Bar {
  readonly label: string
  readonly value: number
  readonly own: boolean
}

export interface Panel {
  readonly title: string
  readonly bars: readonly Bar[]
}

const WIDTH = 760
const LABEL_WIDTH = 300
const VALUE_WIDTH = 60
const ROW = 26
const BAR = 16
const TITLE = 40

/** Horizontal bars from zero, one scale per panel; shorter is better. Readable on light and dark pages. */
export function drawChart(title: string, panels: readonly Panel[]): string {
  let y = 0
  const drawn = panels.map((panel) => {
    const text = drawPanel(panel, y)
    y += TITLE + panel.bars.length * ROW + 12
    return text
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img">
<title>${escapeXml(title)}</title>
<style>
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 14px }
.bar { fill: #8c959f }
.own { fill: #c77700 }
.axis { stroke: #d0d7de }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .bar { fill: #6e7681 }
  .own { fill: #e5a00d }
  .axis { stroke: #30363d }
}
</style>
${drawn.join('\n')}
</svg>
`
}

function drawPanel({ title, bars }: Panel, top: number): string {
  const scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH) / Math.max(...bars.map(({ value }) => value))
  const rows = bars.map(({ label, value, own }, i) => {
    const y = top + TITLE + i * ROW
    const width = round(value * scale)
    const middle = y + BAR / 2
    return `<text x="${LABEL_WIDTH - 10}" y="${middle}" text-anchor="end" dominant-baseline="central"${own ? ' class="title"' : ''}>${escapeXml(label)}</text>
<rect class="${own ? 'own' : 'bar'}" x="${LABEL_WIDTH}" y="${y}" width="${width}" height="${BAR}" rx="2"/>
<text x="${LABEL_WIDTH + width + 8}" y="${middle}" dominant-baseline="central">${value.toFixed(1)} ×</text>`
  })
  const bottom = top + TITLE + bars.length * ROW - (ROW - BAR) + 4
  return `<text class="title" x="0" y="${top + 20}">${escapeXml(title)}</text>
<line class="axis" x1="${LABEL_WIDTH}" x2="${LABEL_WIDTH}" y1="${top + TITLE - 4}" y2="${bottom}"/>
${rows.join('\n')}`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
