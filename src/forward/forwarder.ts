import type { Problem } from '../domain/problems.ts'
import { Compressors } from './compressor.ts'
import type { ForwardCall, ForwardContext } from './forward-call.ts'
import { Forwarding } from './forwarding.ts'
import { paceOf } from './pace.ts'
import { createPools, type PoolsOptions } from './pools.ts'
import { fixedFields } from './response-headers.ts'
import { tunnel, type UpgradeCall } from './upgrade.ts'

export interface ForwarderOptions extends PoolsOptions {
  readonly service: 'pms' | 'plex.tv'
  /** Where the upstream appears to browsers: `/pms` below the base path. */
  readonly mount: string
  /** Milliseconds until the head of a response, and again between two pieces of its body. */
  readonly timeoutMs: number
  /** Whether browsers use https. */
  readonly secure: boolean
  /** Whether frontends of other origins on the same site may embed what is forwarded. */
  readonly sharedWithSite: boolean
  /** Whether texts are compressed as clients allow. */
  readonly compress?: boolean
  readonly toProblem: (error: unknown) => Problem
  readonly onOutcome: ForwardContext['onOutcome']
  readonly onBusy?: () => void
}

export interface Forwarder {
  /** Sends the request on and streams the response back, or answers with a problem; never throws. */
  forward(call: ForwardCall): void
  /** Joins a browser's socket and the upstream's into a tunnel, or answers with a problem. */
  upgrade(call: UpgradeCall): void
  close(): Promise<void>
}

/** Forwards requests to one upstream service. Nothing of a user is kept here: tokens ride on single requests. */
export function createForwarder(options: ForwarderOptions): Forwarder {
  const { timeoutMs } = options
  const context: ForwardContext = {
    service: options.service,
    mount: options.mount,
    pools: createPools(options),
    timeoutMs,
    paces: {
      api: paceOf('api', timeoutMs),
      media: paceOf('media', timeoutMs),
      event: paceOf('event', timeoutMs),
      upgrade: paceOf('upgrade', timeoutMs)
    },
    fixed: fixedFields(options),
    compressors: options.compress === true ? new Compressors() : null,
    toProblem: options.toProblem,
    onOutcome: options.onOutcome,
    onBusy: options.onBusy ?? (() => {}),
    noRetryUntil: 0
  }
  return {
    forward: (call) => new Forwarding(context, call).start(),
    upgrade: (call) => tunnel(context, call),
    close: () => context.pools.close()
  }
}
