import { ask, type Pin, Refusal, type SessionView } from './api.ts'
import { byId, onClick, settings, showPanel } from './dom.ts'
import { explain, hush, tellProblem } from './notice.ts'
import { type Awaiting, awaitPin, dropPin } from './poll.ts'
import { goToPlex } from './redirect.ts'
import { listenBeside } from './window-word.ts'

const FEATURES = 'popup,width=480,height=720'

/** "In a small window": Plex in a popup while this page waits; where popups are blocked, Plex in this page. */
export function setUpPlexWindow(signedIn: (session: SessionView) => Promise<void>): () => void {
  let awaiting: Awaiting | null = null
  const stopWaiting = () => {
    awaiting?.stop()
    awaiting = null
  }
  const stop = () => {
    if (awaiting === null) return
    stopWaiting()
    dropPin('redirect')
  }

  const wait = async (small: Window): Promise<void> => {
    const { base } = settings()
    const pin = await ask<Pin>('POST', '/pin', { kind: 'redirect', returnTo: `${base}/signin?window=done` })
    // Plex's page must not steer this one (reverse tabnabbing).
    small.opener = null
    small.location.replace(pin.body.authUrl)
    hush()
    showPanel('window')
    const current = awaitPin('redirect', pin, (trouble) => {
      byId('window-status').textContent = trouble === null ? '' : `${explain(trouble).what} Still waiting.`
    })
    awaiting = current
    const session = await current.outcome
    if (awaiting !== current) return
    if (session === null) throw new Refusal('USHER_SIGNIN_CANCELLED')
    awaiting = null
    small.close()
    await signedIn(session)
  }

  const begin = async (small: Window): Promise<void> => {
    const beside = listenBeside()
    try {
      await wait(small)
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return
      // Refused or turned away, the callback ended in the small window and took the pin with it.
      const gone = error instanceof Refusal && error.code === 'USHER_PIN_UNKNOWN'
      const turning = awaiting
      const problem = gone ? new Refusal(await beside.reason()) : error
      if (awaiting !== turning) return
      awaiting = null
      small.close()
      showPanel('choose')
      tellProblem(problem)
    } finally {
      beside.stop()
    }
  }

  // The window opens in the click itself: after an `await` browsers take it for an unwanted popup.
  byId('with-window').addEventListener('click', () => {
    const small = window.open('', '', FEATURES)
    if (small === null) return goToPlex()
    stop()
    small.document.title = 'Opening Plex…'
    begin(small).catch(tellProblem)
  })
  onClick(
    'window-redirect',
    () => {
      // Not given back: Plex's page takes the same pin up, and a late answer must not clear its cookie.
      stopWaiting()
      goToPlex()
    },
    tellProblem
  )
  return stop
}
