const STEPS: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0]
}
/** Of the screen's height, for each press. */
const SCROLL_PART = 0.6

/** What can be pressed or filled in now. In an open dialog that is the dialog alone. */
export function visibleStops(within: ParentNode): readonly HTMLElement[] {
  const stops = within.querySelectorAll<HTMLElement>('a[href], button, input:not([type="hidden"])')
  return [...stops].filter((stop) => stop.getClientRects().length > 0)
}

function centreOf(element: HTMLElement): readonly [x: number, y: number] {
  const { left, top, width, height } = element.getBoundingClientRect()
  return [left + width / 2, top + height / 2]
}

/** The nearest stop in a direction; what lies straight ahead counts as nearer. */
function nearest(
  from: HTMLElement,
  stops: readonly HTMLElement[],
  [stepX, stepY]: readonly [x: number, y: number]
): HTMLElement | undefined {
  const [fromX, fromY] = centreOf(from)
  const ahead = stops.flatMap((stop) => {
    const [x, y] = centreOf(stop)
    const along = (x - fromX) * stepX + (y - fromY) * stepY
    const aside = Math.abs((x - fromX) * stepY) + Math.abs((y - fromY) * stepX)
    return along > 1 && stop !== from ? [{ stop, distance: along + aside * (stepX === 0 ? 0.5 : 3) }] : []
  })
  return ahead.sort((a, b) => a.distance - b.distance)[0]?.stop
}

/** Whether none of an element is on the screen. */
function isAway(element: HTMLElement): boolean {
  const { top, bottom } = element.getBoundingClientRect()
  return bottom <= 0 || top >= innerHeight
}

/**
 * Arrow keys, as on a television's remote control, move the focus to the nearest thing in that direction. Where that is
 * not on the screen they scroll towards it, so that nobody skips what lies between.
 */
export function setUpArrows(): void {
  addEventListener('keydown', (event) => {
    const step = STEPS[event.key]
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return
    const { activeElement } = document
    // In a text, left and right are the cursor's.
    if (activeElement instanceof HTMLInputElement && step[0] !== 0) return
    const dialog = document.querySelector('dialog[open]')
    const stops = visibleStops(dialog ?? document.querySelector('main') ?? document)
    const isOnStop = activeElement instanceof HTMLElement && stops.includes(activeElement)
    const next = isOnStop ? nearest(activeElement, stops, step) : stops[0]
    if (next === undefined) return
    event.preventDefault()
    if (isOnStop && step[1] !== 0 && isAway(next)) scrollBy({ top: step[1] * innerHeight * SCROLL_PART })
    else next.focus()
  })
}
