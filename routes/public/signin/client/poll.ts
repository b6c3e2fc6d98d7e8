import { type Answer, ask, findSession, type Pin, type PinState, Refusal, type SessionView } from './api.ts'

export interface Awaiting {
  /** The session, or null when the pin ran out. Rejects with a `Refusal` that no waiting would cure. */
  readonly outcome: Promise<SessionView | null>
  stop(): void
}

/** Each kind is asked for by itself: a code in this tab and Plex's page in another are two sign-ins. */
export type PinKind = 'redirect' | 'link'

const LONGEST_PAUSE_MS = 15_000

/** A problem of the way there, not of the sign-in: the pin still holds, asking again may do. */
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
    // Phones stop timers while Plex is in front: coming back is the moment to ask.
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
    // The small window's callback may have finished the sign-in between two questions.
    const session = await findSession()
    if (session === null) throw error
    return { status: 'signed-in', session }
  }
}

/**
 * Asks until the pin is claimed or has run out. It never looks at the window: `closed` is wrong as soon as a page on
 * the way sends Cross-Origin-Opener-Policy.
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
    // One question past the end, so that the server says it and forgets the pin.
    while (Date.now() < endsAt + LONGEST_PAUSE_MS) {
      await pause(pauseMs, signal)
      signal.throwIfAborted()
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

/** Gives the pin back when the person turns away; that it is gone already is no news. */
export function dropPin(kind: PinKind): void {
  ask('DELETE', `/pin?kind=${kind}`).catch(() => undefined)
}
