import type { DestinationStream } from 'pino'

/** Where gathered lines go: the part of pino's own destination that this needs. */
export interface LineOutput {
  write(lines: string): unknown
  flushSync(): void
}

export interface LineBuffer extends DestinationStream {
  /** Hands on what is gathered. */
  drain(): void
  /** The same, and waits until it is written: pino calls it after a fatal line. */
  flushSync(): void
}

/** Bytes gathered before a write, nearly: a line for every request must not cost a system call each. */
export const GATHERED_BYTES = 8192

/**
 * Gathers lines in front of pino's destination. It gathers too, but measures everything that waits once more for each
 * line, which costs several times what making the line does.
 */
export function createLineBuffer(output: LineOutput): LineBuffer {
  let gathered = ''

  function drain(): void {
    if (gathered === '') return
    const lines = gathered
    gathered = ''
    output.write(lines)
  }

  return {
    write(line) {
      gathered += line
      if (gathered.length >= GATHERED_BYTES) drain()
    },
    drain,
    flushSync() {
      drain()
      output.flushSync()
    }
  }
}
