import type { AccountKey, Accounts } from './accounts.ts'
import { randomText } from './secrets.ts'
import type { Tokens } from './tokens.ts'

const LINK_TTL_S = 900
const STRONG_TTL_S = 1800

export interface Pin {
  readonly id: number
  readonly code: string
  readonly clientIdentifier: string
  readonly product: string
  readonly strong: boolean
  /** Epoch milliseconds. */
  readonly createdAt: number
  readonly expiresAt: number
  readonly jwk: Readonly<Record<string, unknown>> | null
  authToken: string | null
  claimedBy: AccountKey | null
}

export interface PinRequest {
  readonly clientIdentifier: string
  readonly product: string
  readonly strong: boolean
  readonly jwk?: Readonly<Record<string, unknown>> | null
}

export interface Pins {
  create(request: PinRequest): Pin
  /** Undefined if unknown or expired. */
  find(idOrCode: number | string): Pin | undefined
  /** Signs the account in on the requesting device; false if unknown, expired or already claimed. */
  claim(idOrCode: number | string, account: AccountKey): boolean
  /** Removes the PIN, as if it had expired. */
  cancel(idOrCode: number | string): boolean
  living(): Pin[]
  createdBy(clientIdentifier: string): number
  /** Sets id and code of the next PIN. */
  preset(id: number, code: string): void
}

export function createPins(accounts: Accounts, tokens: Tokens, now: () => number): Pins {
  const pins = new Map<number, Pin>()
  let nextId = 564_964_751
  let nextCode: string | null = null

  const all = (): Pin[] => [...pins.values()]

  const find = (idOrCode: number | string): Pin | undefined => {
    const text = String(idOrCode)
    const pin = pins.get(Number(text)) ?? all().find(({ code }) => code.toLowerCase() === text.toLowerCase())
    return pin && pin.expiresAt > now() ? pin : undefined
  }
  /** Of four letters, as no other PIN has them: a claim names one. */
  const linkCode = (): string => {
    for (;;) {
      const fresh = randomText(4, LINK_ALPHABET)
      if (!all().some(({ code }) => code === fresh)) return fresh
    }
  }
  return {
    create: ({ clientIdentifier, product, strong, jwk = null }) => {
      const code = nextCode ?? (strong ? randomText(25, 'abcdefghijklmnopqrstuvwxyz0123456789') : linkCode())
      nextCode = null
      const createdAt = now()
      const expiresAt = createdAt + (strong ? STRONG_TTL_S : LINK_TTL_S) * 1000
      const pin: Pin = {
        id: nextId++,
        code,
        clientIdentifier,
        product,
        strong,
        createdAt,
        expiresAt,
        jwk,
        authToken: null,
        claimedBy: null
      }
      pins.set(pin.id, pin)
      return pin
    },
    find,
    claim: (idOrCode, key) => {
      const pin = find(idOrCode)
      if (!pin || pin.claimedBy !== null) return false
      pin.claimedBy = key
      const info = { product: pin.product }
      pin.authToken = tokens.issue(accounts.get(key), pin.clientIdentifier, info).token
      return true
    },
    cancel: (idOrCode) => {
      const pin = find(idOrCode)
      return pin !== undefined && pins.delete(pin.id)
    },
    living: () => all().filter((pin) => pin.expiresAt > now()),
    createdBy: (clientIdentifier) =>
      all().filter((pin) => pin.clientIdentifier === clientIdentifier && pin.expiresAt > now()).length,
    preset: (id, code) => {
      nextId = id
      nextCode = code
    }
  }
}

// Without letters and digits that are easily confused, and never digits only, which would look like an id.
const LINK_ALPHABET = 'ABCDEFGHJKMNPQRSTUVWXYZ'
