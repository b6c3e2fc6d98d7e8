import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { Problem } from '../errors.ts'
import { Answer, type Source } from './answer.ts'
import { fieldOf, toFlat } from './fields.ts'
import type { ForwardCall, ForwardContext, ForwardOutcome, Lane } from './forward-call.ts'
import type { TransferHandler } from './media-lane/transfer.ts'
import { refuse, toOutcome } from './refusal.ts'
import { BODY_MAX_BYTES, hasBody, limitBody, tooLarge } from './request-body.ts'
import { toUpstreamHeaders } from './request-headers.ts'
import { isTextual, toLocalLocation, toResponseHead } from './response-headers.ts'

/** Bytes of an error page that nobody will see: read to keep the connection, up to here. */
const DISCARD_MAX_BYTES = 64 * 1024
/** After a retry that failed too, nothing is retried for so long. */
const RETRY_PAUSE_MS = 5000
const RETRY_JITTER_MS = 50

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

  constructor(context: ForwardContext, call: ForwardCall) {
    this.context = context
    this.call = call
    this.lane = toLane(context, call)
    this.answer = new Answer(call, this)
    this.startedAt = performance.now()
  }

  start(): void {
    const { call, context, lane } = this
    if (this.answer.closed) return
    const body = call.method !== 'GET' && call.method !== 'HEAD' && hasBody(call.request)
    if (body && Number(call.request.headers['content-length'] ?? 0) > BODY_MAX_BYTES) {
      this.fail(tooLarge(), 'invalid')
      return
    }
    const { identity } = call.principal
    const headers = toUpstreamHeaders(call.request.rawHeaders, { body, range: call.class === 'media' })
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
        body: body ? limitBody(call.request, BODY_MAX_BYTES) : null,
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
    const head = toResponseHead(fields, context.fixed)
    if (status >= 300 && head.location !== null) {
      const location = toLocalLocation(head.location, call.origin, context.mount)
      if (location === null) {
        this.fail(new Problem('USHER_UPSTREAM_INVALID'), 'invalid')
        return
      }
      head.fields.push('location', location)
    }
    const hasText =
      call.method !== 'HEAD' && status !== 304 && isTextual(head.contentType, call.class === 'media')
    // Neither a piece of a text nor an encoded text can be scrubbed, so neither passes (SECURITY rule 57).
    if (hasText && (status === 206 || head.isEncoded)) {
      this.fail(new Problem('USHER_UPSTREAM_INVALID'), 'invalid')
      controller.abort(unwanted())
      return
    }
    this.answer.begin(status, head, hasText ? call.principal.createScrubber() : null)
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
    } else if (this.isRepeatable(error)) {
      setTimeout(start, Math.random() * RETRY_JITTER_MS, this)
    } else {
      if (this.attempts > 1) this.context.noRetryUntil = performance.now() + RETRY_PAUSE_MS
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

  /** SECURITY rule 54: once, a GET that changes nothing, and before anything of an answer came. */
  private isRepeatable(error: Error): boolean {
    if (!this.call.repeatable || this.attempts > 1 || this.answer.begun) return false
    if (performance.now() < this.context.noRetryUntil) return false
    const code = 'code' in error ? error.code : null
    return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE'
  }
}

function toLane({ lanes, fetchLanes }: ForwardContext, { class: kind, method }: ForwardCall): Lane {
  if (fetchLanes === null || (method !== 'GET' && method !== 'HEAD')) return lanes[kind]
  return kind === 'media' || kind === 'api' ? fetchLanes[kind] : lanes[kind]
}

const wait = (exchange: Exchange): void => exchange.onResponseWait()
const start = (exchange: Exchange): void => exchange.start()
const waitedTooLong = (exchange: Exchange): void => exchange.waitedTooLong()
