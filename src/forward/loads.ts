import type { RouteClass } from './policy-table.ts'

/**
 * What waits for a connection in the name of one account: a queue that is served when the account gives something
 * back.
 */
export interface Queue {
  serve(): void
}

/** What an account has in flight in one class of paths. A class for the reason of `Answer`. */
export class ClassLoad {
  /** Requests that have, or had, a connection, until their response has left. */
  underWay = 0
  /** Requests that wait: for a connection, for their own body, or for plex.tv. */
  waiting = 0
  /** Where some of them wait for a connection; null while none ever did. */
  queues: Set<Queue> | null = null

  /** The response has left, or its client is gone. */
  done(): void {
    this.underWay -= 1
    if (this.queues !== null) for (const queue of this.queues) queue.serve()
  }
}

/** What one account, or one service in an account's name, has in flight, by class. */
export class Load {
  readonly api = new ClassLoad()
  readonly media = new ClassLoad()
  readonly event = new ClassLoad()
  readonly upgrade = new ClassLoad()
  /** Compressors at work on its texts. */
  compressors = 0
  /** Whether `Loads` still returns it. */
  isKept = true

  get isIdle(): boolean {
    return KINDS.every((kind) => this[kind].underWay === 0 && this[kind].waiting === 0)
  }
}

const KINDS: readonly RouteClass[] = ['api', 'media', 'event', 'upgrade']

/**
 * The loads by whom they count for (SECURITY rule 69): an account, however many sessions, sockets and profiles of a
 * browser it has, or a service with scoped tokens in an account's name.
 */
export interface Loads {
  of(accountId: number, serviceId: string | null): Load
  /** What all of them have in flight and waiting, by class. Looks at every load. */
  totals(): Readonly<Record<RouteClass, Totals>>
}

export interface Totals {
  readonly running: number
  readonly waiting: number
}

/** With more loads than this, idle ones are dropped. */
const MANY = 10_000

export function createLoads(): Loads {
  const loads = new Map<string, Load>()
  let sweepAt = MANY

  function sweep(): void {
    for (const [key, load] of loads) {
      if (!load.isIdle) continue
      load.isKept = false
      loads.delete(key)
    }
    sweepAt = Math.max(MANY, 2 * loads.size)
  }

  return {
    of(accountId, serviceId) {
      const key = serviceId === null ? String(accountId) : `${accountId} ${serviceId}`
      const known = loads.get(key)
      if (known !== undefined) return known
      if (loads.size >= sweepAt) sweep()
      const load = new Load()
      loads.set(key, load)
      return load
    },
    totals() {
      const sum = (kind: RouteClass): Totals => {
        const total = { running: 0, waiting: 0 }
        for (const load of loads.values()) {
          total.running += load[kind].underWay
          total.waiting += load[kind].waiting
        }
        return total
      }
      return { api: sum('api'), media: sum('media'), event: sum('event'), upgrade: sum('upgrade') }
    }
  }
}
