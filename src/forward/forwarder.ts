import type { Dispatcher } from 'undici'
import type { Problem } from '../domain/problems.ts'
import { Exchange } from './exchange.ts'
import type {
  FetchClass,
  ForwardCall,
  ForwardContext,
  Lane,
  LaneDispatcher,
  PoolLane
} from './forward-call.ts'
import type { RouteClass } from './policy-table.ts'
import { fixedFields } from './response-headers.ts'
import { tunnel, type UpgradeCall } from './upgrade.ts'

export interface ForwarderOptions {
  readonly service: 'pms' | 'plex.tv'
  /** Where the upstream appears to browsers: `/pms` below the base path. */
  readonly mount: string
  /**
   * Makes a pool of so many connections per origin. Each class has its own: streams that last for hours must not
   * take the connections that short answers wait for.
   */
  readonly createDispatcher: (connections: number) => Dispatcher
  /** Makes leaner lanes, each of so many connections a server, for what is fetched. */
  readonly createMediaLane?: (connections: number) => LaneDispatcher
  /** Connections per origin where they differ from the usual. */
  readonly connections?: Partial<Record<RouteClass, number>>
  /** Milliseconds until the head of an answer, and again between two pieces of its body. */
  readonly timeoutMs: number
  /** Whether browsers come by https. */
  readonly secure: boolean
  /** Whether frontends of other origins on the same site may embed what is forwarded. */
  readonly sharedWithSite: boolean
  readonly toProblem: (error: unknown) => Problem
  readonly onOutcome: ForwardContext['onOutcome']
}

export interface Forwarder {
  /** Sends the request on and streams the answer back, or answers with a problem; never throws. */
  forward(call: ForwardCall): void
  /** Joins a browser's socket and the upstream's into a tunnel, or answers with a problem. */
  upgrade(call: UpgradeCall): void
  close(): Promise<void>
}

/** Connections per origin. Browsers keep about one event stream and one socket open per tab. */
const CONNECTIONS: Readonly<Record<RouteClass, number>> = {
  api: 128,
  media: 512,
  event: 10_000,
  upgrade: 10_000
}

/** Forwards requests to one upstream service. Nothing of a user is kept here: tokens ride on single requests. */
export function createForwarder(options: ForwarderOptions): Forwarder {
  const connectionsOf = (kind: RouteClass): number => options.connections?.[kind] ?? CONNECTIONS[kind]
  const createLane = (kind: RouteClass): PoolLane => {
    const connections = connectionsOf(kind)
    return { dispatcher: options.createDispatcher(connections), connections, lends: false, open: 0 }
  }
  const { createMediaLane } = options
  const createFetchLane = (create: NonNullable<typeof createMediaLane>, kind: FetchClass): Lane => {
    const connections = connectionsOf(kind)
    return { dispatcher: create(connections), connections, lends: true, open: 0 }
  }
  const context: ForwardContext = {
    service: options.service,
    mount: options.mount,
    lanes: {
      api: createLane('api'),
      media: createLane('media'),
      event: createLane('event'),
      upgrade: createLane('upgrade')
    },
    fetchLanes:
      createMediaLane === undefined
        ? null
        : { api: createFetchLane(createMediaLane, 'api'), media: createFetchLane(createMediaLane, 'media') },
    timeoutMs: options.timeoutMs,
    fixed: fixedFields(options),
    toProblem: options.toProblem,
    onOutcome: options.onOutcome,
    noRetryUntil: 0
  }
  return {
    forward: (call) => new Exchange(context, call).start(),
    upgrade: (call) => tunnel(context, call),
    async close() {
      const lanes = [...Object.values(context.lanes), ...Object.values(context.fetchLanes ?? {})]
      await Promise.all(lanes.map(({ dispatcher }) => dispatcher.destroy()))
    }
  }
}
