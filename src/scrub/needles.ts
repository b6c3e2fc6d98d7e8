const SHIFTS = 1024
const BYTES = 256
// In `table`: for two bytes, the shift and whether they are adjacent in a needle; for one byte, the other two facts.
const SHIFT = 0x7f
const FOLLOWS = 0x80
const BEGINS = 1
const OCCURS = 2

interface Place {
  readonly at: number
  readonly length: number
}

const NOWHERE: readonly Place[] = []

/**
 * The texts to find, and how far the search may step. One pass finds all needles and looks at about two bytes in
 * twenty (Wu and Manber), because a pass for each needle would cost more than everything else.
 */
export interface Needles {
  /** The needles, concatenated; needle i ends before `ends[i]`. */
  readonly bytes: Buffer
  readonly ends: readonly number[]
  readonly shortest: number
  readonly longest: number
  /**
   * By the last two bytes of a window as long as the shortest needle: the distance to the next position where a
   * needle may begin, 0 if it may be here. After these, by byte: whether it occurs in a needle, or begins one.
   */
  readonly table: Buffer
}

export function toNeedles(tokens: readonly string[]): Needles {
  let text = ''
  const ends: number[] = []
  let shortest = Number.POSITIVE_INFINITY
  let longest = 0
  for (const [index, token] of tokens.entries()) {
    // An empty needle would match everywhere; an owner's two tokens are the same.
    if (token === '' || tokens.indexOf(token) < index) continue
    for (const spelling of spell(token)) {
      text += spelling
      ends.push(text.length)
      shortest = Math.min(shortest, spelling.length)
      longest = Math.max(longest, spelling.length)
    }
  }
  const bytes = Buffer.from(text, 'latin1')
  return { bytes, ends, shortest, longest, table: toTable(bytes, ends, shortest) }
}

function toTable(bytes: Buffer, ends: readonly number[], shortest: number): Buffer {
  // A shift smaller than the window allows is slower; a larger one would be wrong.
  const table = Buffer.allocUnsafe(SHIFTS + BYTES).fill(Math.min(shortest - 1, SHIFT), 0, SHIFTS)
  table.fill(0, SHIFTS)
  let start = 0
  for (const stop of ends) {
    let before = bytes[start] as number
    table[SHIFTS + before] = BEGINS | OCCURS
    let rest = shortest - 2
    for (let at = start + 1; at < stop; at += 1) {
      const byte = bytes[at] as number
      const index = hash(before, byte)
      const shift = (table[index] as number) & SHIFT
      table[index] = FOLLOWS | (rest >= 0 && rest < shift ? rest : shift)
      table[SHIFTS + byte] = (table[SHIFTS + byte] as number) | OCCURS
      before = byte
      rest -= 1
    }
    start = stop
  }
  return table
}

/**
 * The token itself, percent-encoded, and each of these in base64 (without padding) and hexadecimal; one byte per
 * character.
 */
function spell(token: string): readonly string[] {
  // Plex's own tokens look the same in a URL: the usual, quick case.
  const isPlain = /^[\w.~-]*$/.test(token)
  const bytes = Buffer.from(token, isPlain ? 'latin1' : 'utf8')
  const hex = bytes.toString('hex')
  const base64 = bytes.toString('base64url')
  const spellings = [isPlain ? token : bytes.toString('latin1'), hex, hex.toUpperCase(), base64]
  if (base64.includes('-') || base64.includes('_'))
    spellings.push(base64.replaceAll('-', '+').replaceAll('_', '/'))
  if (isPlain) return spellings
  const encoded = encodeURIComponent(token)
  spellings.push(
    encoded,
    encoded.replace(/%../g, (code) => code.toLowerCase())
  )
  return spellings
}

function hash(first: number, second: number): number {
  return ((first << 5) ^ second) & (SHIFTS - 1)
}

/**
 * Positions of the longest needles, unordered; they may overlap. Searches four quarters at once: each step depends on
 * the byte that the previous step led to, and the quarters do not depend on each other.
 */
