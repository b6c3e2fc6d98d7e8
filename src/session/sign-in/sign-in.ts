import { createClientIdentifier } from './client-identifier.ts'

/** A sign-in under way in one browser: what its sealed cookie holds (reference/http.md#cookies). */
export interface SignIn {
  readonly pinId: number
  readonly code: string
  /** Not the browser's own where a session is open: an abandoned sign-in must not replace its token at plex.tv. */
  readonly clientIdentifier: string
  readonly returnTo: string
  readonly kind: 'redirect' | 'link'
  /** Epoch ms. */
  readonly expiresAt: number
}

/** A browser as Plex shall see it, in the device cookie. */
export interface Device {
  readonly clientIdentifier: string
  /**
   * The account that signed in here last, null before the first: the limits that strangers share do not lock this
   * browser out. By account, so that whoever has one gets no fresh ration with each fresh browser.
   */
  readonly knownAs: number | null
  /** Epoch ms: until then a PIN may yet be claimed under the identifier, whatever became of its sign-in here. */
  readonly lentUntil: number
}

/**
 * Strong PINs were seen to live half an hour at plex.tv (reference/plex.md#pins), longer than anybody is waited
 * for here.
 */
const LENT_MS = 30 * 60_000

/** The device with its identifier lent to a PIN that has just been made. */
export function lendTo(device: Device, time: number): Device {
  return { ...device, lentUntil: time + LENT_MS }
}

/**
 * The identifier for another sign-in of this browser. plex.tv keeps one token per account and identifier: while a PIN
 * is out under the browser's own, a sign-in beside it takes a new one, or the PIN, once claimed, would end its session.
 */
export function freeIdentifier(device: Device | null, time: number): string {
  return device === null || time < device.lentUntil ? createClientIdentifier() : device.clientIdentifier
}

export function toSealedSignIn(signIn: SignIn): readonly unknown[] {
  return [
    1,
    signIn.pinId,
    signIn.code,
    signIn.clientIdentifier,
    signIn.returnTo,
    signIn.kind,
    signIn.expiresAt
  ]
}

export function fromSealedSignIn(value: unknown): SignIn | null {
  if (!Array.isArray(value) || value[0] !== 1) return null
  const [, pinId, code, clientIdentifier, returnTo, kind, expiresAt] = value as readonly unknown[]
  if (!Number.isSafeInteger(pinId) || !Number.isSafeInteger(expiresAt)) return null
  if (typeof code !== 'string' || typeof clientIdentifier !== 'string' || typeof returnTo !== 'string')
    return null
  if (kind !== 'redirect' && kind !== 'link') return null
  return { pinId: pinId as number, code, clientIdentifier, returnTo, kind, expiresAt: expiresAt as number }
}

export function toSealedDevice(device: Device): readonly unknown[] {
  return [1, device.clientIdentifier, device.knownAs, device.lentUntil]
}

export function fromSealedDevice(value: unknown): Device | null {
  if (!Array.isArray(value) || value[0] !== 1) return null
  const [, clientIdentifier, knownAs, lentUntil] = value as readonly unknown[]
  if (typeof clientIdentifier !== 'string') return null
  // Cookies of before identifiers were lent have no time.
  return {
    clientIdentifier,
    knownAs: Number.isSafeInteger(knownAs) ? (knownAs as number) : null,
    lentUntil: Number.isSafeInteger(lentUntil) ? (lentUntil as number) : 0
  }
}
