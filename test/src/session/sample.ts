import { randomBytes } from 'node:crypto'
import { createKeyRing, type SessionKey } from '../../../src/seal/key-ring.ts'
import { createSeal, type Seal } from '../../../src/seal/seal.ts'
import type { Session } from '../../../src/session/session.ts'

export const NOW = 1_800_000_000_000
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** A signed-in owner, good for 30 days and idle for 7, checked and seen at `NOW`. */
export function sampleSession(changes: Partial<Session> = {}): Session {
  return {
    id: randomBytes(16).toString('base64url'),
    account: {
      id: 13_692_262,
      uuid: '212acf24b07315e5',
      username: 'simuser',
      title: 'Sim User',
      email: 'sim@example.com',
      emailVerified: true,
      restricted: false
    },
    accountToken: 'sample-account-token',
    clientIdentifier: '5d0c1a34-7f5e-4f0a-9d2b-1b3c5e7f9a01',
    role: 'owner',
    server: { name: 'Box', machineIdentifier: 'c997cf82c4158cb986ccc0e8f829a6f5d5086a63', uri: null },
    serverToken: 'sample-account-token',
    method: 'password',
    signedInAt: NOW,
    expiresAt: NOW + 30 * DAY,
    seenAt: NOW,
    idleExpiresAt: NOW + 7 * DAY,
    checkedAt: NOW,
    homeAdmin: null,
    ...changes
  }
}

export function sampleKey(kid: string): SessionKey {
  return { kid, secret: randomBytes(32) }
}

export interface SampleSealOptions {
  readonly keys?: readonly SessionKey[]
  readonly binding?: string
  readonly names?: { readonly session: string; readonly signin: string; readonly device: string }
}

export const NAMES = {
  session: '__Host-usher',
  signin: '__Host-usher-signin',
  device: '__Host-usher-device'
} as const

/** A seal as `createCore` makes it: a cookie's name is part of its purpose. */
export function sampleSeal(options: SampleSealOptions = {}): Seal {
  const { keys = [sampleKey('k1')], binding = 'https://usher.example', names = NAMES } = options
  return createSeal(
    createKeyRing(keys),
    (purpose) =>
      `${purpose} ${purpose in names ? names[purpose as keyof typeof names] : names.session} ${binding}`
  )
}

/** A clock that stands until it is moved. */
export function createClock(at = NOW): { now: () => number; advance(ms: number): void } {
  let time = at
  return {
    now: () => time,
    advance(ms) {
      time += ms
    }
  }
}
