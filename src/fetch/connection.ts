import type { Socket } from 'node:net'
import { AnswerReader, type AnswerSink } from './answer-reader.ts'
import { type Clock, Deadline } from './deadline.ts'
import { brokenOff, timedOut } from './lane-errors.ts'
import type { Opener } from './opener.ts'
import { type BufferPool, ReadBuffers } from './read-buffers.ts'
import { toRequestHead } from './request-head.ts'
import type { LaneHead } from './response-head.ts'
import type { Carrier, Transfer } from './transfer.ts'

type Phase = 'connect' | 'idle' | 'head' | 'body' | 'closed'

/** The pool that owns the connections of a lane. */
export interface ConnectionKeeper {
  readonly clock: Clock
  /** Connected; nothing has been sent yet. */
  onOpen(): void
  /** The connection is ready for another request. */
  onFree(connection: Connection): void
  /** `wasOpen`: `onOpen` was called. */
  onClose(connection: Connection, wasOpen: boolean): void
}

/**
 * One connection of a lane: writes a request, reads the response directly into pooled buffers, and passes the body on
 * from there. Those bytes are lent: when the handler pauses, the buffer is set aside and not read into until it
 * resumes. A class for the reason of `Answer`.
 */
export class Connection implements AnswerSink, Carrier {
  private readonly keeper: ConnectionKeeper
  private readonly opener: Opener
  private readonly buffers: ReadBuffers
  private readonly socket: Socket
  private phase: Phase = 'connect'
  private transfer: Transfer | null
  private reader: AnswerReader | null = null
  private readonly deadline: Deadline
  private wasOpen = false
  private idleMs = 0
  /** The last read filled its buffer. */
  private filled = false
  /** The response is complete, but its last bytes are still lent. */
  private ending = false

  constructor(opener: Opener, pool: BufferPool, keeper: ConnectionKeeper, transfer: Transfer) {
    this.opener = opener
    this.buffers = new ReadBuffers(pool)
    this.keeper = keeper
    this.transfer = transfer
    this.deadline = new Deadline(keeper.clock)
    this.deadline.start(opener.connectTimeoutMs)
    this.socket = opener.open({
      buffer: () => this.nextBuffer(),
      callback: (bytes, buffer) => this.onRead(bytes, buffer as Buffer)
    })
    this.socket.setNoDelay(true)
    this.socket.on(opener.readyEvent, () => this.onReady())
    this.socket.on('end', () => this.onEnd())
    this.socket.on('error', (error) => this.fail(error))
    this.socket.on('close', () => {
      this.fail(brokenOff())
      // Nothing more is read into it.
      this.buffers.shrink()
    })
  }

  get isFree(): boolean {
    return this.phase === 'idle'
  }

  /** Sends a request on a free connection. */
  carry(transfer: Transfer): void {
    // The handler aborted, or does not trust the server of this connection (SECURITY rule 77).
    if (!transfer.start(this)) return void this.close()
    const { method, headersTimeout } = transfer.options
    this.transfer = transfer
    this.reader = new AnswerReader(this, method === 'HEAD')
    this.arm('head', headersTimeout ?? 0)
    try {
      this.socket.write(toRequestHead(transfer.options, this.opener.host), 'latin1')
    } catch (error) {
      this.fail(error as Error)
    }
  }

  onHead(head: LaneHead): void {
    const { transfer } = this
    if (transfer === null) return
    this.idleMs = head.idleMs
    this.arm('body', transfer.options.bodyTimeout ?? 0)
    transfer.handler.onResponseHead(transfer, head.status, head.fields)
  }

  onPiece(piece: Buffer): void {
    this.transfer?.handler.onResponseData(this.transfer, piece)
  }

  onWhole(over: number): void {
    const { transfer } = this
    if (over > 0) this.idleMs = 0
    if (transfer === null) return
    this.ending = transfer.paused
    if (this.ending) return
    this.transfer = null
    this.reader = null
    transfer.end()
    this.free(this.idleMs)
  }

  resume(): void {
    if (this.phase === 'closed') return
    this.buffers.takeBack()
    // After the last piece too: a paused connection would never read the response to its next request.
    this.socket.resume()
    if (this.ending) this.onWhole(0)
    else this.deadline.extend()
  }

  /** Called periodically: ends what has taken too long. */
  check(): void {
    if (!this.deadline.isOver) return
    const { phase, transfer } = this
    // While the client is slow, nothing is read.
    if (transfer?.paused === true) this.deadline.extend()
    else if (phase === 'idle') this.close()
    else if (phase !== 'closed') this.fail(timedOut(phase))
  }

  close(): void {
    if (this.phase === 'closed') return
    this.phase = 'closed'
    // Lent bytes may still be written to a client: never read into their buffer again.
    if (this.transfer?.paused === true) this.buffers.abandon()
    this.transfer = null
    this.socket.destroy()
    this.keeper.onClose(this, this.wasOpen)
  }

  /** Ends the connection, and the request on it. */
  destroy(error: Error): void {
    this.ending = false
    this.fail(error)
  }

  private free(idleMs: number): void {
    if (idleMs === 0) return void this.close()
    this.arm('idle', idleMs)
    this.keeper.onFree(this)
  }

  private arm(phase: Phase, ms: number): void {
    if (this.phase === 'closed') return
    this.phase = phase
    this.deadline.start(ms)
  }

  private onReady(): void {
    if (this.phase === 'closed') return
    this.wasOpen = true
    this.keeper.onOpen()
    const { transfer } = this
    this.transfer = null
    if (transfer !== null) this.carry(transfer)
  }

  private onRead(bytes: number, buffer: Buffer): boolean {
    const { reader } = this
    if (this.phase === 'closed') return false
    // Bytes without a request: this peer is not answering.
    if (this.ending) this.idleMs = 0
    else if (reader === null) this.destroy(brokenOff())
    else {
      this.filled = bytes === buffer.length
      if (this.phase === 'body') this.deadline.extend()
      try {
        reader.take(buffer.subarray(0, bytes))
        if (this.phase === 'body') this.transfer?.handler.onResponseWait()
      } catch (error) {
        this.fail(error as Error)
      }
    }
    return this.transfer === null || !this.transfer.paused
  }

  /** Called after every read. A closed connection may still be reading, so its buffer is not reused. */
  private nextBuffer(): Buffer {
    const { buffers, phase, transfer } = this
    if (phase === 'closed') return buffers.next
    return buffers.choose(phase === 'body', transfer?.paused === true, this.filled && this.opener.readsBig)
  }

  private onEnd(): void {
    this.idleMs = 0
    if (this.phase !== 'body' || this.reader?.takeEnd() !== true) this.fail(brokenOff())
  }

  private fail(error: Error): void {
    this.idleMs = 0
    // The response is complete; how the connection ends does not matter.
    if (this.phase === 'closed' || this.ending) return
    const { transfer } = this
    this.close()
    transfer?.fail(error)
  }
}
