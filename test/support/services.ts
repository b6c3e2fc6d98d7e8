import type { Test } from 'tap'
import type { Grant } from '../../src/config/config.ts'
import { hashSecret } from '../../src/config/secret-hashes.ts'
import { type Simulator, startSimulator } from '../simulator/simulator.ts'
import type { Json } from './json.ts'
import { startTestUsher, type TestUsher } from './usher.ts'

export const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const SESSION = 'urn:usher:params:oauth:token-type:session'
export const ASSERTION = 'urn:usher:params:oauth:token-type:assertion'
export const TRANSIENT = 'urn:plex:params:oauth:token-type:transient'
export const ACCESS = 'urn:ietf:params:oauth:token-type:access_token'

/** Secrets by service; `full` holds every grant, the others what their name says. */
export const SECRETS = {
  full: 'Full-secret_of-the-test-1234567890',
  transient: 'Tran-secret_of-the-test-1234567890',
  scoped: 'Scop-secret_of-the-test-1234567890',
  idle: 'Idle-secret_of-the-test-1234567890'
} as const
export type ServiceId = keyof typeof SECRETS

const GRANTS: Readonly<Record<ServiceId, readonly Grant[]>> = {
  full: ['transient:session', 'transient:owner', 'scoped', 'sources', 'introspect'],
  transient: ['transient:session'],
  scoped: ['scoped'],
  idle: ['introspect']
}

export interface ServiceAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: Json
}

export type Members = Record<string, string | string[] | undefined>

export interface Delegation {
  readonly usher: TestUsher
  readonly simulator: Simulator
  readonly ownerToken: string
  /** Whether the media server accepts this token. */
  works(token: string): Promise<boolean>
  /** A request to the internal listener as Node's fetch sends it. */
  ask(path: string, init?: RequestInit): Promise<ServiceAnswer>
  /** A form to the internal listener, with the secret of a service. */
  post(service: ServiceId, path: string, members: Members): Promise<ServiceAnswer>
  /** `POST /tokens/delegated` with the grant type filled in. */
  exchange(service: ServiceId, members: Members): Promise<ServiceAnswer>
}

export interface DelegationOptions {
  readonly settings?: Record<string, string | undefined>
  readonly services?: readonly Record<string, unknown>[]
  /** The simulator of another Usher, for a second one. */
  readonly simulator?: Simulator
  readonly now?: () => number
}

export function serviceSetting(id: ServiceId, changes: Record<string, unknown> = {}) {
  return { id, secretHashes: [hashSecret(SECRETS[id])], grants: GRANTS[id], ...changes }
}

export function bearer(service: ServiceId): string {
  return `Bearer ${service}.${SECRETS[service]}`
}

/** An Usher with an owner token and services of every kind, in front of the simulator. */
export async function startDelegation(t: Test, options: DelegationOptions = {}): Promise<Delegation> {
  const simulator = options.simulator ?? (await startSimulator())
  if (options.simulator === undefined) t.teardown(() => simulator.close())
  const ownerToken = simulator.tokens.issue('owner', 'a-device-of-the-operator')
  const services = options.services ?? [
    serviceSetting('full', { maxTtl: '1h' }),
    serviceSetting('transient'),
    serviceSetting('scoped'),
    serviceSetting('idle')
  ]
  const usher = await startTestUsher(t, {
    simulator,
    settings: {
      USHER_PLEX_TOKEN: ownerToken,
      USHER_SERVICES: JSON.stringify(services),
      ...options.settings
    },
    ...(options.now && { now: options.now })
  })

  async function ask(path: string, init: RequestInit = {}): Promise<ServiceAnswer> {
    const response = await fetch(`${usher.internalUrl}${path}`, init)
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      text,
      get json() {
        return JSON.parse(text) as unknown
      }
    }
  }

  async function post(service: ServiceId, path: string, members: Members): Promise<ServiceAnswer> {
    const body = new URLSearchParams()
    for (const [name, value] of Object.entries(members)) {
      for (const item of [value ?? []].flat()) body.append(name, item)
    }
    return await ask(path, { method: 'POST', headers: { authorization: bearer(service) }, body })
  }

  return {
    usher,
    simulator,
    ownerToken,
    ask,
    post,
    exchange: (service, members) =>
      post(service, '/tokens/delegated', { grant_type: GRANT_TYPE, ...members }),
    async works(token) {
      const headers = { 'X-Plex-Token': token, Accept: 'application/json' }
      return (await fetch(`${simulator.pmsUrl}/library/sections`, { headers })).status === 200
    }
  }
}
