import { randomUUID } from 'node:crypto'
import { createCodec, createLayout, integer, text } from '../../seal/codec.ts'

/** A browser as Plex sees it, in the device cookie. */
export interface Device {
  readonly clientIdentifier: string
  /**
   * The account that signed in here last, null before the first: the limits that strangers share do not lock this
   * browser out. By account, so that nobody gets a fresh ration with each fresh browser.
   */
  readonly knownAs: number | null
  /** Epoch ms: until then a PIN may yet be claimed under the identifier, whatever became of its sign-in here. */
  readonly lentUntil: number
}

/** Strong PINs were seen to live half an hour at plex.tv, longer than anybody is waited for here. */
const LENT_MS = 30 * 60_000

/** The device with its identifier lent to a PIN that has just been made. */
export function lendTo(device: Device, time: number): Device {
  return { ...device, lentUntil: time + LENT_MS }
}

/** The device after a sign-in under this identifier. */
export function signedInAs(accountId: number, clientIdentifier: string): Device {
  return { clientIdentifier, knownAs: accountId, lentUntil: 0 }
}

/**
 * The identifier for another sign-in of this browser. plex.tv keeps one token per account and identifier: while a PIN
 * is out under the browser's own, a sign-in beside it takes a new one, or the PIN, once claimed, would end its session.
 */
export function freeIdentifier(device: Device | null, time: number): string {
  return device === null || time < device.lentUntil ? createClientIdentifier() : device.clientIdentifier
}

/** A client identifier of its own for a browser: plex.tv keeps one token per account and identifier. */
export function createClientIdentifier(): string {
  return randomUUID()
}

const version1 = createLayout({ clientIdentifier: text })

export const deviceCodec = createCodec<Device>({
  version: 1,
  encode: ({ clientIdentifier, knownAs, lentUntil }) => [clientIdentifier, knownAs, lentUntil],
  decoders: new Map([
    [
      1,
      (members) => {
        const device = version1.read(members)
        const [, knownAs, lentUntil] = members
        // The first releases had no account in it, and later ones no time.
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
