import { isIP } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Problem } from '../domain/problems.ts'
import { type AddressClass, type AddressRule, classifyAddress } from './addresses.ts'
import type { Connection } from './connection.ts'
import { createDispatcher } from './dispatcher.ts'
import type { Resource } from './resources.ts'
import { readIdentity } from './server-identity.ts'
import { createUpstream, type UpstreamOptions } from './upstream.ts'

export interface ConnectionRules {
  /** Allows loopback addresses, for a plex.tv that is itself on loopback; default false. */
  readonly allowLoopback?: boolean
  /** Allows private, shared (CGNAT), unique-local and loopback addresses; default false. */
  readonly allowPrivate?: boolean
}

/** The `machineIdentifier` of the server at an address; rejects if none answers. Sends no token. */
export type Probe = (uri: string, isAllowed: AddressRule, signal: AbortSignal) => Promise<string>

export interface ChooseOptions extends ConnectionRules {
  readonly probe: Probe
  /** How long to wait for a better connection once a worse one has answered; default 500 ms. */
  readonly graceMs?: number
}

/**
 * Which addresses a server that somebody brings may have. Anyone can own a server and have plex.tv list any address
 * for it, so internal addresses are refused unless the operator allows them (SECURITY rules 42 and 76). Those of
 * cloud metadata are never allowed.
 */
export function addressRule({ allowLoopback, allowPrivate }: ConnectionRules = {}): AddressRule {
  const allowed = new Set<AddressClass>(['public'])
  if (allowPrivate) allowed.add('private')
  if (allowPrivate || allowLoopback) allowed.add('loopback')
  return (address) => allowed.has(classifyAddress(address))
}

/**
 * The connections worth trying, best first: local before remote before relay, https before http, IPv4 before IPv6.
 * Plain http exposes the token to the network, so it is allowed in private networks only.
 */
export function candidateConnections(resource: Resource, rules: ConnectionRules = {}): readonly Connection[] {
  const isAllowed = addressRule(rules)
  return resource.connections
    .filter((connection) => isCandidate(connection, resource, isAllowed))
    .sort((left, right) => rank(left) - rank(right))
    .slice(0, 16)
}

function isCandidate(connection: Connection, resource: Resource, isAllowed: AddressRule): boolean {
  const host = new URL(connection.uri).hostname.replace(/^\[|\]$/g, '')
  // A name is checked after DNS, by the dispatcher.
  if (isIP(host) !== 0 && !isAllowed(host)) return false
  if (isIP(connection.address) !== 0 && !isAllowed(connection.address)) return false
  if (connection.protocol === 'https') return true
  return !resource.httpsRequired && isIP(host) !== 0 && classifyAddress(host) !== 'public'
}

function rank({ local, relay, protocol, ipv6 }: Connection): number {
  return (relay ? 8 : local ? 0 : 4) + (protocol === 'https' ? 0 : 2) + (ipv6 ? 1 : 0)
}

/**
 * The best connection that proves by `/identity` to be the resource; throws USHER_UPSTREAM_UNREACHABLE if none does.
 * Direct ones are all tried at once, relays only after those failed.
 */
export async function chooseConnection(resource: Resource, options: ChooseOptions): Promise<Connection> {
  const candidates = candidateConnections(resource, options)
  const isAllowed = addressRule(options)
  const losers = new AbortController()
  try {
    for (const relay of [false, true]) {
      const group = candidates.filter((candidate) => candidate.relay === relay)
      const proofs = group.map(async ({ uri }) => {
        const found = await options.probe(uri, isAllowed, losers.signal)
        if (found !== resource.machineIdentifier) throw new Problem('USHER_UPSTREAM_INVALID')
      })
      const winner = await firstProven(proofs, options.graceMs ?? 500)
      const chosen = group[winner]
      if (chosen) return chosen
    }
  } finally {
    losers.abort()
  }
  throw new Problem('USHER_UPSTREAM_UNREACHABLE')
}

/** The index of the best proof that succeeds, or -1. Waits for better ones until `graceMs` after the first success. */
async function firstProven(proofs: readonly Promise<void>[], graceMs: number): Promise<number> {
  const settled = proofs.map((proof) =>
    proof.then(
      () => true,
      () => false
    )
  )
  const patience = Promise.any(proofs).then(
    () => delay(graceMs, false),
    () => false
  )
  for (const [index, proof] of settled.entries()) {
    if (await Promise.race([proof, patience])) return index
  }
  return -1
}

export interface ProbeOptions {
  /** For one connection as a whole. */
  readonly timeoutMs: number
  /** PEM text of an additional certificate authority. */
  readonly ca?: string | null
  readonly onOutcome?: UpstreamOptions['onOutcome']
}

/** A probe with its own sockets, closed after each use. */
export function createProbe({ timeoutMs, ca = null, onOutcome }: ProbeOptions): Probe {
  return async (uri, isAllowed, signal) => {
    const dispatcher = createDispatcher({ ca, connectTimeoutMs: timeoutMs, connections: 1, isAllowed })
    const upstream = createUpstream({
      service: 'pms',
      origin: uri,
      dispatcher,
      timeoutMs,
      ...(onOutcome ? { onOutcome } : {})
    })
    try {
      return (await readIdentity(upstream, signal)).machineIdentifier
    } finally {
      await dispatcher.destroy()
    }
  }
}
