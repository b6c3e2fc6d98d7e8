import { HEAD_MAX_BYTES, NO_SPANS, type Span, VALUE_MAX_BYTES, type Verdict } from './span.ts'
import { WORD_LENGTH } from './token-word.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c
const BRACKET = 0x5b
/** The data end before the value. */
const OUT = -1

/**
 * The value of a JSON member whose name ends with the word at `at`: a string or number, or an array of them. In JSON,
 * a colon after a quotation mark always follows a name: inside a string the mark would be escaped.
 */
export function judgeJson(data: Buffer, at: number, isLast: boolean): Verdict {
  let from = at + WORD_LENGTH
  if (from >= data.length) return isLast ? NO_SPANS : 'more'
  if (data[from] !== QUOTE) return NO_SPANS
  const headEnd = at + HEAD_MAX_BYTES
  from = skipBlanks(data, from + 1, headEnd)
  if (from < data.length && data[from] !== COLON) return NO_SPANS
  from = skipBlanks(data, from + 1, headEnd)
  if (from >= data.length) return isLast ? NO_SPANS : 'more'
  const end = from + VALUE_MAX_BYTES
  const spans: Span[] = []
  const to =
    data[from] === BRACKET ? takeArray(data, from + 1, end, spans) : takeValue(data, from, end, spans)
  return to === OUT && !isLast ? 'more' : spans
}

/** Adds a string or number; returns the position after it, or OUT. */
function takeValue(data: Buffer, from: number, end: number, spans: Span[]): number {
  const stop = Math.min(end, data.length)
  const isString = data[from] === QUOTE
  let at = from
  if (isString) {
    for (at++; at < stop && data[at] !== QUOTE; at++) if (data[at] === BACKSLASH) at++
  } else {
    while (at < stop && isOfNumber(data[at] as number)) at++
  }
  // An escape at the very end continues beyond it.
  const to = Math.min(at, stop)
  if (isString) spans.push({ from: from + 1, to, kind: 'json' })
  else if (to > from) spans.push({ from, to, kind: 'number' })
  if (at >= stop) return stop === end ? end : OUT
  return isString ? at + 1 : at
}

function takeArray(data: Buffer, from: number, end: number, spans: Span[]): number {
  let at = skipBlanks(data, from, end)
  while (at < end) {
    if (at >= data.length) return OUT
    const to = takeValue(data, at, end, spans)
    if (to === OUT) return OUT
    if (to === at) return at
    at = skipBlanks(data, to, end)
    if (at < data.length && data[at] !== COMMA) return at
    at = skipBlanks(data, at + 1, end)
  }
  return end
}

function skipBlanks(data: Buffer, from: number, end: number): number {
  let at = from
  for (; at < end; at++) {
    const byte = data[at]
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at
  }
  return at
}

function isOfNumber(byte: number): boolean {
  if (byte >= 0x30 && byte <= 0x39) return true
  return byte === 0x2d || byte === 0x2b || byte === 0x2e || (byte | 0x20) === 0x65
}
