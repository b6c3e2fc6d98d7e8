import { LRUCache } from 'lru-cache'
import type { Config } from '../../config/config.ts'
import { isTokenDead, Problem } from '../../domain/problems.ts'
import type { Pin } from '../../plex/pin.ts'
import type { PlexTv } from '../../plex/plex-tv.ts'
import type { Session } from '../session.ts'
import { createClientIdentifier } from './client-identifier.ts'
import { type OpenSessionOptions, openSession } from './open-session.ts'
import { type Device, freeIdentifier, type SignIn } from './sign-in.ts'

/** What a page may know of a PIN: its id, with which anybody could fetch the token, is not part of it. */
export interface PinView {
  readonly authUrl: string
  readonly code: string
  readonly linkUrl: string
  readonly expiresAt: string
  readonly pollAfterMs: number
}

export type PinOutcome =
  | { readonly status: 'pending'; readonly pollAfterMs: number }
  | { readonly status: 'signed-in'; readonly session: Session }
  | { readonly status: 'expired' }

export interface StartOptions {
  readonly kind: SignIn['kind']
  readonly returnTo: string
  readonly device: Device | null
  /** A sign-in of this browser that is still under way. */
  readonly before: SignIn | null
  /** Whether a session is open in this browser. */
  readonly signedIn: boolean
}

export interface PinSignIns {
  /** Makes a PIN at plex.tv, or takes up the one that this browser has: at most one per browser. */
  start(options: StartOptions): Promise<SignIn>
  /**
   * Asks plex.tv whether somebody signed in with it. Pending answers are remembered for a moment; `fresh` asks
   * all the same, for the browser that comes back from Plex's page while another one of its pages polls.
   */
  finish(signIn: SignIn, options?: { readonly fresh?: boolean }): Promise<PinOutcome>
  toView(signIn: SignIn): PinView
}

export interface PinSignInsOptions extends OpenSessionOptions {
  readonly config: OpenSessionOptions['config'] &
    Pick<Config, 'publicUrl' | 'plexUrl' | 'plexAppUrl' | 'client'>
  readonly plexTv: Pick<PlexTv, 'resources' | 'account' | 'createPin' | 'readPin'>
}

/** A PIN with less left than this is not taken up again. */
const REUSE_MS = 5 * 60_000
const MINUTE_MS = 60_000

/** Sign-in on Plex's own page, or with a code on another device (reference/plex.md#pins). */
export function createPinSignIns(options: PinSignInsOptions): PinSignIns {
  const { config, plexTv, now } = options
  const pending = new LRUCache<number, number>({ max: 10_000 })

  async function read(signIn: SignIn): Promise<Pin | null> {
    try {
      return await plexTv.readPin(signIn.pinId, signIn.clientIdentifier)
    } catch (error) {
      if (error instanceof Problem && error.code === 'USHER_PIN_UNKNOWN') return null
      throw error
    }
  }

  function pollAfterMs(signIn: SignIn): number {
    const left = signIn.expiresAt - now()
    return left > 14 * MINUTE_MS ? 1000 : left > 12 * MINUTE_MS ? 2000 : 4000
  }

  return {
    async start({ kind, returnTo, device, before, signedIn }) {
      // plex.tv keeps one token per account and identifier: a sign-in that may yet be abandoned takes a new one
      // where a session lives under the browser's own.
      const isBeside = signedIn && before?.clientIdentifier === device?.clientIdentifier
      if (before !== null && !isBeside && before.kind === kind && before.expiresAt - now() > REUSE_MS) {
        return { ...before, returnTo }
      }
      const clientIdentifier = signedIn ? createClientIdentifier() : freeIdentifier(device, now())
      const pin = await plexTv.createPin(clientIdentifier, { strong: kind === 'redirect' })
      return { pinId: pin.id, code: pin.code, clientIdentifier, returnTo, kind, expiresAt: pin.expiresAt }
    },

    async finish(signIn, { fresh = false } = {}) {
      const time = now()
      if (time >= signIn.expiresAt) return { status: 'expired' }
      const waitMs = pollAfterMs(signIn)
      // Pages that poll faster than they were told do not add to Usher's rate at plex.tv.
      if (!fresh && time - (pending.get(signIn.pinId) ?? 0) < waitMs / 2)
        return { status: 'pending', pollAfterMs: waitMs }
      const pin = await read(signIn)
      if (pin === null) return { status: 'expired' }
      if (pin.token === null) {
        pending.set(signIn.pinId, time)
        return { status: 'pending', pollAfterMs: waitMs }
      }
      const { clientIdentifier } = signIn
      try {
        const session = await openSession(options, { token: pin.token, clientIdentifier, method: 'pin' })
        return { status: 'signed-in', session }
      } catch (error) {
        // Signed out since somebody claimed it: the PIN is spent.
        if (error instanceof Problem && isTokenDead(error.cause)) return { status: 'expired' }
        throw error
      }
    },

    toView: (signIn) => ({
      authUrl: authUrl(config, signIn),
      code: signIn.code,
      linkUrl: `${config.plexUrl}/link/?pin=${signIn.code}`,
      expiresAt: new Date(signIn.expiresAt).toISOString(),
      pollAfterMs: pollAfterMs(signIn)
    })
  }
}

/**
 * Plex's sign-in page (reference/plex.md#sign-in-page). No token and no PIN id is in the address, only the code.
 */
function authUrl({ plexAppUrl, publicUrl, client }: PinSignInsOptions['config'], signIn: SignIn): string {
  // Told to the callback too: by then the page beside may have finished the sign-in, and its cookie is gone.
  const isSmallWindow = signIn.returnTo === `${publicUrl.basePath}/signin?window=done`
  const query = new URLSearchParams({
    clientID: signIn.clientIdentifier,
    code: signIn.code,
    'context[device][product]': client.product,
    'context[device][deviceName]': client.deviceName,
    'context[device][platform]': client.platform,
    'context[device][version]': client.version,
    forwardUrl: `${publicUrl.href}/session/callback${isSmallWindow ? '?window=done' : ''}`
  })
  return `${plexAppUrl}/auth#?${query}`
}