export function findAll(data: Buffer, needles: Needles): readonly Place[] {
  const { shortest, table } = needles
  const { length } = data
  const first = shortest - 1
  const quarter = length >>> 2
  const endA = Math.max(first, quarter)
  const endB = Math.max(first, quarter * 2)
  const endC = Math.max(first, quarter * 3)
  let found = NOWHERE
  let a = first
  let b = endA
  let c = endB
  let d = endC
  while (a < endA && b < endB && c < endC && d < length) {
    const shiftA = (table[hash(data[a - 1] as number, data[a] as number)] as number) & SHIFT
    const shiftB = (table[hash(data[b - 1] as number, data[b] as number)] as number) & SHIFT
    const shiftC = (table[hash(data[c - 1] as number, data[c] as number)] as number) & SHIFT
    const shiftD = (table[hash(data[d - 1] as number, data[d] as number)] as number) & SHIFT
    if (shiftA === 0) found = add(found, data, a, needles)
    if (shiftB === 0) found = add(found, data, b, needles)
    if (shiftC === 0) found = add(found, data, c, needles)
    if (shiftD === 0) found = add(found, data, d, needles)
    a += shiftA || 1
    b += shiftB || 1
    c += shiftC || 1
    d += shiftD || 1
  }
  found = searchQuarter(found, data, a, endA, needles)
  found = searchQuarter(found, data, b, endB, needles)
  found = searchQuarter(found, data, c, endC, needles)
  return searchQuarter(found, data, d, length, needles)
}

function searchQuarter(
  before: readonly Place[],
  data: Buffer,
  from: number,
  to: number,
  needles: Needles
): readonly Place[] {
  const { table } = needles
  let found = before
  for (let at = from; at < to; ) {
    const shift = (table[hash(data[at - 1] as number, data[at] as number)] as number) & SHIFT
    if (shift === 0) found = add(found, data, at, needles)
    at += shift || 1
  }
  return found
}

function add(found: readonly Place[], data: Buffer, last: number, needles: Needles): readonly Place[] {
  const at = last + 1 - needles.shortest
  const length = lengthAt(data, at, needles)
  if (length === 0) return found
  const place = { at, length }
  if (found === NOWHERE) return [place]
  ;(found as Place[]).push(place)
  return found
}

/** The length of the longest needle at `at`, or 0. */
function lengthAt(data: Buffer, at: number, { bytes, ends }: Needles): number {
  let longest = 0
  let start = 0
  for (const stop of ends) {
    if (stop - start > longest && agree(data, at, bytes, start, stop) === stop - start) longest = stop - start
    start = stop
  }
  return longest
}

/** The length of the longest suffix of the data that a needle could continue. */
export function unfinished(data: Buffer, { bytes, ends, longest, table }: Needles): number {
  const { length } = data
  if (length === 0) return 0
  // Nearly always the last two bytes decide.
  const last = table[SHIFTS + (data[length - 1] as number)] as number
  if (last === 0) return 0
  if (last === OCCURS) {
    if (length === 1) return 0
    const pair = hash(data[length - 2] as number, data[length - 1] as number)
    if (((table[pair] as number) & FOLLOWS) === 0) return 0
  }
  for (let at = Math.max(0, length - longest + 1); at < length; at += 1) {
    if (((table[SHIFTS + (data[at] as number)] as number) & BEGINS) === 0) continue
    let start = 0
    for (const stop of ends) {
      const rest = length - at
      if (rest < stop - start && agree(data, at, bytes, start, stop) === rest) return rest
      start = stop
    }
  }
  return 0
}

/** How many bytes from `at` match the needle, up to its end or the end of the data. */
function agree(data: Buffer, at: number, bytes: Buffer, start: number, stop: number): number {
  const most = Math.min(stop - start, data.length - at)
  let count = 0
  while (count < most && data[at + count] === bytes[start + count]) count += 1
  return count
}
