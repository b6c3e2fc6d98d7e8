import { randomUUID } from 'node:crypto'
import { createCodec, createLayout, integer, text } from '../../seal/codec.ts'

/** A browser as Plex sees it, in the device cookie. */
export interface Device {
  readonly clientIdentifier: string
  /**
   * The account that signed in here last, null before the first: the limits that strangers share do not lock this
   * browser out. By account, so that a new browser does not bring new attempts.
   */
  readonly knownAs: number | null
  /** Until then a PIN may still be claimed under the identifier, whatever became of its sign-in here; epoch ms. */
  readonly lentUntil: number
}

/** Strong PINs were seen to live half an hour at plex.tv, longer than Usher waits for anybody. */
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
 * is out under the browser's own, another sign-in takes a new one. Otherwise the PIN, once claimed, would end its
 * session.
 */
export function freeIdentifier(device: Device | null, time: number): string {
  return device === null || time < device.lentUntil ? createClientIdentifier() : device.clientIdentifier
}

/** A client identifier for one browser alone: plex.tv keeps one token per account and identifier. */
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
        // The first releases wrote no account, and later ones no time.
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
