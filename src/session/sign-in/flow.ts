import { createCodec, createLayout, integer, text } from '../../seal/codec.ts'
import type { Seal } from '../../seal/seal.ts'
import type { SignIn } from './sign-in.ts'

/**
 * One tab's way to Plex's page and back. Its sealed form is the opaque key in `forwardUrl`: each of several tabs
 * finds its own `returnTo` again, also when a callback is loaded anew and the sign-in cookie is gone. It signs nobody
 * in: that takes the PIN in the sign-in cookie of this browser.
 */
export interface Flow extends Pick<SignIn, 'pinId' | 'clientIdentifier' | 'expiresAt'> {
  readonly returnTo: string
}

const version1 = createLayout({
  returnTo: text,
  pinId: integer,
  clientIdentifier: text,
  expiresAt: integer
})

export const flowCodec = createCodec<Flow>({
  version: 1,
  encode: version1.write,
  decoders: new Map([[1, version1.read]])
})

export function sealFlow(seal: Pick<Seal, 'seal'>, flow: Flow): string {
  return seal.seal('flow', flowCodec.encode(flow))
}

/** The flow behind a key, null for what is none. */
export function unsealFlow(seal: Pick<Seal, 'unseal'>, key: string): Flow | null {
  const unsealed = seal.unseal('flow', key)
  return typeof unsealed === 'string' ? null : flowCodec.decode(unsealed.value)
}
