/**
 * Pieces of fewer bytes are joined where many arrive at once. Each costs a search for tokens and a write to the client,
 * which take longer than to copy it, and a server may send every byte in a piece of its own (SECURITY rule 53).
 */
export const JOIN_BYTES = 4096

const LEAST_BYTES = 1024

/** Bytes that arrive in pieces. */
export interface CollectedBytes {
  /** How many there are. */
  readonly length: number
  /** Copies the piece. */
  add(piece: Uint8Array): void
  /** All of them, in one piece; none are left. */
  take(): Buffer
}

/**
 * Collects pieces in one buffer that grows with them. A list of pieces would hold a hundred times their bytes where each
 * piece is one byte (SECURITY rule 53).
 */
export function collectBytes(): CollectedBytes {
  let bytes = Buffer.alloc(0)
  let length = 0
  return {
    get length() {
      return length
    },
    add(piece) {
      if (length + piece.length > bytes.length) {
        const grown = Buffer.allocUnsafe(Math.max(length + piece.length, 2 * length, LEAST_BYTES))
        bytes.copy(grown, 0, 0, length)
        bytes = grown
      }
      bytes.set(piece, length)
      length += piece.length
    },
    take() {
      const whole = bytes.subarray(0, length)
      // A few bytes must not keep the room for many.
      const taken = 2 * length < bytes.length ? Buffer.from(whole) : whole
      bytes = Buffer.alloc(0)
      length = 0
      return taken
    }
  }
}
