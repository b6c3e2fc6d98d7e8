import type { Scrubber } from './scrub.ts'

const MASK = 0x2a // '*'
const EMPTY = Buffer.alloc(0)

/** Masks every occurrence of the needles, which `toNeedles` makes of tokens. A class: one for every textual answer. */
export class TokenMask implements Scrubber {
  private readonly needles: readonly Buffer[]
  /** The undecided end of what came before, unmasked. */
  private kept: Buffer = EMPTY
  /** How many bytes at its start lie in an occurrence that began in bytes already given out. */
  private covered = 0

  constructor(needles: readonly Buffer[]) {
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
    for (const needle of needles) {
      // Occurrences may overlap, so the search goes on one byte further, in bytes that stay unmasked.
      for (let at = data.indexOf(needle); at !== -1 && at < end; at = data.indexOf(needle, at + 1)) {
        masked ??= Buffer.from(data)
        masked.fill(MASK, at, at + needle.length)
        coveredNext = Math.max(coveredNext, at + needle.length - end)
      }
    }
    this.kept = end === data.length ? EMPTY : Buffer.from(data.subarray(end))
    this.covered = coveredNext
    if (masked !== null) return masked.subarray(0, end)
    return end === data.length ? data : data.subarray(0, end)
  }
}

/** The bytes to look for: the tokens as they are, and as a URL spells them. */
export function toNeedles(tokens: readonly string[]): readonly Buffer[] {
  const needles: Buffer[] = []
  for (const token of tokens) {
    // An empty needle would be found everywhere.
    if (token === '') continue
    // Plex's own tokens look the same in a URL: the usual case, and the quick one.
    if (/^[\w.~-]*$/.test(token)) {
      needles.push(Buffer.from(token, 'latin1'))
      continue
    }
    const encoded = encodeURIComponent(token)
    const lower = encoded.replace(/%../g, (hex) => hex.toLowerCase())
    for (const spelling of new Set([token, encoded, lower])) needles.push(Buffer.from(spelling))
  }
  return needles
}

/** The length of the longest end of the data that a needle might go on from. */
function unfinished(data: Buffer, needles: readonly Buffer[]): number {
  let longest = 0
  for (const needle of needles) {
    const most = Math.min(needle.length - 1, data.length)
    for (let length = most; length > longest; length -= 1) {
      if (data[data.length - length] !== needle[0]) continue
      if (data.compare(needle, 0, length, data.length - length) === 0) longest = length
    }
  }
  return longest
}
