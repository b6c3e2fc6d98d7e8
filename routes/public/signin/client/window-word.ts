import { settings } from './dom.ts'

const HEARD = 'heard'
// The page asks when the pin is gone; the small window may only be loading then.
const PATIENCE_MS = 3000

/** Plex's page severs every handle between the two windows (Cross-Origin-Opener-Policy); a channel it does not. */
function openChannel(): BroadcastChannel {
  return new BroadcastChannel(`usher-window ${settings().base}`)
}

/** In the small window, back from Plex with a problem: tells it to the page beside, and closes once that says it. */
export function tellBeside(code: string): void {
  const channel = openChannel()
  channel.addEventListener('message', ({ data }) => {
    if (data === HEARD) window.close()
  })
  channel.postMessage(code)
}

export interface WordFromBeside {
  /** Why the pin is gone: the code that the small window came back with; without one, the person turned away. */
  reason(): Promise<string>
  stop(): void
}

/** In the page that waits. What is heard only explains an end that the server told; by itself it ends nothing. */
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
