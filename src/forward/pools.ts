import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { IdentityFields } from '../fetch/identity-fields.ts'
import type { TransferHandler } from '../fetch/transfer.ts'
import type { RouteClass } from './policy-table.ts'
import { type ClassLimits, LIMITS, Scheduler } from './scheduler.ts'

/** What forwarding asks of connections: undici's, or those of a lane. */
export interface PoolDispatcher {
  dispatch(
    options: {
      origin: string
      path: string
      method: Dispatcher.HttpMethod
      headers: string[]
      /** What a lane sets behind the headers; undici has it among them. */
      identity: IdentityFields
      body: Readable | Buffer | null
      headersTimeout: number
      bodyTimeout: number
    },
    handler: TransferHandler
  ): boolean
  destroy(): Promise<void>
}

/** The connections of one class, and who gets them. */
export interface Pool {
  readonly dispatcher: PoolDispatcher
  /** Whether a piece of a body is only lent: left as it is while paused, and overwritten afterwards. */
  readonly lends: boolean
  /** Who lends the connections to one server. */
  schedulerTo(origin: string): Scheduler
}

/** Connections of undici's, which upgrade too. */
export interface UndiciPool extends Pool {
  readonly dispatcher: Dispatcher
}

export interface Pools {
  readonly upgrade: UndiciPool
  /** The pool for a request: lanes for fetches, if they are enabled. */
  of(kind: RouteClass, method: string): Pool
  close(): Promise<void>
}

export interface PoolsOptions {
  /** Makes undici's connections, so many to each server. */
  readonly createDispatcher: (connections: number) => Dispatcher
  /** Makes lanes, each of so many connections to its server. */
  readonly createLanes?: (connections: number) => PoolDispatcher
  /** Connections to each server, if different from the default. */
  readonly connections?: Partial<Record<RouteClass, number>>
  /** Nobody waits longer for a connection. */
  readonly timeoutMs: number
}

/** With more servers than this, idle ones are dropped. */
const MANY = 64

/**
 * Each class has its own connections: streams that last for hours must not take those that short responses wait for.
 */
export function createPools(options: PoolsOptions): Pools {
  const { createDispatcher, createLanes, timeoutMs } = options
  const limitsOf = (kind: RouteClass): ClassLimits => ({
    ...LIMITS[kind],
    connections: options.connections?.[kind] ?? LIMITS[kind].connections
  })

  function create<D extends PoolDispatcher>(
    kind: RouteClass,
    lends: boolean,
    dispatcherOf: (connections: number) => D
  ) {
    const limits = limitsOf(kind)
    const schedulerTo = createSchedulers(limits, timeoutMs)
    return { dispatcher: dispatcherOf(limits.connections), lends, schedulerTo }
  }

  const pools = {
    api: create('api', false, createDispatcher),
    media: create('media', false, createDispatcher),
    event: create('event', false, createDispatcher),
    upgrade: create('upgrade', false, createDispatcher)
  }
  const fetching = createLanes && {
    api: create('api', true, createLanes),
    media: create('media', true, createLanes)
  }
  return {
    upgrade: pools.upgrade,
    of(kind, method) {
      if (fetching === undefined || (method !== 'GET' && method !== 'HEAD')) return pools[kind]
      return kind === 'media' || kind === 'api' ? fetching[kind] : pools[kind]
    },
    async close() {
      const all: Pool[] = [...Object.values(pools), ...Object.values(fetching ?? {})]
      await Promise.all(all.map(({ dispatcher }) => dispatcher.destroy()))
    }
  }
}

function createSchedulers(limits: ClassLimits, timeoutMs: number): Pool['schedulerTo'] {
  const schedulers = new Map<string, Scheduler>()
  return (origin) => {
    const known = schedulers.get(origin)
    if (known !== undefined) return known
    if (schedulers.size >= MANY) {
      for (const [other, scheduler] of schedulers) if (scheduler.isIdle) schedulers.delete(other)
    }
    const scheduler = new Scheduler(limits, timeoutMs)
    schedulers.set(origin, scheduler)
    return scheduler
  }
}
