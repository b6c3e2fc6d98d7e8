import { setUpArrows } from './arrows.ts'
import { localizeTimes } from './times.ts'

const FOCUS = 'usher-focus'
/** How long a navigation may take to leave this page. */
const LEAVING_MS = 10_000

localizeTimes()
setUpArrows()

// After the page reloaded itself, the keyboard goes on where it was, or at the heading if that entry is gone.
const focused = sessionStorage.getItem(FOCUS)
sessionStorage.removeItem(FOCUS)
if (focused !== null)
  (document.getElementById(focused) ?? document.getElementById('heading'))?.focus({ preventScroll: true })

// Restored from the back/forward cache, the page may show a session that has ended.
addEventListener('pageshow', (event) => {
  if (event.persisted) location.reload()
})

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
