import { createCodec, createLayout, integer, oneOf, text } from '../../seal/codec.ts'
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

const signIn1 = createLayout({
  pinId: integer,
  code: text,
  clientIdentifier: text,
  returnTo: text,
  kind: oneOf(['redirect', 'link']),
  expiresAt: integer
})

export const signInCodec = createCodec<SignIn>({
  version: 1,
  encode: signIn1.write,
  decoders: new Map([[1, signIn1.read]])
})

const device1 = createLayout({ clientIdentifier: text })

export const deviceCodec = createCodec<Device>({
  version: 1,
  encode: ({ clientIdentifier, knownAs, lentUntil }) => [clientIdentifier, knownAs, lentUntil],
  decoders: new Map([
    [
      1,
      (members) => {
        const device = device1.read(members)
        const [, knownAs, lentUntil] = members
        // Cookies of before identifiers were lent have no time, and the first of all had no account.
        return (
          device && {
            ...device,
            knownAs: integer(knownAs) ? knownAs : null,
            lentUntil: integer(lentUntil) ? lentUntil : 0
          }
        )
      }
    ]
  ])
})
