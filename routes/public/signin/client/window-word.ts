import { Refusal } from './api.ts'
import { settings } from './dom.ts'

const HEARD = 'heard'
// How long the page waits for a word of the small window, which may still be loading, on a slow line: if only the
// window knows why the PIN is gone, and if the page was refused itself.
const PATIENCE_MS = 10_000
const REFUSED_MS = 3000
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
  /**
   * Resolves when the small window has had time for its word. One look at the PIN may refuse page and window together;
   * if this page went on sooner, the window would stay open.
   */
  settled(): Promise<void>
  /** The page shows how it ended: the small window closes, even if it comes back later. */
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
  const wait = (ms: number): Promise<Refusal | null> => {
    const silence = new Promise<null>((resolve) => {
      setTimeout(resolve, channel === null ? 0 : ms, null)
    })
    return Promise.race([word, silence])
  }
  return {
    reason: async () => (await wait(PATIENCE_MS)) ?? new Refusal('USHER_SIGNIN_CANCELLED'),
    settled: async () => void (await wait(REFUSED_MS)),
    stop() {
      void word.then(() => channel?.postMessage(HEARD))
      void wait(PATIENCE_MS).then(() => channel?.close())
    }
  }
}
