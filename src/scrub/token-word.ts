const WORD = [0x74, 0x6f, 0x6b, 0x65, 0x6e] // token
const LENGTH = WORD.length
/** Precedes the word in the name of the URL parameter; its hyphens may be underscores. */
const PREFIX = [0x78, 0x2d, 0x70, 0x6c, 0x65, 0x78, 0x2d] // x-plex-
const PARAMETER = [...PREFIX, ...WORD]

/** By the last byte of a window of five: the distance to the next position where the word may end (Horspool). */
const SHIFTS = toShifts()

function toShifts(): Uint8Array {
  const shifts = new Uint8Array(256).fill(LENGTH)
  for (const [index, code] of WORD.entries()) shifts[code] = shifts[code & ~0x20] = LENGTH - 1 - index
  return shifts
}

export const WORD_LENGTH = LENGTH
export const PREFIX_LENGTH = PREFIX.length

/**
 * Positions of the word "token", in any letter case, in order. Searches four quarters at once: each step depends on
 * the byte that the previous step led to, and the quarters do not depend on each other. Twice as fast as a regular
 * expression over a copy.
 */
export function findWords(data: Buffer): readonly number[] {
  const { length } = data
  const quarter = length >>> 2
  const half = quarter * 2
  const third = quarter * 3
  const found: number[] = []
  if (quarter < LENGTH) {
    searchQuarter(data, LENGTH - 1, length, found)
    return found
  }
  let a = LENGTH - 1
  let b = quarter
  let c = half
  let d = third
  while (a < quarter && b < half && c < third && d < length) {
    let shift = SHIFTS[data[a] as number] as number
    if (shift === 0) {
      if (hasK(data[a - 2])) add(found, data, a)
      shift = LENGTH
    }
    a += shift
    shift = SHIFTS[data[b] as number] as number
    if (shift === 0) {
      if (hasK(data[b - 2])) add(found, data, b)
      shift = LENGTH
    }
    b += shift
    shift = SHIFTS[data[c] as number] as number
    if (shift === 0) {
      if (hasK(data[c - 2])) add(found, data, c)
      shift = LENGTH
    }
    c += shift
    shift = SHIFTS[data[d] as number] as number
    if (shift === 0) {
      if (hasK(data[d - 2])) add(found, data, d)
      shift = LENGTH
    }
    d += shift
  }
  searchQuarter(data, a, quarter, found)
  searchQuarter(data, b, half, found)
  searchQuarter(data, c, third, found)
  searchQuarter(data, d, length, found)
  return found.length > 1 ? found.sort((left, right) => left - right) : found
}

function searchQuarter(data: Buffer, from: number, to: number, found: number[]): void {
  for (let at = from; at < to; ) {
    const shift = SHIFTS[data[at] as number] as number
    if (shift === 0) add(found, data, at)
    at += shift || LENGTH
  }
}

/** Written out: the loop above is half as fast if this calls another function. */
function add(found: number[], data: Buffer, last: number): void {
  if (
    ((data[last] as number) | 0x20) === 0x6e &&
    ((data[last - 1] as number) | 0x20) === 0x65 &&
    ((data[last - 2] as number) | 0x20) === 0x6b &&
    ((data[last - 3] as number) | 0x20) === 0x6f &&
    ((data[last - 4] as number) | 0x20) === 0x74
  )
    found.push(last - LENGTH + 1)
}

/** The rarest letter of the word decides first. */
const hasK = (byte: number | undefined): boolean => byte === 0x6b || byte === 0x4b

/** Whether `x-plex-` precedes the word at `at`, without reaching back before `from`. */
export function hasPrefix(data: Buffer, at: number, from: number): boolean {
  return at - PREFIX_LENGTH >= from && spells(data, at - PREFIX_LENGTH, PREFIX, PREFIX_LENGTH)
}

/** The length of the longest suffix of the data that the word, or the parameter's name, could continue. */
export function unfinishedWord(data: Buffer): number {
  const { length } = data
  for (let count = Math.min(length, PARAMETER.length - 1); count > 0; count--) {
    if (spells(data, length - count, PARAMETER, count)) return count
    if (count < LENGTH && spells(data, length - count, WORD, count)) return count
  }
  return 0
}

/** Whether the first `count` codes are at `at`, in any letter case, with an underscore for a hyphen allowed. */
function spells(data: Buffer, at: number, codes: readonly number[], count: number): boolean {
  for (let i = 0; i < count; i++) {
    const byte = data[at + i] as number
    const code = codes[i] as number
    if (code === 0x2d ? byte !== 0x2d && byte !== 0x5f : (byte | 0x20) !== code) return false
  }
  return true
}
