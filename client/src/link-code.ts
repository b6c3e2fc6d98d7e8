import type { PinView, SessionView } from './api.ts'
import { UsherError } from './problem.ts'
import type { Ask } from './transport.ts'

/** A sign-in by a code that is entered at plex.tv/link on another device. */
export type LinkCodeState =
  | { readonly status: 'pending'; readonly code: string; readonly linkUrl: string; readonly expiresAt: Date }
  | { readonly status: 'signed-in'; readonly session: SessionView }
  | { readonly status: 'expired' }

type PinStatus =
  | { readonly status: 'pending'; readonly pollAfterMs: number }
  | { readonly status: 'signed-in'; readonly session: SessionView }
  | { readonly status: 'expired' }

/** Yields each state as it comes, `pending` first. Leaving the loop early cancels the code. */
export async function* linkCode(ask: Ask): AsyncGenerator<LinkCodeState, void, void> {
  const pin = await ask<PinView>('POST', '/session/pin', { kind: 'link' })
  let isOver = false
  try {
    yield { status: 'pending', code: pin.code, linkUrl: pin.linkUrl, expiresAt: new Date(pin.expiresAt) }
    for (let waitMs = pin.pollAfterMs; !isOver; ) {
      await new Promise((resolve) => setTimeout(resolve, waitMs))
      const state = await poll(ask, waitMs)
      if (state.status === 'pending') waitMs = state.pollAfterMs
      else {
        isOver = true
        yield state
      }
    }
  } finally {
    if (!isOver) await ask('DELETE', '/session/pin').catch(() => undefined)
  }
}

/** The state of the code. A poll that gets lost says nothing about it, so a failed line counts as `pending`. */
async function poll(ask: Ask, waitMs: number): Promise<PinStatus> {
  try {
    return await ask<PinStatus>('GET', '/session/pin')
  } catch (error) {
    if (!(error instanceof UsherError)) return { status: 'pending', pollAfterMs: waitMs }
    // Usher says `expired` once, and that response can be lost too.
    if (error.code === 'USHER_PIN_UNKNOWN') return { status: 'expired' }
    if (error.status < 500 && error.status !== 429) throw error
    return { status: 'pending', pollAfterMs: Math.max(waitMs, 1000 * (error.retryAfter ?? 0)) }
  }
}
