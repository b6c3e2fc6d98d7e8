import type { Scrubber } from './scrubber.ts'

const MASK = 0x2a // '*'
const EMPTY = Buffer.alloc(0)

// What stands between a field's name and its value: `token":"`, `token="`, `token=`, `token>`, and each of them
// as a URL, JSON or XML text inside another one spells it. All is bounded, so that a head is: see LONGEST_REST.
const PERCENT = '%(?:25){0,3}'
const QUOTE = String.raw`(?:\\{0,3}["']|\\{1,3}u002[27]|&(?:quot|apos|#3[49]|#x2[27]);|${PERCENT}2[27])`
const SPACE = String.raw`[ \t\r\n]{0,32}`
const EQUALS = String.raw`(?:=|${PERCENT}3d|\\{1,3}u003d|&(?:equals|#0{0,4}61|#x0{0,4}3d);)`
const COLON = `(?::|${PERCENT}3a)`
const LONGEST_NAME = 46
const NAME = String.raw`[\w:.-]{0,${LONGEST_NAME}}`
const JSON_COLON = `"${SPACE}:${SPACE}`

const HEAD = [
  // `<authToken>` and `<authToken type="x">`, but not `</authToken>`.
  `>(?<!</${NAME}token>)`,
  String.raw`([ \t\r\n])(?<=<${NAME}token\s)`,
  String.raw`${JSON_COLON}(?:([[{])|(-?)(?=\d))`,
  `${QUOTE}?${SPACE}(?:${COLON}|${EQUALS})${SPACE}(${QUOTE})`,
  `(${EQUALS})`
].join('|')

/**
 * An end of the data that may be the start of a head, or a head that a further byte changes: every byte that
 * occurs in a head counts, which may keep a little too much back, never too little.
 */
const LONGEST_REST = 96
const REST = String.raw`[\\"'&#;%:=>a-fl-uxQ0-9 \t\r\n-]{0,${LONGEST_REST}}`
const UNFINISHED = new RegExp(`t(?:o(?:k(?:e(?:n${REST})?)?)?)?$`, 'i')

interface ValueRule {
  readonly ends: RegExp
  readonly mask: number
  /** A backslash takes the next byte with it. */
  readonly escapes: boolean
}

