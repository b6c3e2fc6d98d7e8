import type { Scrubber } from './scrub.ts'

const MASK = 0x2a // '*'
const EMPTY = Buffer.alloc(0)

/** Masks every occurrence of the needles, which `toNeedles` makes of tokens. */
export function createTokenMask(needles: readonly Buffer[]): Scrubber {
  /** The undecided end of what came before, unmasked. */
  let kept: Buffer = EMPTY
  /** How many bytes at its start lie in an occurrence that began in bytes already given out. */
  let covered = 0

  function mask(chunk: Buffer, isLast: boolean): Buffer {
    const data = kept.length === 0 ? chunk : Buffer.concat([kept, chunk])
    const end = isLast ? data.length : data.length - unfinished(data, needles)
    let masked: Buffer | null = null
    let coveredNext = 0
    const hide = (from: number, to: number): void => {
      masked ??= Buffer.from(data)
      masked.fill(MASK, from, to)
      coveredNext = Math.max(coveredNext, to - end)
    }
    if (covered > 0) hide(0, covered)
    for (const needle of needles) {
      // Occurrences may overlap, so the search goes on one byte further, in bytes that stay unmasked.
      for (let at = data.indexOf(needle); at !== -1 && at < end; at = data.indexOf(needle, at + 1)) {
        hide(at, at + needle.length)
      }
    }
    kept = end === data.length ? EMPTY : Buffer.from(data.subarray(end))
    covered = coveredNext
    return (masked ?? data).subarray(0, end)
  }

  return { scrub: (chunk) => mask(chunk, false), flush: () => mask(EMPTY, true) }
}

/** The bytes to look for: the tokens as they are, and as a URL spells them. */
export function toNeedles(tokens: readonly string[]): readonly Buffer[] {
  // An empty needle would be found everywhere.
  return tokens
    .filter((token) => token !== '')
    .flatMap((token) => {
      // Plex's own tokens look the same in a URL: the usual case, and the quick one.
      if (/^[\w.~-]*$/.test(token)) return [Buffer.from(token)]
      const encoded = encodeURIComponent(token)
      const lower = encoded.replace(/%../g, (hex) => hex.toLowerCase())
      return [...new Set([token, encoded, lower])].map((spelling) => Buffer.from(spelling))
    })
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
