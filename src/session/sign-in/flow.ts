import { createCodec, createLayout, integer, text } from '../../seal/codec.ts'
import type { Seal } from '../../seal/seal.ts'
import type { Device } from './device.ts'
import type { SignIn } from './sign-in.ts'

/**
 * One tab's trip to Plex's page and back. Its sealed form is the opaque key in `forwardUrl`: each of several tabs finds
 * its own `returnTo` again, even if the callback is reloaded and the sign-in cookie is gone.
 */
export interface Flow extends Pick<SignIn, 'pinId' | 'clientIdentifier' | 'expiresAt'> {
  readonly returnTo: string
  /** Client identifier in the device cookie of the browser that began it; '' if it had none. */
  readonly device: string
}

const version1 = createLayout({
  returnTo: text,
  pinId: integer,
  clientIdentifier: text,
  expiresAt: integer,
  device: text
})

export const flowCodec = createCodec<Flow>({
  version: 1,
  encode: version1.write,
  decoders: new Map([[1, version1.read]])
})

export function sealFlow(seal: Pick<Seal, 'seal'>, flow: Flow): string {
  return seal.seal('flow', flowCodec.encode(flow))
}

/** The flow of a key; null for any other text. */
export function unsealFlow(seal: Pick<Seal, 'unseal'>, key: string): Flow | null {
  const unsealed = seal.unseal('flow', key)
  return typeof unsealed === 'string' ? null : flowCodec.decode(unsealed.value)
}

/**
 * The sign-in of a flow whose sign-in cookie another tab has overwritten: restored tabs begin at the same moment, and
 * none knows the others' cookie. It can be finished only in the browser that began it, as the device cookie shows.
 * Neither the key alone nor the device alone signs anybody in.
 */
export function toSignIn(flow: Flow, device: Device | null, now: number): SignIn | undefined {
  const { pinId, clientIdentifier, expiresAt, returnTo } = flow
  if (device === null || device.clientIdentifier !== flow.device || now >= expiresAt) return undefined
  return { pinId, clientIdentifier, expiresAt, returnTo, code: '', kind: 'returned', tabs: 1 }
}
