import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { Problem } from '../domain/problems.ts'
import { Answer, type Source } from './answer.ts'
import type { ForwardCall, ForwardContext, ForwardOutcome } from './forward-call.ts'
import { ProofWait } from './last-moment.ts'
import type { ClassLoad } from './loads.ts'
import type { Pool } from './pools.ts'
import { hasBody, takeBody } from './request-body.ts'
import { type Borrower, busy, LIMITS, type Scheduler } from './scheduler.ts'

export const unwanted = (): Error => new Error('the response is no longer wanted')

/**
 * The way of one forwarded request until it is dispatched: what it waits for, and what becomes of it when its client
 * does not. A class for the reason of `Answer`; the other half is `Forwarding`.
 */
export abstract class Departure implements Source, Borrower {
  protected readonly context: ForwardContext
  protected readonly call: ForwardCall
  protected readonly pool: Pool
  protected readonly scheduler: Scheduler
  protected readonly answer: Answer
  protected body: Readable | Buffer | null = null
  protected controller: Dispatcher.DispatchController | null = null
  protected proofWait: ProofWait | null = null
  private readonly load: ClassLoad
  private readonly startedAt: number
  private isQueued = false
  /** Whether it counts as in flight, which it does until its client is gone. */
  private isCounted = false

  constructor(context: ForwardContext, call: ForwardCall) {
    this.context = context
    this.call = call
    this.pool = context.pools.of(call.class, call.method)
    this.scheduler = this.pool.schedulerTo(call.origin)
    this.load = call.principal.load[call.class]
    this.answer = new Answer(call, this, context.paces[call.class], context.compressors)
    this.startedAt = performance.now()
  }

  /** Sends the request, on the connection that was lent for it. */
  protected abstract dispatch(): void

  start(): void {
    const { call } = this
    if (this.answer.closed) return
    if (call.method === 'GET' || call.method === 'HEAD' || !hasBody(call.request)) this.borrow()
    else this.collect()
  }

  /** Takes the body before a connection, so that a client that sends slowly does not hold one. */
  private collect(): void {
    const { call, load } = this
    if (load.waiting >= LIMITS[call.class].waiting) {
      this.refuseBusy()
      return
    }
    takeBody(call.request, call.largeBody, call.bodyCheck, load).then(
      (body) => {
        this.body = body
        this.borrow()
      },
      (error: unknown) => this.failBody(error)
    )
  }

  private borrow(): void {
    if (this.answer.closed) return
    const lease = this.scheduler.borrow(this.load, this)
    if (lease === 'lent') this.onLease()
    else if (lease === 'queued') this.isQueued = true
    else this.refuseBusy()
  }

  onLease(): void {
    this.isQueued = false
    this.isCounted = true
    this.go()
  }

  onLeaseTimeout(): void {
    this.isQueued = false
    this.refuseBusy()
  }

  /** With a connection: once the server has proven to be the one meant, sends the request. */
  go(): void {
    if (this.answer.closed) this.scheduler.giveBack()
    else if (this.call.principal.isProven()) this.dispatch()
    else this.prove()
  }

  protected prove(): void {
    this.proofWait ??= new ProofWait(this.call.principal)
    this.proofWait.prove().then(
      () => {
        if (this.answer.closed) this.scheduler.giveBack()
        else this.dispatch()
      },
      (error: unknown) => {
        this.scheduler.giveBack()
        this.reply(error instanceof Problem ? error : new Problem('USHER_INTERNAL', { cause: error }))
      }
    )
  }

  cancel(): void {
    if (this.isQueued) {
      this.isQueued = false
      this.scheduler.leave(this.load, this)
    } else {
      this.controller?.abort(unwanted())
    }
  }

  resume(): void {
    this.controller?.resume()
  }

  clientGone(): void {
    if (this.isCounted) this.load.done()
    this.isCounted = false
  }

  /** A body was too large; if it broke off, there is no client left to answer. */
  private failBody(error: unknown): void {
    if (this.answer.closed) return
    this.fail(error instanceof Problem ? error : new Problem('USHER_INVALID_REQUEST'), 'invalid')
    this.call.request.resume()
  }

  private refuseBusy(): void {
    this.context.onBusy()
    this.reply(busy())
  }

  protected fail(problem: Problem, outcome: ForwardOutcome): void {
    this.report(outcome)
    this.reply(problem)
  }

  private reply(problem: Problem): void {
    if (this.answer.closed) return
    this.answer.close()
    this.call.sink.send(problem)
  }

  protected report(outcome: ForwardOutcome): void {
    this.context.onOutcome(outcome, (performance.now() - this.startedAt) / 1000, this.call)
  }
}
