import { findAll, type Needles, unfinished } from './needles.ts'
import type { Scrubber } from './scrubber.ts'

const MASK = 0x2a // '*'
const EMPTY = Buffer.alloc(0)

/** Masks every occurrence of the needles, which `toNeedles` makes of tokens. A class: one for every textual answer. */
export class TokenMask implements Scrubber {
  private readonly needles: Needles
  /** The undecided end of what came before, unmasked. */
  private kept: Buffer = EMPTY
  /** How many bytes at its start lie in an occurrence that began in bytes already given out. */
  private covered = 0

  constructor(needles: Needles) {
    this.needles = needles
  }

  scrub(chunk: Buffer): Buffer {
    return this.mask(chunk, false)
  }

  flush(): Buffer {
    return this.mask(EMPTY, true)
  }

  private mask(chunk: Buffer, isLast: boolean): Buffer {
    const { needles, kept, covered } = this
    const data = kept.length === 0 ? chunk : Buffer.concat([kept, chunk])
    const end = isLast ? data.length : data.length - unfinished(data, needles)
    let masked: Buffer | null = null
    let coveredNext = 0
    if (covered > 0) {
      masked = Buffer.from(data).fill(MASK, 0, covered)
      coveredNext = Math.max(0, covered - end)
    }
    for (const { at, length } of findAll(data, needles)) {
      if (at >= end) continue
      masked ??= Buffer.from(data)
      masked.fill(MASK, at, at + length)
      coveredNext = Math.max(coveredNext, at + length - end)
    }
    this.kept = end === data.length ? EMPTY : Buffer.from(data.subarray(end))
    this.covered = coveredNext
    if (masked !== null) return masked.subarray(0, end)
    return end === data.length ? data : data.subarray(0, end)
  }
}
