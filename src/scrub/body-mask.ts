import { judgeJson } from './json-field.ts'
import { findAll, type Needles, unfinished } from './needles.ts'
import { maskSpan, NO_SPANS, type Span, type Verdict } from './span.ts'
import { findWords, PREFIX_LENGTH, unfinishedWord } from './token-word.ts'
import { judgeParameter } from './url-parameter.ts'
import { XmlPlace } from './xml-field.ts'

/**
 * How to tell fields from free text in a body. `untyped` is decided by the first characters: `{"` and `[{` mean JSON,
 * `<` means XML. In `text` (subtitles, playlists) the only fields are parameters of URLs.
 */
export type Grammar = 'json' | 'xml' | 'text' | 'untyped'

const MASK = 0x2a // '*'
const BRACE = 0x7b
const BRACKET = 0x5b
const LESS = 0x3c
const EMPTY = Buffer.alloc(0)
const NO_FIELD = { from: 0, to: 0 }

/**
 * Masks the needles anywhere, and the fields that hold tokens by the grammar of the body. Both passes skip most
 * bytes; only around the word "token" are bytes read one by one. A class, because there is one for every textual
 * response.
 */
export class BodyMask {
  private readonly needles: Needles
  private grammar: Grammar
  private xml: XmlPlace | null = null
  /** The brace or bracket at the start of an untyped body. */
  private opening = 0
  /** The undecided end of the previous data, unmasked. */
  private kept: Buffer = EMPTY
  /** How many bytes at its start belong to a needle that began in bytes already returned. */
  private covered = 0

  constructor(needles: Needles, grammar: Grammar) {
    this.needles = needles
    this.grammar = grammar
    if (grammar === 'xml') this.xml = new XmlPlace()
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
    const { length } = data
    if (this.grammar === 'untyped') this.guess(data)
    const places = findAll(data, needles)
    const words = findWords(data)
    let end = isLast ? length : length - Math.max(unfinished(data, needles), unfinishedWord(data))
    const spans: Span[] = []
    if (words.length > 0) end = this.takeFields(data, words, end, isLast, spans)
    this.xml?.follow(data, end)
    this.xml?.restart()
    this.kept = end === length ? EMPTY : Buffer.from(data.subarray(end))
    this.covered = 0
    if (spans.length === 0 && places.length === 0 && covered === 0)
      return end === length ? data : data.subarray(0, end)

    const masked = Buffer.from(data)
    for (const span of spans) maskSpan(masked, span)
    masked.fill(MASK, 0, covered)
    this.covered = Math.max(0, covered - end)
    for (const { at, length: bytes } of places) {
      if (at >= end) continue
      masked.fill(MASK, at, at + bytes)
      this.covered = Math.max(this.covered, at + bytes - end)
    }
    return masked.subarray(0, end)
  }

  private guess(data: Buffer): void {
    for (let at = 0; at < data.length; at++) {
      const byte = data[at] as number
      if (isBeforeText(byte)) continue
      if (this.opening === 0 && (byte === BRACE || byte === BRACKET)) {
        this.opening = byte
        continue
      }
      if (this.opening !== 0) this.grammar = isJsonBehind(this.opening, byte) ? 'json' : 'text'
      else this.grammar = byte === LESS ? 'xml' : 'text'
      if (this.grammar === 'xml') this.xml = new XmlPlace()
      return
    }
  }

  /** Adds the spans of all fields that end before `limit`; returns the position from which nothing is decided yet. */
  private takeFields(
    data: Buffer,
    words: readonly number[],
    limit: number,
    isLast: boolean,
    spans: Span[]
  ): number {
    let from = 0
    // The text of an element follows attributes, which have their own values.
    let element = NO_FIELD
    for (const at of words) {
      if (at < from || (at >= element.from && at < element.to)) continue
      // Keep everything that the name may need, but not from inside a field that is already masked.
      if (at >= element.to) from = Math.max(from, element.to)
      const start = Math.max(from, at - PREFIX_LENGTH)
      if (start >= limit) break
      this.xml?.follow(data, start)
      const verdict = this.judge(data, at, from, isLast)
      if (verdict !== 'more' && verdict.length === 0) continue
      const to = verdict === 'more' ? Number.POSITIVE_INFINITY : (verdict.at(-1) as Span).to
      // Never within an element whose text is decided: its attributes come before that text.
      if (verdict === 'more' || to > limit) return start
      spans.push(...verdict)
      const [first] = verdict
      if (first?.kind === 'element') element = { from: first.from, to }
      else from = to
    }
    return limit
  }

  private judge(data: Buffer, at: number, from: number, isLast: boolean): Verdict {
    const parameter = judgeParameter(data, at, from, isLast)
    if (parameter !== NO_SPANS) return parameter
    if (this.xml !== null) return this.xml.judge(data, at, isLast)
    return this.grammar === 'json' ? judgeJson(data, at, isLast) : NO_SPANS
  }
}

/** White space, control characters, and the three bytes of a byte order mark. */
function isBeforeText(byte: number): boolean {
  return byte <= 0x20 || byte === 0xef || byte === 0xbb || byte === 0xbf
}

/** Subtitles can begin with a brace or bracket too. */
function isJsonBehind(opening: number, byte: number): boolean {
  return opening === BRACE ? byte === 0x22 || byte === 0x7d : byte === BRACE
}
