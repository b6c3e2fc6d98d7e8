import { type Coding, LEAST_BYTES } from '../compress/coding.ts'
import type { StreamEnd } from '../domain/streams.ts'
import { type BoundResponse, bindClient, type ClientSide, listenDrain } from './bound-response.ts'
import type { CompressedSide, Compressor, Compressors } from './compressor.ts'
import { encodeHead, encodeWhole } from './encoded-head.ts'
import { endOf, isBetweenEvents, isEventStream, lastEvent } from './event-streams.ts'
import type { ForwardCall, Scrubber } from './forward-call.ts'
import type { Pace } from './pace.ts'
import { PaceWatch, type WatchedClient } from './pace-watch.ts'
import { addExtra, type ResponseHead } from './response-headers.ts'

/** Bytes queued towards the client beyond which the upstream is paused. */
const QUEUE_MAX_BYTES = 256 * 1024
/**
 * Limit in bytes of a first piece that is held as a one-byte-per-character text: Node joins a text with the head into
 * one plain write, but needs a gathered write for a buffer. Beyond 16 KB in all there is no gain.
 */
const HELD_MAX_BYTES = 12 * 1024

/** The upstream side of a response, as the client side sees it. */
export interface Source {
  /** The client is gone, or its session is over: stop. */
  cancel(): void
  /** The client has taken what was queued. */
  resume(): void
  /** Nothing more will be sent to the client. */
  clientGone(): void
}

/** The client side of one forwarded request. A class: for each chunk one object costs less than closures do. */
export class Answer implements ClientSide, CompressedSide, WatchedClient {
  /** Nothing more goes to the client: it has its response, or is gone. */
  closed = false
  /** The head has been sent: from here on a failure can only break the transfer. */
  sent = false
  /** Null until the upstream has begun to answer. */
  head: ResponseHead | null = null
  private readonly call: ForwardCall
  private readonly source: Source
  private readonly response: BoundResponse
  private status = 0
  private scrubber: Scrubber | null = null
  /** How the body is compressed; null for most. */
  private coding: Coding | null = null
  private compressor: Compressor | null = null
  /** The upstream's response is complete. */
  private isWhole = false
  private held: string | null = null
  private release: (() => void) | null = null
  /** The last bytes of an event stream, which show whether another event may follow; null for other bodies. */
  private tail: string | null = null
  private listensDrain = false
  /** Pending writes of lent bytes, and whether the source waits for them. */
  private writing = 0
  private isAwaited = false
  private onWritten: (() => void) | null = null
  private readonly pace: Pace
  private readonly compressors: Compressors | null
  private watch: PaceWatch | null = null
  passed = 0

  constructor(call: ForwardCall, source: Source, pace: Pace, compressors: Compressors | null) {
    this.call = call
    this.pace = pace
    this.compressors = compressors
    this.source = source
    this.response = call.sink.raw
    bindClient(this.response, this)
    // The client left while session or server were being checked, so 'close' will not fire.
    this.closed = this.response.destroyed
  }

  /** Takes the head, which waits for the first piece (so that both leave in one write) or for `flush`. */
  begin(status: number, head: ResponseHead, scrubber: Scrubber | null, coding: Coding | null): void {
    this.status = status
    this.head = head
    this.scrubber = scrubber
    this.coding = coding
    if (isEventStream(head.contentType)) this.tail = ''
  }

  /**
   * Takes a piece of the body; true if the source should wait for `resume`. A `lent` piece is valid only until then, or
   * until this returns false.
   */
  write(chunk: Buffer, lent: boolean): boolean {
    const piece = this.scrubber === null ? chunk : this.scrubber.scrub(chunk)
    if (piece.length === 0) return false
    if (this.tail !== null) this.tail = endOf(this.tail, piece)
    if (!this.sent) {
      if (this.held === null && piece.length <= HELD_MAX_BYTES) {
        this.held = piece.toString('latin1')
        return false
      }
      this.sendHead()
    }
    if (this.compressor !== null) {
      this.compressor.write(lent ? Buffer.from(piece) : piece)
      return true
    }
    return lent ? this.writeLent(piece) : this.writeQueued(piece)
  }

  /** True if enough is queued towards the client. */
  private writeQueued(piece: Buffer): boolean {
    this.passed += piece.length
    this.response.write(piece)
    if (this.response.writableLength <= QUEUE_MAX_BYTES) return false
    if (!this.listensDrain) {
      this.listensDrain = true
      listenDrain(this.response)
    }
    this.watchPace()
    return true
  }

  onCompressed(piece: Buffer): boolean {
    return !this.closed && this.writeQueued(piece)
  }

  onTaken(): void {
    if (!this.closed && !this.isWhole) this.source.resume()
  }

  onCompressedEnd(): void {
    if (this.closed) return
    this.close()
    this.response.end()
    if (this.response.writableLength > 0) this.watchPace()
  }

  private writeLent(piece: Buffer): boolean {
    const { response } = this
    this.passed += piece.length
    this.writing++
    this.onWritten ??= () => this.written()
    response.write(piece, this.onWritten)
    // Now, not at the end of the tick: most pieces are sent at once, which frees their memory. A response that waits
    // behind another on its connection is not corked, and must not be uncorked.
    if (response.writableCorked > 0) response.uncork()
    if (response.writableLength === 0) return this.isAwaited
    this.isAwaited = true
    this.watchPace()
    return true
  }

