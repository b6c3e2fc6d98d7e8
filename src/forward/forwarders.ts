import type { Core } from '../app/core.ts'
import { createLane } from '../fetch/lane.ts'
import { createLanes } from '../fetch/lanes.ts'
import type { Guard } from '../fetch/opener.ts'
import { createBufferPool } from '../fetch/read-buffers.ts'
import { type AddressRule, addressRefused, createGuardedLookup } from '../plex/addresses.ts'
import { addressRule } from '../plex/connections.ts'
import { CONNECT_TIMEOUT_MS, createDispatcher } from '../plex/dispatcher.ts'
import { toTransportProblem } from '../plex/upstream-errors.ts'
import { createForwarder, type Forwarder } from './forwarder.ts'
import type { PmsPrincipal } from './principals.ts'

export interface Forwarders {
  /** The way to a principal's media server. */
  of(principal: Pick<PmsPrincipal, 'role'>): Forwarder
  close(): Promise<void>
}

export interface ForwardersOptions {
  readonly core: Pick<Core, 'config' | 'metrics' | 'connectionRules' | 'presences'>
  /** Where the media server appears to browsers. */
  readonly mount: string
}

/**
 * The connections to media servers. Where sessions pick their server, each connection is judged by its address
 * (SECURITY rules 42 and 76): a name that was proven yesterday may lead inside today.
 */
export function createForwarders({ core, mount }: ForwardersOptions): Forwarders {
  const { config, metrics, connectionRules, presences } = core
  const buffers = createBufferPool()
  const { url } = config.pms
  const target = { service: 'pms', host: url === null ? null : new URL(url).host } as const

  function create(isAllowed: AddressRule | null): Forwarder {
    const { ca } = config.pms
    const guard = isAllowed === null ? null : toGuard(isAllowed)
    return createForwarder({
      service: 'pms',
      mount,
      createDispatcher: (connections) =>
        createDispatcher({ ca, connections, presences, ...(isAllowed && { isAllowed }) }),
      ...(config.mediaLane && {
        createLanes: (connections) =>
          createLanes((origin) =>
            createLane({
              origin,
              ca,
              connectTimeoutMs: CONNECT_TIMEOUT_MS,
              connections,
              buffers,
              onOpen: () => presences.opened(origin),
              onClose: () => presences.closed(origin),
              ...(guard && { guard })
            })
          )
      }),
      timeoutMs: config.upstreamTimeoutMs,
      secure: config.publicUrl.secure,
      sharedWithSite: config.allowedOrigins.length > 0,
      toProblem: (error) => toTransportProblem(error, target),
      compress: config.compress,
      onBusy: () => metrics.rateLimited.inc({ limit: 'account_requests' }),
      onOutcome(outcome, seconds, call) {
        metrics.upstreamSeconds.observe({ upstream: 'pms', outcome }, seconds)
        // The next server at this address may be another one.
        if (outcome === 'unreachable') (call.principal as PmsPrincipal).mediaServer.forgetIdentity()
      }
    })
  }

  if (config.pms.url !== null) {
    const configured = create(null)
    return { of: () => configured, close: () => configured.close() }
  }
  const chosen = create(addressRule(connectionRules))
  return { of: () => chosen, close: () => chosen.close() }
}

/** The same rule for the lanes as for undici's pools. */
function toGuard(isAllowed: AddressRule): Guard {
  return {
    lookup: createGuardedLookup(isAllowed),
    refuse: (address) => (isAllowed(address) ? null : addressRefused())
  }
}
