import type { PinView, SessionView } from './api.ts'
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
      const state = await ask<PinStatus>('GET', '/session/pin')
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
