import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { Problem } from '../domain/problems.ts'
import { fieldOf, toFlat } from '../fetch/header-fields.ts'
import type { TransferHandler } from '../fetch/transfer.ts'
import { Answer, type Source } from './answer.ts'
import { isPieceOfText, toAnswerHead } from './answer-head.ts'
import type { ForwardCall, ForwardContext, ForwardOutcome, Lane } from './forward-call.ts'
import { laneOf } from './lane.ts'
import { refuse, toOutcome } from './refusal.ts'
import { hasBody, takeBody } from './request-body.ts'
import { toIdentity, toUpstreamHeaders } from './request-headers.ts'
import { mayRetry, pauseRetries, retryDelayMs } from './retry.ts'

/** Bytes of an error page that nobody will see: read to keep the connection, up to here. */
const DISCARD_MAX_BYTES = 64 * 1024
/**
 * How many times the time limit a player may pause before its transfer is broken off; it asks again, by range. Whoever
 * reads anything else so slowly holds a connection that others wait for.
 */
const MEDIA_PAUSE = 20

const unwanted = (): Error => new Error('the answer is no longer wanted')

/** The upstream side of one forwarded request, from dispatch to the last byte. A class for the reason of `Answer`. */
export class Exchange implements TransferHandler, Source {
  private readonly context: ForwardContext
  private readonly call: ForwardCall
  private readonly lane: Lane
  private readonly answer: Answer
  private readonly startedAt: number
  private controller: Dispatcher.DispatchController | null = null
  private waiting: NodeJS.Timeout | null = null
  private discarded = 0
  private attempts = 0
  /** The answer to the caller's Range was a piece of a text: it is asked for whole. */
  private asksWhole = false

  constructor(context: ForwardContext, call: ForwardCall) {
    this.context = context
    this.call = call
    this.lane = laneOf(context, call)
    this.answer = new Answer(call, this, context.timeoutMs * (call.class === 'media' ? MEDIA_PAUSE : 1))
    this.startedAt = performance.now()
  }

  start(): void {
    const { call } = this
    if (this.answer.closed) return
    if (call.method === 'GET' || call.method === 'HEAD' || !hasBody(call.request)) {
      this.dispatch(null)
      return
    }
    takeBody(call.request, call.largeBody, call.bodyCheck).then(
      (body) => this.dispatch(body),
      (error: unknown) => this.failBody(error)
    )
  }

  private dispatch(body: Readable | Buffer | null): void {
    const { call, context, lane } = this
    if (this.answer.closed) return
    const headers = toUpstreamHeaders(call.request.rawHeaders, {
      body,
      range: call.class === 'media' && !this.asksWhole
    })
    const identity = toIdentity(call.principal.identity, headers, call.path)
    this.attempts++
    this.controller = null
    lane.open++
    lane.dispatcher.dispatch(
      {
        origin: call.origin,
        path: call.path,
        method: call.method as Dispatcher.HttpMethod,
        headers: lane.lends ? headers : headers.concat(identity.fields),
        identity,
        body,
        headersTimeout: context.timeoutMs,
        // An event stream may be silent for hours.
        bodyTimeout: call.class === 'event' ? 0 : context.timeoutMs
      },
      this
    )
    // undici limits the wait for an answer, not the wait for a connection of a pool that is full.
    if (this.controller === null && !this.answer.closed && lane.open > lane.connections) {
      this.waiting = setTimeout(waitedTooLong, context.timeoutMs, this)
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller
    this.stopWaiting()
    if (this.answer.closed) controller.abort(unwanted())
  }

  /** The head as undici tells it. */
  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders
  ): void {
    this.onResponseHead(controller, status, toFlat(headers))
    process.nextTick(wait, this)
  }

  onResponseHead(controller: Dispatcher.DispatchController, status: number, fields: readonly string[]): void {
    // 103 and the like say nothing that the browser may know; the answer follows.
    if (status < 200 || this.answer.closed) return
    const { context, call } = this
    if (status >= 400) {
      this.answer.close()
      this.report(refuse(context, call, status, fieldOf(fields, 'content-range')))
      return
    }
    if (!this.asksWhole && isPieceOfText(call, status, fields)) {
      this.asksWhole = true
      controller.abort(unwanted())
      return
    }
    const passing = toAnswerHead(context, call, status, fields)
    if (passing === null) {
      this.fail(new Problem('USHER_UPSTREAM_INVALID'), 'invalid')
      controller.abort(unwanted())
      return
    }
    this.answer.begin(status, passing.head, passing.scrubber)
    this.report('ok')
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.answer.closed) {
      this.discarded += chunk.length
      if (this.discarded > DISCARD_MAX_BYTES) controller.abort(unwanted())
    } else if (this.answer.write(chunk, this.lane.lends)) {
      controller.pause()
    }
  }

  onResponseWait(): void {
    this.answer.flush()
  }

  onResponseEnd(): void {
    this.lane.open--
    if (!this.answer.closed) this.answer.end()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.lane.open--
    this.stopWaiting()
    if (this.answer.closed) return
    if (this.answer.sent) {
      this.answer.breakOff()
    } else if (this.asksWhole && this.attempts === 1) {
      setImmediate(start, this)
    } else if (this.attempts === 1 && this.answer.head === null && mayRetry(this.context, this.call, error)) {
      setTimeout(start, retryDelayMs(), this)
    } else {
      if (this.attempts > 1) pauseRetries(this.context)
      const problem = this.context.toProblem(error)
      this.fail(problem, toOutcome(problem))
    }
  }

  cancel(): void {
    this.controller?.abort(unwanted())
  }

  resume(): void {
    this.controller?.resume()
  }

  waitedTooLong(): void {
    this.waiting = null
    if (!this.answer.closed) this.fail(new Problem('USHER_UPSTREAM_TIMEOUT'), 'timeout')
  }

  /** A body that is too large; one that broke off has nobody left to tell. */
  private failBody(error: unknown): void {
    if (this.answer.closed) return
    this.fail(error instanceof Problem ? error : new Problem('USHER_INVALID_REQUEST'), 'invalid')
    this.call.request.resume()
  }

  private fail(problem: Problem, outcome: ForwardOutcome): void {
    this.answer.close()
    this.report(outcome)
    this.call.sink.send(problem)
  }

  private report(outcome: ForwardOutcome): void {
    this.context.onOutcome(outcome, (performance.now() - this.startedAt) / 1000, this.call)
  }

  private stopWaiting(): void {
    if (this.waiting === null) return
    clearTimeout(this.waiting)
    this.waiting = null
  }
}

const wait = (exchange: Exchange): void => exchange.onResponseWait()
const start = (exchange: Exchange): void => exchange.start()
const waitedTooLong = (exchange: Exchange): void => exchange.waitedTooLong()
