import { localizeTimes } from './times.ts'

const FOCUS = 'usher-focus'

localizeTimes()

// The page was loaded anew by itself: whoever uses the keyboard goes on where they were.
const focused = sessionStorage.getItem(FOCUS)
sessionStorage.removeItem(FOCUS)
if (focused !== null) document.getElementById(focused)?.focus({ preventScroll: true })

const address = document.querySelector('main')?.dataset['live'] ?? ''
const isAsking = document.getElementById('yes') !== null
// A question stays until it is answered.
if (address !== '' && !isAsking) {
  const events = new EventSource(address)
  events.addEventListener('changed', () => {
    const { activeElement } = document
    if (activeElement !== null && activeElement.id !== '') sessionStorage.setItem(FOCUS, activeElement.id)
    location.reload()
  })
  events.addEventListener('ended', () => {
    events.close()
    location.reload()
  })
  addEventListener('pagehide', () => events.close())
}

/** Arrow keys, as on a television's remote control: up and down go through everything that can be pressed. */
addEventListener('keydown', (event) => {
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
  if (step === 0 || event.altKey || event.ctrlKey || event.metaKey) return
  const stops = [...document.querySelectorAll<HTMLElement>('main a, main button')]
  const at = stops.indexOf(document.activeElement as HTMLElement)
  const next = stops[at === -1 ? 0 : Math.min(Math.max(at + step, 0), stops.length - 1)]
  if (next === undefined) return
  event.preventDefault()
  next.focus()
})