// `lastIndex` is set before every use, so nothing is carried from one body to another.
const HEADS = new RegExp(`token(?:${HEAD})`, 'gi')
// CDATA and comments are part of the text.
const ELEMENT: ValueRule = { ends: /<(?!!)/g, mask: MASK, escapes: false }
const DOUBLE: ValueRule = { ends: /["\\]/g, mask: MASK, escapes: true }
const SINGLE: ValueRule = { ends: /['\\]/g, mask: MASK, escapes: true }
// Quotes in XML know no escapes.
const DOUBLE_ATTRIBUTE: ValueRule = { ends: /"/g, mask: MASK, escapes: false }
const SINGLE_ATTRIBUTE: ValueRule = { ends: /'/g, mask: MASK, escapes: false }
// An escaped quote ends at the next quote, by that one's first byte.
const NESTED: ValueRule = { ends: /[\\"'&%<>]/g, mask: MASK, escapes: false }
// Without quotes, where no token goes on; asterisks are tokens that are masked already.
const BARE: ValueRule = { ends: /[^\w.~*-]/g, mask: MASK, escapes: false }
// A number stays one.
const NUMBER: ValueRule = { ends: /[^\d.e+-]/gi, mask: 0x31, escapes: false }

// What holds several values, each masked: a JSON array or object, the attributes of an element.
const IN_JSON = /["[\]{}]/g
const IN_TAG = /["'/>]/g

/** Masks the value of every field whose name ends in "token", in any case. A class: one for every textual answer. */
export class FieldMask implements Scrubber {
  /** The undecided end of what came before, unmasked. */
  private kept: Buffer = EMPTY
  /** The rule of the value that is being masked, null between values. */
  private rule: ValueRule | null = null
  /** What holds the value, and how deep in it we are. */
  private holder: RegExp | null = null
  private depth = 0
  private isSelfClosing = false
  /** The last byte of the value so far was a backslash that takes the next one. */
  private escaped = false

  scrub(chunk: Buffer): Buffer {
    return this.mask(chunk, false)
  }

  flush(): Buffer {
    return this.mask(EMPTY, true)
  }

  private mask(chunk: Buffer, isLast: boolean): Buffer {
    const { kept } = this
    const data = kept.length === 0 ? chunk : Buffer.concat([kept, chunk])
    // One character a byte, so that positions agree; bytes of UTF-8 match nothing above.
    const text = data.toString('latin1')
    const end = isLast ? text.length : text.length - unfinished(text)
    let masked: Buffer | null = null
    let at = 0
    while (at < end) {
      const { rule } = this
      if (rule) {
        const to = this.valueEnd(text, at, end, rule)
        masked ??= Buffer.from(data)
        masked.fill(rule.mask, at, to)
        // In a holder the closing quote must not be taken for an opening one.
        at = this.rule === null && this.holder ? to + 1 : to
      } else if (this.holder) {
        at = this.step(text, at, end, this.holder)
      } else {
        HEADS.lastIndex = at
        const found = HEADS.exec(text)
        if (!found || found.index >= end) break
        at = HEADS.lastIndex
        this.enter(found)
      }
    }
    this.kept = end === data.length ? EMPTY : Buffer.from(data.subarray(end))
    if (masked !== null) return masked.subarray(0, end)
    return end === data.length ? data : data.subarray(0, end)
  }

  private enter([, tag, bracket, number, quote, equals]: RegExpExecArray): void {
    this.depth = 1
    if (tag) this.holder = IN_TAG
    else if (bracket) this.holder = IN_JSON
    else if (number !== undefined) this.rule = NUMBER
    else if (quote === '"') this.rule = DOUBLE
    else if (quote === "'") this.rule = SINGLE
    else if (quote) this.rule = NESTED
    else this.rule = equals ? BARE : ELEMENT
  }

  /** From one sign that matters in a holder to behind it, at most to `end`. */
  private step(text: string, from: number, end: number, holder: RegExp): number {
    holder.lastIndex = from
    const found = holder.exec(text)
    if (!found || found.index >= end) return end
    const [sign] = found
    if (holder === IN_TAG) {
      if (sign === '"') this.rule = DOUBLE_ATTRIBUTE
      else if (sign === "'") this.rule = SINGLE_ATTRIBUTE
      else if (sign === '>') {
        this.holder = null
        if (!this.isSelfClosing) this.rule = ELEMENT
      }
      this.isSelfClosing = sign === '/'
    } else if (sign === '"') {
      this.rule = DOUBLE
    } else {
      this.depth += sign === '[' || sign === '{' ? 1 : -1
      if (this.depth === 0) this.holder = null
    }
    return found.index + 1
  }

  /** Where the value ends, at most `end`; it goes on in the next piece unless its rule says otherwise. */
  private valueEnd(text: string, from: number, end: number, { ends, escapes }: ValueRule): number {
    let at = this.escaped ? from + 1 : from
    this.escaped = false
    for (;;) {
      ends.lastIndex = at
      const stop = ends.exec(text)?.index ?? end
      if (stop >= end) return end
      if (!escapes || text[stop] !== '\\') {
        this.rule = null
        return stop
      }
      at = stop + 2
      this.escaped = at > end
      if (at >= end) return end
    }
  }
}

function unfinished(text: string): number {
  const tail = text.slice(-(LONGEST_REST + 'token'.length))
  const found = UNFINISHED.exec(tail)
  const kept = found ? tail.length - found.index : 0
  // A tag's name is kept from its `<` on: what comes before "token" decides too.
  const stop = text.length - kept
  let start = stop
  while (start > 0 && stop - start < LONGEST_NAME && isInName(text.charCodeAt(start - 1))) start -= 1
  if (text[start - 1] === '/') start -= 1
  return text[start - 1] === '<' ? text.length - start + 1 : kept
}

function isInName(code: number): boolean {
  const letter = code | 0x20
  if (letter >= 0x61 && letter <= 0x7a) return true
  // Digits and the colon, the hyphen and the full stop, the low line.
  return (code >= 0x30 && code <= 0x3a) || code === 0x2d || code === 0x2e || code === 0x5f
}
