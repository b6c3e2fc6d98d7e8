import type { StreamEnd } from '../domain/streams.ts'
import { type BoundResponse, bindClient, type ClientSide, listenDrain } from './bound-response.ts'
import { endOf, isBetweenEvents, isEventStream, lastEvent } from './event-streams.ts'
import type { ForwardCall, Scrubber } from './forward-call.ts'
import type { Pace } from './pace.ts'
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

/**
 * The client side of one forwarded request. A class, against the house rule: it is called for every chunk of every
 * response, and one object of a fixed shape costs less than several closures.
 */
export class Answer implements ClientSide {
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
  /** Runs once the client has been slow. */
  private watch: NodeJS.Timeout | null = null
  /** Bytes handed to the response, and how many of them had been sent when the window began. */
  private passed = 0
  private takenBefore = 0

  constructor(call: ForwardCall, source: Source, pace: Pace) {
    this.call = call
    this.pace = pace
    this.source = source
    this.response = call.sink.raw
    bindClient(this.response, this)
    // The client left while session or server were being checked, so 'close' will not fire.
    this.closed = this.response.destroyed
  }

  /** Takes the head, which waits for the first piece (so that both leave in one write) or for `flush`. */
  begin(status: number, head: ResponseHead, scrubber: Scrubber | null): void {
    this.status = status
    this.head = head
    this.scrubber = scrubber
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
    this.passed += piece.length
    if (lent) return this.writeLent(piece)
    this.response.write(piece)
    if (this.response.writableLength <= QUEUE_MAX_BYTES) return false
    if (!this.listensDrain) {
      this.listensDrain = true
      listenDrain(this.response)
    }
    this.watchPace()
    return true
  }

  private writeLent(piece: Buffer): boolean {
    const { response } = this
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
    if (this.watch !== null) return
    this.takenBefore = this.passed - this.response.writableLength
    this.watch = setTimeout(onWindowEnd, this.pace.windowMs, this)
  }

  private unwatch(): void {
    if (this.watch === null) return
    clearTimeout(this.watch)
    this.watch = null
  }

  /** A window is over: a client that has bytes waiting and took too few holds what others need. */
  onWindowEnd(): void {
    const owed = this.response.writableLength
    const taken = this.passed - owed
    if (owed > 0 && taken - this.takenBefore < this.pace.leastBytes) {
      this.breakOff()
      return
    }
    this.takenBefore = taken
    this.watch?.refresh()
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
    // A short response of unknown length is complete by now: with its length set, it leaves in one write.
    if (head.contentLength === -1 && body !== null) head.fields.push('content-length', String(body.length))
    this.writeHead(head)
    if (body === null) response.end()
    else response.end(body, 'latin1')
  }

  /** Detaches from the response; the caller decides what happens to it. */
  close(): void {
    this.closed = true
    this.held = null
    this.unwatch()
    this.release?.()
    this.release = null
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
    this.source.cancel()
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
    if (wasWanted) this.source.cancel()
    this.source.clientGone()
  }

  clientDrained(): void {
    this.source.resume()
  }

  /** Nothing more is coming for now: sends what is held. */
  flush(): void {
    if (this.closed || this.head === null || this.release !== null) return
    if (!this.sent) {
      const isBare = this.held === null
      this.sendHead()
      if (isBare) this.response.flushHeaders()
    }
    // A body that does not arrive at once is a stream, and ends with its session.
    const { principal, class: kind, path } = this.call
    const end = (why: StreamEnd): void => this.endStream(why)
    this.release = principal.addStream(kind === 'event' ? 'events' : 'media', end, path)
  }

  private sendHead(): void {
    const { head, held } = this
    if (head === null) return
    this.writeHead(head)
    this.sent = true
    this.held = null
    if (held !== null) this.response.write(held, 'latin1')
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

const onWindowEnd = (answer: Answer): void => answer.onWindowEnd()
