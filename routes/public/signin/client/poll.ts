import { type Answer, ask, findSession, type Pin, type PinState, Refusal, type SessionView } from './api.ts'

export interface Awaiting {
  /** The session, or null if the PIN expired. Rejects with a `Refusal` that waiting would not cure. */
  readonly outcome: Promise<SessionView | null>
  stop(): void
}

/** Each kind is polled separately: a code in this tab and Plex's page in another are two sign-ins. */
export type PinKind = 'redirect' | 'link'

const LONGEST_PAUSE_MS = 15_000

/** A transport problem: the PIN is still good, and asking again may work. */
function isPassing({ code }: Refusal): boolean {
  return code === 'OFFLINE' || /_(LIMITED|UNREACHABLE|TIMEOUT|UPSTREAM_INVALID|INTERNAL)$/.test(code)
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', onVisible)
      resolve()
    }
    // Phones stop timers while Plex is in front, so ask when this page becomes visible again.
    const onVisible = () => {
      if (document.visibilityState === 'visible') wake()
    }
    const timer = setTimeout(wake, ms)
    document.addEventListener('visibilitychange', onVisible)
    signal.addEventListener('abort', wake, { once: true })
  })
}

async function readPin(kind: PinKind, signal: AbortSignal): Promise<PinState> {
  try {
    return (await ask<PinState>('GET', `/pin?kind=${kind}`, undefined, signal)).body
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'USHER_PIN_UNKNOWN') throw error
    // The callback in the small window may have finished the sign-in between two polls.
    const session = await findSession()
    if (session === null) throw error
    return { status: 'signed-in', session }
  }
}

/**
 * Polls until the PIN is claimed or expires. It never looks at the window, because `closed` is wrong as soon as a page
 * sends Cross-Origin-Opener-Policy.
 */
export function awaitPin(
  kind: PinKind,
  { body: pin, sentAt }: Answer<Pin>,
  onTrouble: (error: Refusal | null) => void
): Awaiting {
  const controller = new AbortController()
  const { signal } = controller
  const endsAt = Date.now() + Date.parse(pin.expiresAt) - sentAt

  const run = async (): Promise<SessionView | null> => {
    let pauseMs = pin.pollAfterMs
    // One poll past the end, so that the server reports the expiry and forgets the PIN.
    while (Date.now() < endsAt + LONGEST_PAUSE_MS) {
      await pause(pauseMs, signal)
      if (signal.aborted) throw new DOMException('no longer wanted', 'AbortError')
      try {
        const state = await readPin(kind, signal)
        onTrouble(null)
        if (state.status === 'expired') return null
        if (state.status === 'signed-in') return state.session ?? (await findSession())
        pauseMs = state.pollAfterMs ?? pin.pollAfterMs
      } catch (error) {
        if (!(error instanceof Refusal) || !isPassing(error)) throw error
        onTrouble(error)
        pauseMs = Math.max(error.retryAfter * 1000, Math.min(pauseMs * 2, LONGEST_PAUSE_MS))
      }
    }
    return null
  }
  return { outcome: run(), stop: () => controller.abort() }
}

/** Deletes the PIN when the person cancels. It may be gone already. */
export async function dropPin(kind: PinKind): Promise<void> {
  await ask('DELETE', `/pin?kind=${kind}`).catch(() => undefined)
}
