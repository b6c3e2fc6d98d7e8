import { ask, type Pin, Refusal, type SessionView } from './api.ts'
import { byId, onClick, settings, showPanel } from './dom.ts'
import { explain, hush, tellProblem } from './notice.ts'
import { type Awaiting, awaitPin, dropPin } from './poll.ts'
import { goToPlex } from './redirect.ts'
import { say } from './say.ts'
import { listenBeside } from './window-word.ts'

const FEATURES = 'popup,width=480,height=720'

/** "In a small window": Plex in a popup while this page waits, or Plex in this tab if popups are blocked. */
export function setUpPlexWindow(signedIn: (session: SessionView) => Promise<void>): () => void {
  let awaiting: Awaiting | null = null
  const stopWaiting = () => {
    awaiting?.stop()
    awaiting = null
  }
  const stop = () => {
    if (awaiting === null) return
    stopWaiting()
    void dropPin('redirect')
  }

  const wait = async (small: Window): Promise<void> => {
    const { base } = settings()
    const pin = await ask<Pin>('POST', '/pin', { kind: 'redirect', returnTo: `${base}/signin?window=done` })
    // Plex's page must not be able to navigate this one (reverse tabnabbing).
    small.opener = null
    small.location.replace(pin.body.authUrl)
    hush()
    showPanel('window')
    const current = awaitPin('redirect', pin, (trouble) => {
      byId('window-status').textContent =
        trouble === null ? '' : say('waiting', { what: explain(trouble).what })
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
      // The person was refused or cancelled: the callback in the small window ended the PIN.
      const gone = error instanceof Refusal && error.code === 'USHER_PIN_UNKNOWN'
      const turning = awaiting
      const problem = gone ? await beside.reason() : error
      // Without a PIN there is no window to hear of.
      if (!gone && turning !== null) await beside.settled()
      if (awaiting !== turning) return
      awaiting = null
      small.close()
      showPanel('choose')
      tellProblem(problem)
    } finally {
      beside.stop()
    }
  }

  // Open the window in the click handler itself: after an `await`, browsers block it as a popup.
  byId('with-window').addEventListener('click', () => {
    const small = window.open('', '', FEATURES)
    if (small === null) return goToPlex()
    stop()
    small.document.title = say('window.opening')
    begin(small).catch(tellProblem)
  })
  onClick(
    'window-redirect',
    () => {
      // Do not delete the PIN: Plex's page uses the same one, and a late response must not clear its cookie.
      stopWaiting()
      goToPlex()
    },
    tellProblem
  )
  return stop
}
