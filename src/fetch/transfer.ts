import type { Dispatcher } from 'undici'
import type { Connection } from './connection.ts'
import type { Identity } from './identity-fields.ts'

/** What undici asks of a handler, but for the head, which comes here as it was read. */
export interface TransferHandler
  extends Required<
    Pick<
      Dispatcher.DispatchHandler,
      'onRequestStart' | 'onResponseData' | 'onResponseEnd' | 'onResponseError'
    >
  > {
  /** `fields`: flat, in lower-case names, each once. */
  onResponseHead(controller: Dispatcher.DispatchController, status: number, fields: readonly string[]): void
  /** Everything that was read is told; more of the body is to come. */
  onResponseWait(): void
}

export interface LaneRequest {
  readonly origin: string
  readonly path: string
  readonly method: string
  /** Flat names and values. */
  readonly headers: readonly string[]
  /** Set behind them. */
  readonly identity: Identity
  /** Milliseconds until the head of the answer; 0 for no limit. */
  readonly headersTimeout: number
  /** Milliseconds between two pieces of the body; 0 for no limit. */
  readonly bodyTimeout: number
}

/**
 * One request on the lane, and the controller that its handler gets. It outlives the connection's interest in it: a
 * handler that pauses or aborts too late must not reach the next request on the same socket.
 */
export class Transfer implements Dispatcher.DispatchController {
  aborted = false
  paused = false
  reason: Error | null = null
  readonly options: LaneRequest
  readonly handler: TransferHandler
  private connection: Connection | null = null
  private over = false

  constructor(options: LaneRequest, handler: TransferHandler) {
    this.options = options
    this.handler = handler
  }

  /** Whether the handler heard of its end. */
  get settled(): boolean {
    return this.over
  }

  /** Has the connection carry it; false where nobody wants it any more. */
  start(connection: Connection): boolean {
    this.handler.onRequestStart(this, null)
    if (this.over) return false
    this.connection = connection
    return true
  }

  abort(reason: Error): void {
    if (this.over) return
    this.aborted = true
    this.reason = reason
    const { connection } = this
    this.fail(reason)
    connection?.close()
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    this.connection?.resume()
  }

  end(): void {
    if (this.over) return
    this.over = true
    this.connection = null
    this.handler.onResponseEnd(this, {})
  }

  fail(error: Error): void {
    if (this.over) return
    this.over = true
    this.connection = null
    this.handler.onResponseError(this, error)
  }
}
