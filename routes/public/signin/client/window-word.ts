import { settings } from './dom.ts'

const HEARD = 'heard'
// The page asks when the PIN is gone; the small window may still be loading then.
const PATIENCE_MS = 3000

/** Plex's page cuts the handles between the two windows (Cross-Origin-Opener-Policy), but not a channel. */
function openChannel(): BroadcastChannel {
  return new BroadcastChannel(`usher-window ${settings().base}`)
}

/** In the small window, back from Plex with a problem: sends it to the other page, and closes once that shows it. */
export function tellBeside(code: string): void {
  const channel = openChannel()
  channel.addEventListener('message', ({ data }) => {
    if (data === HEARD) window.close()
  })
  channel.postMessage(code)
}

export interface WordFromBeside {
  /** Why the PIN is gone: the code from the small window, or USHER_SIGNIN_CANCELLED if none arrives. */
  reason(): Promise<string>
  stop(): void
}

/** In the waiting page. A message only explains an end that the server reported; by itself it ends nothing. */
export function listenBeside(): WordFromBeside {
  const channel = openChannel()
  const word = new Promise<string>((resolve) => {
    channel.addEventListener('message', ({ data }) => {
      if (typeof data === 'string' && data !== HEARD) resolve(data)
    })
  })
  return {
    async reason() {
      const silence = new Promise<string>((resolve) => {
        setTimeout(resolve, PATIENCE_MS, 'USHER_SIGNIN_CANCELLED')
      })
      const code = await Promise.race([word, silence])
      channel.postMessage(HEARD)
      return code
    },
    stop: () => channel.close()
  }
}
