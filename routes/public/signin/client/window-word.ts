import { Refusal } from './api.ts'
import { settings } from './dom.ts'

const HEARD = 'heard'
// The page asks when the PIN is gone; the small window may still be loading then, on a slow line.
const PATIENCE_MS = 10_000
// How long a window shows that its PIN is gone, if no page answers.
const GONE_MS = 3000

/**
 * Plex's page cuts the handles between the two windows (Cross-Origin-Opener-Policy), but not a channel. Safari before
 * 15.4 has none: there the waiting page only learns that the PIN is gone.
 */
function openChannel(): BroadcastChannel | null {
  if (typeof BroadcastChannel === 'undefined') return null
  return new BroadcastChannel(`usher-window ${settings().base}`)
}

/** In the small window, back from Plex with a problem: sends it to the other page, and closes once that shows it. */
export function tellBeside(code: string, who: string): void {
  const channel = openChannel()
  channel?.addEventListener('message', ({ data }) => {
    if (data === HEARD) window.close()
  })
  channel?.postMessage({ code, who })
  // The other page may have learned it from its own question, and moved on.
  if (code === 'USHER_PIN_UNKNOWN') setTimeout(() => window.close(), GONE_MS)
}

export interface WordFromBeside {
  /** Why the PIN is gone: the problem of the small window, or USHER_SIGNIN_CANCELLED if none arrives. */
  reason(): Promise<Refusal>
  /** The page shows how it ended: the small window closes, also where it comes back later than that. */
  stop(): void
}

/** In the waiting page. A message only explains an end that the server reported; by itself it ends nothing. */
export function listenBeside(): WordFromBeside {
  const channel = openChannel()
  const word = new Promise<Refusal>((resolve) => {
    channel?.addEventListener('message', ({ data }) => {
      if (data !== HEARD) resolve(new Refusal(String(data?.code), 0, '', String(data?.who ?? '')))
    })
  })
  const silence = () => new Promise<null>((resolve) => setTimeout(resolve, PATIENCE_MS, null))
  return {
    async reason() {
      const refusal = channel === null ? null : await Promise.race([word, silence()])
      return refusal ?? new Refusal('USHER_SIGNIN_CANCELLED')
    },
    stop() {
      if (channel === null) return
      void word.then(() => channel.postMessage(HEARD))
      void Promise.race([word, silence()]).then(() => channel.close())
    }
  }
}
