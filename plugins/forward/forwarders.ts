import type { Core } from '../../src/core.ts'
import type { AddressRule } from '../../src/plex/addresses.ts'
import { addressRule } from '../../src/plex/connections.ts'
import { createDispatcher } from '../../src/plex/dispatcher.ts'
import { toTransportProblem } from '../../src/plex/upstream-errors.ts'
import { createForwarder, type Forwarder } from '../../src/proxy/forward.ts'
import { createMediaLane } from '../../src/proxy/media-lane/media-lane.ts'
import type { PmsPrincipal } from './principals.ts'

export interface Forwarders {
  /** The way to a principal's media server. */
  of(principal: Pick<PmsPrincipal, 'role'>): Forwarder
  close(): Promise<void>
}

export interface ForwardersOptions {
  readonly core: Pick<Core, 'config' | 'metrics' | 'connectionRules'>
  /** Where the media server appears to browsers. */
  readonly mount: string
  readonly connectTimeoutMs: number
}

/**
 * The connections to media servers. Where sessions pick their server, each connection is judged by its address and
 * by whose server it is (SECURITY rule 42): a name proven yesterday may lead inside today, and a socket opened for
 * an owner must not serve anybody else.
 */
export function createForwarders({ core, mount, connectTimeoutMs }: ForwardersOptions): Forwarders {
  const { config, metrics, connectionRules } = core

  /** `mediaOrigin`: the one server that everything comes from. */
  function create(isAllowed: AddressRule | null, mediaOrigin: string | null): Forwarder {
    const { ca } = config.pms
    return createForwarder({
      service: 'pms',
      mount,
      createDispatcher: (connections) =>
        createDispatcher({
          connectTimeoutMs,
          ca,
          connections,
          ...(isAllowed && { isAllowed })
        }),
      ...(mediaOrigin !== null && {
        createMediaLane: (connections) =>
          createMediaLane({ origin: mediaOrigin, ca, connectTimeoutMs, connections })
      }),
      timeoutMs: config.upstreamTimeoutMs,
      secure: config.publicUrl.secure,
      sharedWithSite: config.allowedOrigins.length > 0,
      toProblem: toTransportProblem,
      onOutcome(outcome, seconds, call) {
        metrics.upstreamSeconds.observe({ upstream: 'pms', outcome }, seconds)
        // Whatever answers at this address next may be another server.
        if (outcome === 'unreachable') (call.principal as PmsPrincipal).mediaServer.forgetIdentity()
      }
    })
  }

  if (config.pms.url !== null) {
    const configured = create(null, config.mediaLane ? new URL(config.pms.url).origin : null)
    return { of: () => configured, close: () => configured.close() }
  }
  const own = create(addressRule({ owned: true }, connectionRules), null)
  const foreign = create(addressRule({ owned: false }, connectionRules), null)
  return {
    of: ({ role }) => (role === 'owner' ? own : foreign),
    async close() {
      await Promise.all([own.close(), foreign.close()])
    }
  }
}
