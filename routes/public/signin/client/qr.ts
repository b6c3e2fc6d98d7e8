import { encode } from 'uqr'

const SVG = 'http://www.w3.org/2000/svg'

function svg(tag: string, attributes: Readonly<Record<string, string>>): SVGElement {
  const element = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  return element
}

/** A QR code of the text, drawn in the browser so that the link code is in no URL and no log. */
export function drawQr(text: string, label: string): SVGElement {
  // ISO/IEC 18004 §9.1: a quiet zone of four modules. Dark on light in both colour schemes.
  const { data, size } = encode(text, { ecc: 'M', border: 4 })
  const dark = data.flatMap((row, y) => row.flatMap((on, x) => (on ? [`M${x} ${y}h1v1h-1z`] : [])))
  const picture = svg('svg', {
    viewBox: `0 0 ${size} ${size}`,
    role: 'img',
    'aria-label': label,
    'shape-rendering': 'crispEdges'
  })
  picture.append(
    svg('rect', { width: String(size), height: String(size), fill: '#fff' }),
    svg('path', { d: dark.join(''), fill: '#1b1420' })
  )
  return picture
}
