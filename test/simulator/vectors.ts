import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { JsonObject } from './json.ts'
import type { Simulator } from './simulator.ts'
import { send, type WireAnswer } from './wire.ts'

/** One recorded example (reference/plex.md#recorded-examples). */
export interface Vector {
  readonly id: string
  readonly name: string
  readonly request: {
    readonly method: string
    readonly url: string
    readonly headers?: Readonly<Record<string, string>>
    readonly form?: Readonly<Record<string, string>>
    readonly body?: JsonObject
    readonly deviceJwt?: { readonly header: JsonObject; readonly payload: JsonObject }
  }
  readonly response: {
    readonly status: number
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: unknown
    readonly text?: string
    readonly plexJwtPayload?: JsonObject
    readonly alternatives?: readonly Alternative[]
  }
}

export interface Alternative {
  readonly when: string
  readonly status: number
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export const OWNER_TOKEN = 'sim-usr-tok-00000001'
const CLIENT = '5d0c1a34-7f5e-4f0a-9d2b-1b3c5e7f9a01'
/** 2026-11-24T17:00:00Z. */
export const VECTOR_TIME = 1_795_539_600_000
const PIN_TIME = VECTOR_TIME + 3000
const STRONG_CODE = '8lzjqnq8lye02n52jq3fqxf8e'

export function loadVectors(): Vector[] {
  return JSON.parse(readFileSync(new URL('./vectors.json', import.meta.url), 'utf8')) as Vector[]
}

/** Puts a simulator that was started with `vectors: true` into the state that the case needs. */
export async function prepare(simulator: Simulator, vector: Vector): Promise<void> {
  const signedIn = vector.request.headers?.['X-Plex-Token'] === OWNER_TOKEN
  if (signedIn) simulator.tokens.issue('owner', CLIENT, OWNER_TOKEN)
  await STATES[vector.id]?.(simulator)
}

const twoFactor = (simulator: Simulator): void =>
  simulator.accounts.set('owner', { verificationCode: '123456' })
const pin = async (simulator: Simulator): Promise<void> => {
  simulator.clock.set(PIN_TIME)
  simulator.pins.preset(564_964_751, STRONG_CODE)
  const headers = { 'X-Plex-Client-Identifier': CLIENT, 'X-Plex-Product': 'BFF' }
  await send(`${simulator.plexUrl}/api/v2/pins?strong=true`, { method: 'POST', headers })
}

const STATES: Readonly<Record<string, (simulator: Simulator) => void | Promise<void>>> = {
  'TV-03': twoFactor,
  'TV-04': twoFactor,
  'TV-05': twoFactor,
  'TV-06': (simulator) => simulator.accounts.set('owner', { emailOnlyAuth: true }),
  'TV-07': (simulator) => simulator.limits.lock('127.0.0.1'),
  'TV-09': (simulator) => simulator.limits.set({ signIns: 0 }),
  'TV-12': (simulator) => simulator.modes.set({ deadToken: 422 }),
  'TV-13': (simulator) => {
    simulator.clock.set(PIN_TIME)
    simulator.pins.preset(564_964_751, STRONG_CODE)
  },
  'TV-14': (simulator) => {
    simulator.clock.set(PIN_TIME)
    simulator.pins.preset(564_964_752, '7RQZ')
  },
  'TV-15': async (simulator) => {
    await pin(simulator)
    simulator.clock.advance(24_000)
  },
  'TV-16': async (simulator) => {
    await pin(simulator)
    simulator.pins.claim(STRONG_CODE, 'owner')
    simulator.clock.advance(60_000)
  },
  'TV-18': async (simulator) => {
    simulator.pins.preset(564_964_752, '7RQZ')
    const headers = { 'X-Plex-Client-Identifier': 'television' }
    await send(`${simulator.plexUrl}/api/v2/pins`, { method: 'POST', headers })
  },
  'TV-25': (simulator) => simulator.limits.set({ homeSwitches: 0 }),
  'TV-27': (simulator) => simulator.jwt.presetNonce('7c415b56-8f48-488a-98ab-847ef4460442'),
  'TV-30': (simulator) =>
    simulator.jwt.publish([
      {
        kty: 'OKP',
        crv: 'Ed25519',
        x: 'ZMZVfsxQN6j1IJe1V4YdbuBzctrouOXphsGGQ9Oa0ug',
        use: 'sig',
        alg: 'EdDSA',
        kid: 'rF99BTGQ3oprqZstwoahR-rDUDGd8Lf2iU8WFtC2d_8'
      }
    ]),
  'TV-36': (simulator) =>
    simulator.presetSecrets('transient', 'transient-90904684-f91a-4391-8bf7-e0dfa7240285'),
  'TV-38': (simulator) =>
    simulator.presetSecrets('transient', 'transient-fa75f159-b9d2-42b6-8fbd-1761c7a4195a')
}

/** Sends the request of the case to the simulator's addresses. */
export async function sendVector(simulator: Simulator, vector: Vector): Promise<WireAnswer> {
  const { method, url, headers = {}, form } = vector.request
  const body = form ? new URLSearchParams(form).toString() : await jsonBody(simulator, vector)
  return send(toSimulator(simulator, vector, url), {
    method,
    headers,
    ...(body === undefined ? {} : { body })
  })
}

function toSimulator(simulator: Simulator, vector: Vector, url: string): string {
  const rest = url.replace(/^https?:\/\/[^/]+/, '')
  if (!url.startsWith('http://127.0.0.1:32400')) return simulator.plexUrl + rest
  // The only server token among the vectors is the owner's on Den (TV-19), so Den serves the file.
  return (vector.id === 'TV-39' ? simulator.pms2Url : simulator.pmsUrl) + rest
}

/** The vectors have a placeholder for device JWTs; here a real key signs one. */
async function jsonBody(simulator: Simulator, { id, request }: Vector): Promise<string | undefined> {
  if (id !== 'TV-28' && id !== 'TV-29') return request.body && JSON.stringify(request.body)
  const jwt = await deviceJwt(simulator, loadVectors().find((vector) => vector.id === 'TV-28') ?? { request })
  if (id === 'TV-28') return JSON.stringify({ jwt })
  const [head, payload, signature = ''] = jwt.split('.')
  const tampered = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`
  return JSON.stringify({ jwt: `${head}.${payload}.${tampered}` })
}

async function deviceJwt(simulator: Simulator, { request }: Pick<Vector, 'request'>): Promise<string> {
  const { header = {}, payload = {} } = request.deviceJwt ?? {}
  simulator.clock.set(VECTOR_TIME + 1000)
  simulator.jwt.presetNonce(String(payload['nonce']))
  await send(`${simulator.plexUrl}/api/v2/auth/nonce`, { headers: { 'X-Plex-Client-Identifier': CLIENT } })
  const key = await registerKey(simulator, CLIENT, String(header['kid']))
  return signJwt(key, header, payload)
}

/** Signs the owner in at that client and registers a fresh Ed25519 key for it. */
export async function registerKey(simulator: Simulator, client: string, kid: string): Promise<KeyObject> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: 'EdDSA', use: 'sig' }
  await send(`${simulator.plexUrl}/api/v2/auth/jwk`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'X-Plex-Client-Identifier': client,
      'X-Plex-Token': simulator.tokens.issue('owner', client)
    },
    body: JSON.stringify({ jwk })
  })
  return privateKey
}

export function signJwt(key: KeyObject, header: JsonObject, payload: JsonObject): string {
  const encode = (value: JsonObject): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const head = `${encode(header)}.${encode(payload)}`
  return `${head}.${sign(null, Buffer.from(head), key).toString('base64url')}`
}
