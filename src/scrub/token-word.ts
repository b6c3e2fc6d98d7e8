const WORD = [0x74, 0x6f, 0x6b, 0x65, 0x6e] // token
const LENGTH = WORD.length
/** Precedes the word in the name of the URL parameter; its hyphens may be underscores. */
const PREFIX = [0x78, 0x2d, 0x70, 0x6c, 0x65, 0x78, 0x2d] // x-plex-
const PARAMETER = [...PREFIX, ...WORD]

/**
 * Bytes that are searched as one text. Longer texts of one byte a character are large objects to V8, which take four
 * times as long to make.
 */
const WINDOW = 64 * 1024

export const WORD_LENGTH = LENGTH
export const PREFIX_LENGTH = PREFIX.length

/**
 * Positions of the word "token", in any letter case, in order. V8's own search of a copy takes half as long as any loop
 * over the bytes.
 */
export function findWords(data: Buffer): readonly number[] {
  const word = /token/gi
  const found: number[] = []
  for (let from = 0; from < data.length; from += WINDOW) {
    const text = data.toString('latin1', from, from + WINDOW + LENGTH - 1)
    while (word.test(text)) found.push(from + word.lastIndex - LENGTH)
  }
  return found
}

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
