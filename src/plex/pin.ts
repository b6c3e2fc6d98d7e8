import { Problem } from '../domain/problems.ts'
import { toFields, toInteger, toToken } from './fields.ts'

/** A PIN of plex.tv. Anybody who knows its id and client identifier can fetch its token: both stay on the server. */
export interface Pin {
  readonly id: number
  readonly code: string
  /** Epoch ms. */
  readonly expiresAt: number
  /** Null until somebody has signed in with it. */
  readonly token: string | null
}

/** Link codes live 15 minutes. Strong ones may live longer, but nobody waits that long (reference/plex.md#pins). */
const MAX_SECONDS = 900

/** The PIN in a `/pins` response received at `now` (epoch ms); throws USHER_UPSTREAM_INVALID for anything else. */
export function toPin(data: unknown, now: number): Pin {
  const root = toFields(data)
  const fields = 'pin' in root ? toFields(root['pin']) : root
  const id = toInteger(fields['id'])
  const code = fields['code']
  // Use the remaining seconds: plex.tv's clock and this one may differ.
  const seconds = toInteger(fields['expiresIn'])
  if (id === null || id <= 0 || seconds === null || typeof code !== 'string' || !/^\w{4,64}$/.test(code)) {
    throw new Problem('USHER_UPSTREAM_INVALID')
  }
  const token = toToken(fields['authToken'])
  return { id, code, expiresAt: now + Math.max(0, Math.min(seconds, MAX_SECONDS)) * 1000, token }
}
