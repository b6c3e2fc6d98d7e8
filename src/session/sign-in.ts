/** A sign-in under way in one browser: what its sealed cookie holds (CONTRACT §3). */
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
  /** A sign-in succeeded here before, so the limit that strangers share does not lock this browser out. */
  readonly trusted: boolean
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
  return [1, device.clientIdentifier, device.trusted]
}

export function fromSealedDevice(value: unknown): Device | null {
  if (!Array.isArray(value) || value[0] !== 1) return null
  const [, clientIdentifier, trusted] = value as readonly unknown[]
  return typeof clientIdentifier === 'string' ? { clientIdentifier, trusted: trusted === true } : null
}
