import { type ChunkedDecoder, createChunkedDecoder } from './chunked.ts'
import { headTooLarge, malformed } from './lane-errors.ts'
import { HEAD_MAX_BYTES, type LaneHead, parseHead } from './response-head.ts'

/** Receives a response as it is read. */
export interface AnswerSink {
  onHead(head: LaneHead): void
  /** A piece of the body, still in the buffer that it was read into. */
  onPiece(piece: Buffer): void
  /** The response is complete. `over`: bytes that followed it without a request. */
  onWhole(over: number): void
}

const HEAD_END = Buffer.from('\r\n\r\n')

/** Reads one response, in whatever pieces the network delivers. A class for the reason of `Answer`. */
export class AnswerReader {
  private readonly sink: AnswerSink
  private readonly isHead: boolean
  private head: LaneHead | null = null
  private headPart: Buffer | null = null
  private left = 0
  private decoder: ChunkedDecoder | null = null

  /** `isHead`: a response to HEAD has no body, whatever it announces. */
  constructor(sink: AnswerSink, isHead: boolean) {
    this.sink = sink
    this.isHead = isHead
  }

  /** Takes bytes; throws if they are no response, or could be read as two. */
  take(data: Buffer): void {
    let rest: Buffer | null = data
    while (rest !== null && this.head === null) rest = this.takeHead(rest)
    if (rest !== null && rest.length > 0) this.takeBody(rest)
  }

  /** The server closed its side. Whether that ends the body, as it does if nothing else gives its length. */
  takeEnd(): boolean {
    if (this.head?.framing !== 'close') return false
    this.sink.onWhole(0)
    return true
  }

  /** The bytes after a complete header section; null if there are none. */
  private takeHead(data: Buffer): Buffer | null {
    const { headPart } = this
    const bytes = headPart === null ? data : Buffer.concat([headPart, data])
    // What was read before does not hold the end.
    const end = bytes.indexOf(HEAD_END, Math.max(0, (headPart?.length ?? 0) - HEAD_END.length))
    if ((end === -1 ? bytes.length : end + HEAD_END.length) > HEAD_MAX_BYTES) throw headTooLarge()
    if (end === -1) {
      this.headPart = headPart === null ? Buffer.from(data) : bytes
      return null
    }
    this.headPart = null
    const head = parseHead(bytes.subarray(0, end), this.isHead)
    const rest = bytes.subarray(end + HEAD_END.length)
    // Neither was requested: 100 answers an Expect, 101 an Upgrade. Other 1xx are of no use to a browser.
    if (head.status === 100 || head.status === 101) throw malformed('status')
    if (head.status < 200) return rest
    this.head = head
    this.left = head.length
    this.decoder = head.framing === 'chunked' ? createChunkedDecoder() : null
    this.sink.onHead(head)
    if (head.framing !== 'none') return rest
    this.sink.onWhole(rest.length)
    return null
  }

  private takeBody(data: Buffer): void {
    if (this.decoder !== null) {
      const over = this.decoder.decode(data, (piece) => this.sink.onPiece(piece))
      if (over !== -1) this.sink.onWhole(over)
    } else if (this.head?.framing === 'close') {
      this.sink.onPiece(data)
    } else {
      const piece = data.length <= this.left ? data : data.subarray(0, this.left)
      this.left -= piece.length
      this.sink.onPiece(piece)
      if (this.left === 0) this.sink.onWhole(data.length - piece.length)
    }
  }
}