  private watchPace(): void {
    this.watch ??= new PaceWatch(this, this.pace)
  }

  get owed(): number {
    return this.response.writableLength
  }

  private written(): void {
    this.writing--
    if (this.writing > 0 || !this.isAwaited) return
    this.isAwaited = false
    this.source.resume()
  }

  end(): void {
    const rest = this.scrubber === null ? null : this.scrubber.flush()
    const { response, held, head, sent } = this
    if (this.compressor !== null) {
      this.isWhole = true
      this.compressor.end(rest)
      return
    }
    this.close()
    if (sent || head === null) {
      if (rest === null || rest.length === 0) response.end()
      else response.end(rest)
    } else {
      this.endAtOnce(head, held, rest)
    }
    // Keep watching what is still to be sent: a slow client holds memory too.
    if (response.writableLength > 0) this.watchPace()
  }

  /** Head and body leave in one write. */
  private endAtOnce(head: ResponseHead, held: string | null, rest: Buffer | null): void {
    const { response } = this
    const body = rest === null || rest.length === 0 ? held : (held ?? '') + rest.toString('latin1')
    const isCoded = this.coding !== null && body !== null && body.length >= LEAST_BYTES
    const sent = isCoded ? encodeWhole(head, this.coding as Coding, body) : body
    // A short response of unknown length is complete by now: with its length set, it leaves in one write.
    if (sent !== null && (isCoded || head.contentLength === -1))
      head.fields.push('content-length', String(sent.length))
    this.writeHead(head)
    if (sent === null) response.end()
    else response.end(sent, 'latin1')
  }

  /** Detaches from the response; the caller decides what happens to it. */
  close(): void {
    this.closed = true
    this.held = null
    this.watch?.stop()
    this.watch = null
    this.release?.()
    this.release = null
    this.compressor?.destroy()
    this.compressor = null
  }

  /** Breaks the transfer so that the client never sees a clean end (SECURITY rule 55). */
  breakOff(): void {
    if (this.response.destroyed) return
    this.close()
    // Without a length or chunks (HTTP/1.0, nginx's default) the end of the connection ends the body, so only a reset
    // is not a clean end.
    if (this.sent && this.head?.contentLength === -1 && !this.response.chunkedEncoding)
      this.response.socket?.resetAndDestroy()
    this.response.destroy()
    this.stopSource()
  }

  /**
   * Ends a stream early: an event stream with a last event that says why, anything else as a broken transfer.
   */
  private endStream(why: StreamEnd): void {
    const rest = this.tail === null || this.scrubber === null ? null : this.scrubber.flush()
    // No event can begin in the middle of another.
    if (this.tail === null || !isBetweenEvents(rest === null ? this.tail : endOf(this.tail, rest))) {
      this.breakOff()
      return
    }
    this.close()
    if (rest !== null && rest.length > 0) this.response.write(rest)
    this.response.end(lastEvent(why))
    if (this.response.writableLength > 0) this.watchPace()
    this.source.cancel()
  }

  clientClosed(): void {
    const wasWanted = !this.closed
    this.close()
    if (wasWanted) this.stopSource()
    this.source.clientGone()
  }

  clientDrained(): void {
    if (this.compressor === null) this.source.resume()
    else this.compressor.resume()
  }

  private stopSource(): void {
    if (!this.isWhole) this.source.cancel()
  }

  /** Nothing more is coming for now: sends what is held. */
  flush(): void {
    if (this.closed || this.head === null) return
    if (!this.sent) {
      const isBare = this.held === null
      this.sendHead()
      if (isBare) this.response.flushHeaders()
    }
    this.compressor?.wait()
    if (this.release !== null) return
    // A body that does not arrive at once is a stream, and ends with its session.
    const { principal, class: kind, path } = this.call
    const end = (why: StreamEnd): void => this.endStream(why)
    this.release = principal.addStream(kind === 'event' ? 'events' : 'media', end, path)
  }

  private sendHead(): void {
    const { head, held } = this
    if (head === null) return
    if (this.coding !== null) this.openCompressor(head, this.coding)
    this.writeHead(head)
    this.sent = true
    this.held = null
    if (held === null) return
    if (this.compressor === null) this.response.write(held, 'latin1')
    else this.compressor.write(Buffer.from(held, 'latin1'))
  }

  /** HTTP/1.0 knows no chunks: there a body of unknown length would cost the connection, and so leaves as it is. */
  private openCompressor(head: ResponseHead, coding: Coding): void {
    const { call } = this
    if (call.request.httpVersionMinor === 0) return
    const { load } = call.principal
    this.compressor = this.compressors?.open(coding, head.contentLength, load, this) ?? null
    if (this.compressor !== null) encodeHead(head, coding)
  }

  private writeHead(head: ResponseHead): void {
    const { call, response } = this
    const extra = call.extra()
    if (extra.length > 0) addExtra(head.fields, extra)
    if (head.hasDate) response.sendDate = false
    // This throws if a field has a forbidden character; until then the reply can still be a problem.
    response.writeHead(this.status, head.fields)
    call.sink.hijack()
  }
}
