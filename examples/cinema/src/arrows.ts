const FOCUSABLE = 'a[href], button:not(:disabled), input, select'
const DIRECTIONS: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1]
}
/** How much more it counts to lie beside the way than to be far along it. */
const ASIDE = 3

/** The arrows of a remote control move to the nearest thing in their direction. */
export function moveByArrows(): void {
  addEventListener('keydown', (event) => {
    const direction = DIRECTIONS[event.key]
    const from = document.activeElement
    const isTyping = from instanceof HTMLInputElement || from instanceof HTMLSelectElement
    if (direction === undefined || isTyping || document.body.classList.contains('playing')) return
    const next = find(from, direction)
    if (next === null) return
    event.preventDefault()
    next.focus()
    next.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  })
}

function find(from: Element | null, [x, y]: readonly [number, number]): HTMLElement | null {
  const root = document.querySelector('dialog[open]') ?? document
  const things = [...root.querySelectorAll<HTMLElement>(FOCUSABLE)].filter((thing) => thing.checkVisibility())
  if (from === null || !from.matches(FOCUSABLE))
    return things.find((thing) => thing.closest('main')) ?? things[0] ?? null
  const here = from.getBoundingClientRect()
  let best: HTMLElement | null = null
  let least = Number.POSITIVE_INFINITY
  for (const thing of things) {
    const there = thing.getBoundingClientRect()
    const along = x === 0 ? y * (there.top - here.top) : x * (there.left - here.left)
    const aside = Math.abs(x === 0 ? there.left - here.left : there.top - here.top)
    const cost = along + ASIDE * aside
    if (along > 1 && cost < least) [best, least] = [thing, cost]
  }
  return best
}
