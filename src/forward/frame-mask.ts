import { Transform } from 'node:stream'
import { collectBytes, JOIN_BYTES } from '../domain/collected-bytes.ts'
import { type Grammar, type Scrubber, scrubWhole } from '../scrub/scrubber.ts'

/** RFC 6455 §5.2. */
const CONTINUATION = 0
const TEXT = 1
const BINARY = 2
const CLOSE = 8
const PONG = 10
const FIN = 0x80
const RESERVED = 0x70
const MASKED = 0x80

/** Two bytes, and eight more of a long length: a server's frames have no masking key. */
const HEAD_MAX_BYTES = 10
/** RFC 6455 §5.5. */
const CONTROL_MAX_BYTES = 125
const EMPTY = Buffer.alloc(0)

interface Frame {
  readonly isFinal: boolean
  readonly opcode: number
}

/** The current message, across its fragments. */
interface Message {
  readonly opcode: number
  /** Null for binary messages, which pass unchanged. */
  readonly scrubber: Scrubber | null
  begun: boolean
}

/**
 * Scrubs the frames of a WebSocket server, without extensions: text messages and close reasons. Binary messages and
 * pings pass. Messages are fragmented anew as their bytes arrive (RFC 6455 §5.4), so memory stays bounded: a frame's
 * head, and what the scrubber keeps. Short fragments that arrive together leave as one. Fails if the bytes are not such
 * frames.
 */
export function createFrameMask(createScrubber: (grammar: Grammar) => Scrubber): Transform {
  const head = Buffer.alloc(HEAD_MAX_BYTES)
  let headBytes = 0
  let frame: Frame | null = null
  /** Bytes of the frame's payload still to come. */
  let left = 0
  let message: Message | null = null
  let control: Buffer = EMPTY
  /** Short fragments of the message, as long as more may have arrived with them. */
  const joined = collectBytes()
  /** Frames that are ready. */
  const ready = collectBytes()

  /** Takes one byte of a head; returns the frame once the head is complete. */
  function takeHead(byte: number): Frame | null {
    head[headBytes++] = byte
    const size = headBytes < 2 ? 2 : headSize(head[1] as number)
    if (headBytes < size) return null
    if (((head[1] as number) & MASKED) !== 0) throw malformed()
    headBytes = 0
    left = payloadLength(head, size)
    return toFrame(head[0] as number, left, size, message !== null)
  }

  function takePayload(stream: Transform, { isFinal, opcode }: Frame, piece: Buffer): void {
    const isWhole = left === 0
    if (opcode >= CLOSE) {
      control = control.length === 0 ? piece : Buffer.concat([control, piece])
      if (!isWhole) return
      if (opcode === CLOSE) passJoined(stream)
      pushFrame(stream, FIN | opcode, opcode === CLOSE ? scrubReason(control) : control)
      control = EMPTY
      return
    }
    message ??= {
      opcode,
      scrubber: opcode === TEXT ? createScrubber('json') : null,
      begun: false
    }
    const isLast = isFinal && isWhole
    if (!isLast && piece.length < JOIN_BYTES) {
      joined.add(piece)
      return
    }
    passJoined(stream)
    passOn(stream, message, piece, isLast)
    if (isLast) message = null
  }

  function passJoined(stream: Transform): void {
    if (joined.length > 0 && message !== null) passOn(stream, message, joined.take(), false)
  }

  function passOn(stream: Transform, whole: Message, piece: Buffer, isLast: boolean): void {
    const bytes = scrub(whole.scrubber, piece, isLast)
    if (bytes.length === 0 && !isLast) return
    pushFrame(stream, (isLast ? FIN : 0) | (whole.begun ? CONTINUATION : whole.opcode), bytes)
    whole.begun = true
  }

  function pushFrame(stream: Transform, first: number, payload: Buffer): void {
    ready.add(toFrameHead(first, payload.length))
    if (payload.length < JOIN_BYTES) {
      ready.add(payload)
      return
    }
    stream.push(ready.take())
    stream.push(payload)
  }

  function scrubReason(payload: Buffer): Buffer {
    return payload.length <= 2
      ? payload
      : Buffer.concat([payload.subarray(0, 2), scrubWhole(createScrubber('text'), payload.subarray(2))])
  }

  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      try {
        let at = 0
        while (at < chunk.length) {
          frame ??= takeHead(chunk[at++] as number)
          if (frame === null) continue
          const piece = chunk.subarray(at, at + left)
          at += piece.length
          left -= piece.length
          if (piece.length > 0 || left === 0) takePayload(this, frame, piece)
          if (left === 0) frame = null
        }
        passJoined(this)
        if (ready.length > 0) this.push(ready.take())
        callback()
      } catch (error) {
        if (ready.length > 0) this.push(ready.take())
        callback(error as Error)
      }
    }
  })
}

function headSize(second: number): number {
  const length = second & 0x7f
  if (length === 126) return 4
  return length === 127 ? HEAD_MAX_BYTES : 2
}

function payloadLength(head: Buffer, size: number): number {
  if (size === 4) return head.readUInt16BE(2)
  return size === HEAD_MAX_BYTES ? Number(head.readBigUInt64BE(2)) : (head[1] as number) & 0x7f
}

function toFrame(first: number, length: number, size: number, isContinued: boolean): Frame {
  const opcode = first & 0x0f
  const isFinal = (first & FIN) !== 0
  const isControl = opcode >= CLOSE
  const isKnown = opcode <= BINARY || (isControl && opcode <= PONG)
  // Only extensions give the reserved bits a meaning.
  if (!isKnown || (first & RESERVED) !== 0 || !Number.isSafeInteger(length)) throw malformed()
  if (isControl ? !isFinal || length > CONTROL_MAX_BYTES : (opcode === CONTINUATION) !== isContinued)
    throw malformed()
  // RFC 6455 §5.2: the shortest form that holds the length.
  if (size > 2 && length < (size === 4 ? 126 : 0x10000)) throw malformed()
  return { isFinal, opcode }
}

function malformed(): Error {
  return new Error('not a frame of a WebSocket server')
}

function scrub(scrubber: Scrubber | null, piece: Buffer, isLast: boolean): Buffer {
  if (scrubber === null) return piece
  return isLast ? scrubWhole(scrubber, piece) : scrubber.scrub(piece)
}

function toFrameHead(first: number, length: number): Buffer {
  if (length < 126) return Buffer.from([first, length])
  const head = Buffer.alloc(length < 0x10000 ? 4 : HEAD_MAX_BYTES)
  head[0] = first
  head[1] = length < 0x10000 ? 126 : 127
  if (length < 0x10000) head.writeUInt16BE(length, 2)
  else head.writeBigUInt64BE(BigInt(length), 2)
  return head
}
