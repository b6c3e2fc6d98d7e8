import { setUpArrows } from './arrows.ts'
import { localizeTimes } from './times.ts'

const FOCUS = 'usher-focus'
/** How long a navigation may take to leave this page. */
const LEAVING_MS = 10_000

localizeTimes()
setUpArrows()

// The page was loaded anew by itself: whoever uses the keyboard goes on where they were.
const focused = sessionStorage.getItem(FOCUS)
sessionStorage.removeItem(FOCUS)
if (focused !== null) document.getElementById(focused)?.focus({ preventScroll: true })

const address = document.querySelector('main')?.dataset['live'] ?? ''
const isAsking = document.getElementById('yes') !== null
// A question stays until it is answered.
if (address !== '' && !isAsking) {
  const events = new EventSource(address)
  let leavingUntil = 0
  // A reload now would cancel where somebody is going.
  addEventListener('beforeunload', () => {
    leavingUntil = performance.now() + LEAVING_MS
  })
  events.addEventListener('changed', () => {
    if (performance.now() < leavingUntil) return
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
