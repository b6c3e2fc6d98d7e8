import { setUpArrows } from './arrows.ts'
import { localizeTimes } from './times.ts'

const FOCUS = 'usher-focus'

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
