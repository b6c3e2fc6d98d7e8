import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { type CollectedBytes, collectBytes, JOIN_BYTES } from '../domain/collected-bytes.ts'
import { Problem } from '../domain/problems.ts'
import { fieldOf, toFlat } from '../fetch/header-fields.ts'
import type { TransferHandler } from '../fetch/transfer.ts'
import { isPieceOfText, toAnswerHead } from './answer-head.ts'
import { Departure, unwanted } from './departure.ts'
import { findRefusal, hasEnded, NotSent } from './last-moment.ts'
import { bodyTimeoutOf } from './pace.ts'
import { refuse, toBreakdown, toOutcome } from './refusal.ts'
import { toIdentity, toUpstreamHeaders } from './request-headers.ts'
import { mayRetry, pauseRetries, retryDelayMs } from './retry.ts'

/** Up to this many bytes of an error page are read and dropped, to keep the connection. */
const DISCARD_MAX_BYTES = 64 * 1024

/** One forwarded request, from dispatch to the last byte of its response. A class for the reason of `Answer`. */
export class Forwarding extends Departure implements TransferHandler {
  private discarded = 0
  private attempts = 0
  /** The response to the caller's Range was a piece of a text: it is asked for whole. */
  private asksWhole = false
  /** Short pieces that arrived together; a lane joins them itself. */
  private joined: CollectedBytes | null = null

  protected dispatch(): void {
    const { call, context, pool, body } = this
    const headers = toUpstreamHeaders(call.request.rawHeaders, {
      body,
      range: call.class === 'media' && !this.asksWhole,
      plainTags: context.compressors !== null
    })
    const identity = toIdentity(call.principal.identity, headers, call.path)
    this.attempts++
    this.controller = null
    pool.dispatcher.dispatch(
      {
        origin: call.origin,
        path: call.path,
        method: call.method as Dispatcher.HttpMethod,
        headers: pool.lends ? headers : headers.concat(identity.fields),
        identity,
        body,
        headersTimeout: context.timeoutMs,
        bodyTimeout: bodyTimeoutOf(call.class, context.timeoutMs)
      },
      this
    )
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller
    if (this.answer.closed) {
      controller.abort(unwanted())
      return
    }
    const refusal = findRefusal(this.call.principal, this.proofWait)
    if (refusal !== null) controller.abort(new NotSent(refusal))
  }

  /** The head as undici delivers it. */
  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders
  ): void {
    this.onResponseHead(controller, status, toFlat(headers))
    process.nextTick(wait, this)
  }

  onResponseHead(controller: Dispatcher.DispatchController, status: number, fields: readonly string[]): void {
    // 103 and the like say nothing that the browser may know; the response follows.
    if (status < 200 || this.answer.closed) return
    try {
      this.takeHead(controller, status, fields)
    } catch (error) {
      this.breakDown(error)
    }
  }

  private takeHead(
    controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[]
  ): void {
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
    // nginx would hold events back until its buffer is full.
    if (call.class === 'event') passing.head.fields.push('x-accel-buffering', 'no')
    this.answer.begin(passing.status, passing.head, passing.scrubber, passing.coding)
    // What is left of the body is dropped.
    if (passing.status !== status) this.answer.end()
    this.report('ok')
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.answer.closed) {
      this.discarded += chunk.length
      if (this.discarded > DISCARD_MAX_BYTES) controller.abort(unwanted())
      return
    }
    if (!this.pool.lends && chunk.length < JOIN_BYTES) {
      this.join(chunk)
      return
    }
    this.passJoined()
    this.pass(chunk)
  }

  private join(chunk: Buffer): void {
    if (this.joined === null) {
      this.joined = collectBytes()
      process.nextTick(passJoined, this)
    }
    this.joined.add(chunk)
  }

  passJoined(): void {
    const { joined } = this
    this.joined = null
    if (joined !== null) this.pass(joined.take())
  }

  private pass(chunk: Buffer): void {
    if (this.answer.closed) return
    try {
      if (this.answer.write(chunk, this.pool.lends)) this.controller?.pause()
    } catch (error) {
      this.breakDown(error)
    }
  }

  onResponseWait(): void {
    this.passJoined()
    try {
      this.answer.flush()
    } catch (error) {
      this.breakDown(error)
    }
  }

  onResponseEnd(): void {
    this.passJoined()
    this.scheduler.giveBack()
    if (this.answer.closed) return
    try {
      this.answer.end()
    } catch (error) {
      this.breakDown(error)
    }
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.passJoined()
    if (this.answer.closed) {
      this.scheduler.giveBack()
    } else if (error instanceof NotSent && error.refusal === 'unproven') {
      this.attempts--
      this.prove()
    } else if (this.asksWhole && this.attempts === 1) {
      setImmediate(retry, this)
    } else if (this.answer.sent) {
      this.scheduler.giveBack()
      this.answer.breakOff()
    } else if (this.attempts === 1 && this.answer.head === null && mayRetry(this.context, this.call, error)) {
      setTimeout(retry, retryDelayMs(), this)
    } else {
      this.scheduler.giveBack()
      if (this.attempts > 1) pauseRetries(this.context)
      const problem = error instanceof NotSent ? hasEnded() : this.context.toProblem(error)
      this.fail(problem, toOutcome(problem))
    }
  }

  /**
   * Something threw here, at a field that HTTP cannot carry or by a mistake of Usher's own: the failure of this one
   * request, which still ends (SECURITY rule 87).
   */
  private breakDown(cause: unknown): void {
    const { raw } = this.call.sink
    this.answer.close()
    if (raw.headersSent) this.answer.breakOff()
    else if (!raw.destroyed) this.call.sink.send(toBreakdown(cause))
    this.controller?.abort(unwanted())
  }
}

const wait = (forwarding: Forwarding): void => forwarding.onResponseWait()
const retry = (forwarding: Forwarding): void => forwarding.go()
const passJoined = (forwarding: Forwarding): void => forwarding.passJoined()
