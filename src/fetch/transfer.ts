import type { Dispatcher } from 'undici'
import type { IdentityFields } from './identity-fields.ts'

/** undici's handler interface, except that the header section arrives as it was read. */
export interface TransferHandler
  extends Required<
    Pick<
      Dispatcher.DispatchHandler,
      'onRequestStart' | 'onResponseData' | 'onResponseEnd' | 'onResponseError'
    >
  > {
  /** `fields`: flat, with lower-case names, each once. */
  onResponseHead(controller: Dispatcher.DispatchController, status: number, fields: readonly string[]): void
  /** Everything that was read has been passed on; more of the body will come. */
  onResponseWait(): void
}

export interface LaneRequest {
  readonly origin: string
  readonly path: string
  readonly method: string
  /** Flat names and values. */
  readonly headers: readonly string[]
  /** Sent after them. */
  readonly identity: IdentityFields
  /** Milliseconds until the response's header section; 0 for no limit. */
  readonly headersTimeout: number
  /** Milliseconds between two pieces of the body; 0 for no limit. */
  readonly bodyTimeout: number
}

/** What a transfer needs from its connection. */
export interface Carrier {
  /** The handler accepts data again. */
  resume(): void
  close(): void
}

/**
 * One request on a lane, and the controller for its handler. It outlives its use of the connection: a handler that
 * pauses or aborts too late must not affect the next request on the same socket.
 */
export class Transfer implements Dispatcher.DispatchController {
  aborted = false
  paused = false
  reason: Error | null = null
  readonly options: LaneRequest
  readonly handler: TransferHandler
  private carrier: Carrier | null = null
  private over = false

  constructor(options: LaneRequest, handler: TransferHandler) {
    this.options = options
    this.handler = handler
  }

  /** Whether the handler was notified of the end. */
  get settled(): boolean {
    return this.over
  }

  /** Asks the handler just before bytes leave; false if it declines. */
  start(carrier: Carrier): boolean {
    this.handler.onRequestStart(this, null)
    if (this.over) return false
    this.carrier = carrier
    return true
  }

  abort(reason: Error): void {
    if (this.over) return
    this.aborted = true
    this.reason = reason
    const { carrier } = this
    this.fail(reason)
    carrier?.close()
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    this.carrier?.resume()
  }

  end(): void {
    if (this.over) return
    this.over = true
    this.carrier = null
    this.handler.onResponseEnd(this, {})
  }

  fail(error: Error): void {
    if (this.over) return
    this.over = true
    this.carrier = null
    this.handler.onResponseError(this, error)
  }
}
