import type { DestinationStream } from 'pino'

/** Where the lines go: the part of pino's destination that is needed here. */
export interface LineOutput {
  /** Takes ownership of the memory. */
  write(lines: Buffer): unknown
  flushSync(): void
}

export interface LineBuffer extends DestinationStream {
  /** Writes what has been gathered. */
  drain(): void
  /** The same, and waits until it is written. pino calls it after a fatal line. */
  flushSync(): void
}

/** Bytes gathered before a write. A write is a round trip to another thread and costs as much as a request. */
const GATHERED_BYTES = 65_536
/** UTF-8 needs at most three bytes for one UTF-16 code unit. */
const BYTES_PER_UNIT = 3

/**
 * Gathers lines in front of pino's destination. The destination gathers as well, but measures all waiting bytes again
 * for each line, which costs several times as much as producing the line.
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
