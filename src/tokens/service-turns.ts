import { ClassLoad } from '../forward/loads.ts'
import { type Borrower, busy, type ClassLimits, Scheduler } from '../forward/scheduler.ts'
import type { Service } from './services.ts'

/**
 * Half of the connections that buffered calls to a media server share: the other half is for people, who sign in over
 * them.
 */
const LIMITS: ClassLimits = { connections: 32, underWay: 32, waiting: 256, waitsForItself: true }

/** Calls to media servers that services cause, lent to the services in turn (SECURITY rules 69, 71). */
export interface ServiceTurns {
  /** Makes the call when it is the service's turn. Throws USHER_BUSY if its queue is full, or the wait too long. */
  take<T>(service: Service, call: () => Promise<T>): Promise<T>
}

/** `timeoutMs`: the longest wait. */
export function createServiceTurns(timeoutMs: number): ServiceTurns {
  const scheduler = new Scheduler(LIMITS, timeoutMs)
  // One for each configured service.
  const loads = new Map<string, ClassLoad>()

  function loadOf({ id }: Service): ClassLoad {
    let load = loads.get(id)
    if (load === undefined) {
      load = new ClassLoad()
      loads.set(id, load)
    }
    return load
  }

  function borrow(load: ClassLoad): Promise<void> {
    return new Promise((resolve, reject) => {
      const borrower: Borrower = { onLease: resolve, onLeaseTimeout: () => reject(busy()) }
      const lease = scheduler.borrow(load, borrower)
      if (lease === 'lent') resolve()
      else if (lease === 'busy') reject(busy())
    })
  }

  return {
    async take(service, call) {
      const load = loadOf(service)
      await borrow(load)
      try {
        return await call()
      } finally {
        load.done()
        scheduler.giveBack()
      }
    }
  }
}
