/** RFC 6455 §5.2: the second byte's lower bits are a length, or say how many bytes of length follow. */
const LENGTH_MASK = 0x7f
const LENGTH_16 = 126
const LENGTH_64 = 127
const MASKED = 0x80
const MASK_KEY_BYTES = 4
/** FIN and opcode 8 (RFC 6455 §5.5.1). */
const CLOSE = 0x88
/** A control frame's payload has at most 125 bytes, two of them the code. */
const REASON_MAX_BYTES = 123

export interface FrameBoundary {
  /** Whether the last frame has arrived whole, so that another may begin. */
  isReached(): boolean
  take(chunk: Buffer): void
}

/** Follows the frames of one direction of a WebSocket, to know where another frame may be inserted. */
export function createFrameBoundary(): FrameBoundary {
  /** The bytes of the current header. */
  const header: number[] = []
  /** Bytes of the payload still to come. */
  let left = 0
  return {
    isReached: () => left === 0 && header.length === 0,
    take(chunk) {
      let at = 0
      while (at < chunk.length) {
        if (left > 0) {
          const taken = Math.min(left, chunk.length - at)
          left -= taken
          at += taken
          continue
        }
        header.push(chunk[at] ?? 0)
        at += 1
        if (header.length < headerBytes(header)) continue
        left = payloadBytes(header)
        header.length = 0
      }
    }
  }
}

/** A close frame from a server, which is not masked (RFC 6455 §5.1, §5.5.1). The reason is shown to no person. */
export function closeFrame(code: number, reason: string): Buffer {
  const text = Buffer.from(reason).subarray(0, REASON_MAX_BYTES)
  const frame = Buffer.alloc(4 + text.length)
  frame[0] = CLOSE
  frame[1] = 2 + text.length
  frame.writeUInt16BE(code, 2)
  text.copy(frame, 4)
  return frame
}

/** The length of a header, once its second byte is known; two until then. */
function headerBytes(header: readonly number[]): number {
  const second = header[1]
  if (second === undefined) return 2
  const length = second & LENGTH_MASK
  const extended = length === LENGTH_16 ? 2 : length === LENGTH_64 ? 8 : 0
  return 2 + extended + ((second & MASKED) === 0 ? 0 : MASK_KEY_BYTES)
}

function payloadBytes(header: readonly number[]): number {
  const length = (header[1] ?? 0) & LENGTH_MASK
  if (length < LENGTH_16) return length
  const bytes = header.slice(2, length === LENGTH_16 ? 4 : 10)
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0)
}
