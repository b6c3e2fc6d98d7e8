import { Problem } from '../domain/problems.ts'
import type { ClassLoad, Queue } from './loads.ts'
import type { RouteClass } from './policy-table.ts'

/** What one class of requests may use. */
export interface ClassLimits {
  /** Connections to one server, for everybody. */
  readonly connections: number
  /** Requests of one account in flight, to all servers together. */
  readonly underWay: number
  /** Requests of one account that wait; 0 where waiting makes no sense. */
  readonly waiting: number
  /** Whether an account waits for its own requests in flight: not if those may be paused for minutes. */
  readonly waitsForItself: boolean
}

/**
 * A browser loads a page of posters at once, but plays one thing; it keeps one event stream and one socket for each
 * tab.
 */
export const LIMITS: Readonly<Record<RouteClass, ClassLimits>> = {
  api: { connections: 128, underWay: 64, waiting: 512, waitsForItself: true },
  media: { connections: 512, underWay: 64, waiting: 64, waitsForItself: false },
  event: { connections: 10_000, underWay: 256, waiting: 0, waitsForItself: false },
  upgrade: { connections: 10_000, underWay: 256, waiting: 0, waitsForItself: false }
}

/** Asks for a connection, and is called later if none is free. Neither method may throw. */
export interface Borrower {
  onLease(): void
  /** None became free in time. */
  onLeaseTimeout(): void
}

/** `lent`: it has one now. `queued`: it will be called. `busy`: its account's queue is full. */
export type Lease = 'lent' | 'queued' | 'busy'

const RETRY_AFTER_S = 1

export const busy = (): Problem => new Problem('USHER_BUSY', { retryAfter: RETRY_AFTER_S })

/**
 * Lends the connections of one class to one server, to the accounts in turn (SECURITY rules 69-71). An account may have
 * no more in flight than there are connections left: whatever it does, half of what it found remains for the next.
 * Where nothing waits, lending costs two comparisons and two sums. A class for the reason of `Answer`.
 */
export class Scheduler implements Queue {
  private readonly limits: ClassLimits
  private readonly timeoutMs: number
  private lent = 0
  /** Waiting borrowers, by account; the first account is next. A Map, so that a borrower can leave at once. */
  private readonly lines = new Map<ClassLoad, Map<Borrower, NodeJS.Timeout>>()
  private isServing = false
  private mustServeAgain = false

  /** `timeoutMs`: the longest wait. */
  constructor(limits: ClassLimits, timeoutMs: number) {
    this.limits = limits
    this.timeoutMs = timeoutMs
  }

  get isIdle(): boolean {
    return this.lent === 0 && this.lines.size === 0
  }

  /** A lent connection is returned by `giveBack`; the request counts as in flight until `load.done()`. */
  borrow(load: ClassLoad, borrower: Borrower): Lease {
    if ((this.lines.size === 0 || !this.lines.has(load)) && this.mayTake(load)) {
      this.take(load)
      return 'lent'
    }
    const { limits } = this
    if (load.waiting >= limits.waiting) return 'busy'
    if (!limits.waitsForItself && load.underWay >= limits.underWay) return 'busy'
    let line = this.lines.get(load)
    if (line === undefined) {
      line = new Map()
      this.lines.set(load, line)
      load.queues ??= new Set()
      load.queues.add(this)
    }
    line.set(
      borrower,
      setTimeout(() => {
        this.leave(load, borrower)
        borrower.onLeaseTimeout()
      }, this.timeoutMs)
    )
    load.waiting += 1
    return 'queued'
  }

  giveBack(): void {
    this.lent -= 1
    if (this.lines.size > 0) this.serve()
  }

  /** The borrower no longer wants one. */
  leave(load: ClassLoad, borrower: Borrower): void {
    const line = this.lines.get(load)
    const timer = line?.get(borrower)
    if (line === undefined || timer === undefined) return
    clearTimeout(timer)
    line.delete(borrower)
    load.waiting -= 1
    if (line.size === 0) this.forget(load)
  }

  /** Lends what is free to those who wait. */
  serve(): void {
    // A borrower may return its connection at once; do not serve the next one recursively.
    this.mustServeAgain = true
    if (this.isServing) return
    this.isServing = true
    while (this.mustServeAgain) {
      this.mustServeAgain = false
      for (const [load, line] of this.lines) {
        if (this.lent >= this.limits.connections) break
        if (this.mayTake(load)) this.lendToFirst(load, line)
      }
    }
    this.isServing = false
  }

  private lendToFirst(load: ClassLoad, line: ReadonlyMap<Borrower, NodeJS.Timeout>): void {
    const [borrower] = line.keys()
    if (borrower === undefined) return
    this.leave(load, borrower)
    // Behind the others: each account in turn.
    const rest = this.lines.get(load)
    if (rest !== undefined) {
      this.lines.delete(load)
      this.lines.set(load, rest)
    }
    this.take(load)
    borrower.onLease()
  }

  private mayTake(load: ClassLoad): boolean {
    const { underWay } = load
    return underWay < this.limits.underWay && underWay < this.limits.connections - this.lent
  }

  private take(load: ClassLoad): void {
    this.lent += 1
    load.underWay += 1
  }

  private forget(load: ClassLoad): void {
    this.lines.delete(load)
    load.queues?.delete(this)
  }
}
