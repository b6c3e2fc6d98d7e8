import type { DestinationStream } from 'pino'

/** Where gathered lines go: the part of pino's own destination that this needs. */
export interface LineOutput {
  /** Takes the memory over. */
  write(lines: Buffer): unknown
  flushSync(): void
}

export interface LineBuffer extends DestinationStream {
  /** Hands on what is gathered. */
  drain(): void
  /** The same, and waits until it is written: pino calls it after a fatal line. */
  flushSync(): void
}

/** Bytes gathered before a write, nearly: each is a round trip to another thread, which costs as much as a request. */
const GATHERED_BYTES = 65_536
/** UTF-8 takes three bytes at most for what is one unit of a string. */
const BYTES_PER_UNIT = 3

/**
 * Gathers lines, written out as they come, in front of pino's destination. It gathers too, but measures everything that
 * waits once more for each line, which costs several times what making the line does.
 */
export function createLineBuffer(output: LineOutput): LineBuffer {
  let gathered = Buffer.allocUnsafeSlow(GATHERED_BYTES)
  let used = 0

  function drain(): void {
    if (used === 0) return
    const lines = gathered.subarray(0, used)
    gathered = Buffer.allocUnsafeSlow(GATHERED_BYTES)
    used = 0
    output.write(lines)
  }

  return {
    write(line) {
      const most = line.length * BYTES_PER_UNIT
      if (most > GATHERED_BYTES - used) drain()
      if (most > GATHERED_BYTES) output.write(Buffer.from(line))
      else used += gathered.write(line, used)
    },
    drain,
    flushSync() {
      drain()
      output.flushSync()
    }
  }
}
