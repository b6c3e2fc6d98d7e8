import { HEAD_MAX_BYTES, NO_SPANS, type SpanKind, VALUE_MAX_BYTES, type Verdict } from './span.ts'
import { WORD_LENGTH } from './token-word.ts'

// Where in a document a byte is, as far as it matters here.
const TEXT = 0
/** After the `<` of a tag. */
const OPEN = 1
const NAME = 2
/** A closing tag, comment, declaration or processing instruction. */
const OTHER = 3
/** In a tag, where an attribute can begin. */
const TAG = 4
const ATTRIBUTE = 5
/** After an attribute's name. */
const NAMED = 6
/** After its equals sign. */
const EQUALS = 7
const DOUBLE = 8
const SINGLE = 9

const LESS = 0x3c
const GREATER = 0x3e
const SLASH = 0x2f
const CDATA = Buffer.from('<![CDATA[')
const CDATA_END = Buffer.from(']]>')

/**
 * Follows an XML document, to tell a field from text that looks like one. The last `<` before a position begins the
 * tag that the position is in or after, because in values and text it is escaped. So only the tag around a hit is
 * read, not the document.
 */
export class XmlPlace {
  private state = TEXT
  private at = 0

  /** Follows the data up to `to`; called in ascending order. */
  follow(data: Buffer, to: number): void {
    if (to <= this.at) return
    const open = data.subarray(this.at, to).lastIndexOf(LESS)
    if (open !== -1) {
      this.at += open + 1
      this.state = OPEN
    }
    if (this.state !== TEXT) while (this.at < to) this.state = step(this.state, data[this.at++] as number)
    this.at = to
  }

  /** The next data begin at the current position. */
  restart(): void {
    this.at = 0
  }

  /**
   * The value of an attribute, or the text of an element, whose name ends with the word at `at`; it is not far ahead.
   */
  judge(data: Buffer, at: number, isLast: boolean): Verdict {
    let { state } = this
    for (let i = this.at; i < at; i++) state = step(state, data[i] as number)
    const from = at + WORD_LENGTH
    if (state === OPEN || state === NAME) return judgeElement(data, from, isLast)
    return state === TAG || state === ATTRIBUTE || state === NAMED
      ? judgeAttribute(data, from, isLast)
      : NO_SPANS
  }
}

function step(state: number, byte: number): number {
  if (byte === LESS) return OPEN
  if (state === DOUBLE) return byte === 0x22 ? TAG : DOUBLE
  if (state === SINGLE) return byte === 0x27 ? TAG : SINGLE
  if (state === TEXT || byte === GREATER) return TEXT
  if (state === OTHER) return OTHER
  if (state === OPEN && (byte === SLASH || byte === 0x21 || byte === 0x3f)) return OTHER
  const isBlank = byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
  if (state === OPEN || state === NAME) return isBlank || byte === SLASH ? TAG : NAME
  if (isBlank) return state === ATTRIBUTE ? NAMED : state
  if (state === TAG) return byte === SLASH ? TAG : ATTRIBUTE
  if (state === EQUALS) return byte === 0x22 ? DOUBLE : byte === 0x27 ? SINGLE : ATTRIBUTE
  return byte === 0x3d ? EQUALS : byte === SLASH ? TAG : ATTRIBUTE
}

function judgeAttribute(data: Buffer, from: number, isLast: boolean): Verdict {
  const stop = Math.min(data.length, from + HEAD_MAX_BYTES)
  let state = ATTRIBUTE
  let at = from
  while (at < stop) {
    state = step(state, data[at++] as number)
    // The name continues, or there is no value.
    if (state !== NAMED && state !== EQUALS && state !== DOUBLE && state !== SINGLE) return NO_SPANS
    if (state === DOUBLE || state === SINGLE)
      return upTo(data, at, state === DOUBLE ? '"' : "'", 'attribute', isLast)
  }
  return at < from + HEAD_MAX_BYTES && !isLast ? 'more' : NO_SPANS
}

function judgeElement(data: Buffer, from: number, isLast: boolean): Verdict {
  const stop = Math.min(data.length, from + VALUE_MAX_BYTES)
  let state = NAME
  let at = from
  while (at < stop && state !== TEXT) {
    state = step(state, data[at++] as number)
    // The name continues, or another tag begins; no byte is read for two of them.
    if (state === NAME || state === OPEN) return NO_SPANS
  }
  if (state !== TEXT) return at < from + VALUE_MAX_BYTES && !isLast ? 'more' : NO_SPANS
  if (data[at - 2] === SLASH) return NO_SPANS
  const text = data.subarray(at, at + CDATA.length)
  if (text.equals(CDATA)) return upTo(data, at + CDATA.length, CDATA_END, 'element', isLast)
  if (text.length < CDATA.length && CDATA.subarray(0, text.length).equals(text))
    return isLast ? NO_SPANS : 'more'
  return upTo(data, at, '<', 'element', isLast)
}

function upTo(data: Buffer, from: number, end: string | Buffer, kind: SpanKind, isLast: boolean): Verdict {
  const window = data.subarray(from, from + VALUE_MAX_BYTES)
  const found = window.indexOf(end)
  if (found === -1 && window.length < VALUE_MAX_BYTES && !isLast) return 'more'
  return [{ from, to: from + (found === -1 ? window.length : found), kind }]
}
