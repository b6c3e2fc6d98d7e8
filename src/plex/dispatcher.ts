import { isIP } from 'node:net'
import { getCACertificates } from 'node:tls'
import { Agent, buildConnector, type Dispatcher } from 'undici'
import { type AddressRule, addressRefused, createGuardedLookup } from './addresses.ts'
import type { Presences } from './presences.ts'

/** Time limit for connecting, TLS included: to plex.tv, to media servers and in probes. */
export const CONNECT_TIMEOUT_MS = 5000

export interface DispatcherOptions {
  /** PEM text of an additional certificate authority. */
  readonly ca?: string | null
  readonly connectTimeoutMs?: number
  /** Sockets per origin; default 64. */
  readonly connections?: number
  /** Where connections may lead, asked with the address itself, after DNS; default anywhere. */
  readonly isAllowed?: AddressRule
  /** Where its connections are counted. */
  readonly presences?: Presences
}

/**
 * An undici agent whose TLS verification cannot be switched off (SECURITY rule 52), with bounded sockets per
 * origin, HTTP/1.1 only, and no token, header or redirect of its own.
 */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { isAllowed, presences, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options
  const connect = buildConnector({
    allowH2: false,
    timeout: connectTimeoutMs,
    // Set explicitly: NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment must not override it.
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(options.ca ? { ca: [...getCACertificates('default'), options.ca] } : {}),
    ...(isAllowed ? { lookup: createGuardedLookup(isAllowed) } : {})
  })
  return new Agent({
    allowH2: false,
    pipelining: 1,
    connections: options.connections ?? 64,
    keepAliveTimeout: 10_000,
    keepAliveTimeoutThreshold: 2_000,
    connect: (target, callback) => {
      const host = target.hostname.replace(/^\[|\]$/g, '')
      // A literal address never reaches a lookup, so it is checked here.
      if (isAllowed && isIP(host) !== 0 && !isAllowed(host)) callback(addressRefused(), null)
      else connect(target, presences === undefined ? callback : counted(presences, target, callback))
    }
  })
}

/** The same callback, which counts the connection first. */
function counted(
  presences: Presences,
  { protocol, host }: buildConnector.Options,
  callback: buildConnector.Callback
): buildConnector.Callback {
  return (...[error, socket]) => {
    if (error !== null) return callback(error, null)
    const origin = `${protocol}//${host}`
    presences.opened(origin)
    socket.once('close', () => presences.closed(origin))
    callback(null, socket)
  }
}
