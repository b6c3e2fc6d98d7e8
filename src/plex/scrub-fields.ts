import type { Scrubber } from './scrub.ts'

const MASK = 0x2a // '*'
const EMPTY = Buffer.alloc(0)

// What stands between a field's name and its value: `token":"`, `token="`, `token=`, `token>`, and each of them
// as a URL, JSON or XML text inside another one spells it. The spaces are bounded, so a head is at most 61 bytes.
const QUOTE = String.raw`(?:\\{0,3}["']|&quot;|&#34;|%22)`
const SPACE = String.raw`[ \t\r\n]{0,16}`
const EQUALS = String.raw`(?:=|%3d|\\u003d)`
const HEAD = `token(?:>|${QUOTE}?${SPACE}(?::|%3a|${EQUALS})${SPACE}(${QUOTE})|(${EQUALS}))`

/**
 * An end of the data that may be the start of a head, or a head that a further byte changes: every byte that
 * occurs in a head counts, which may keep a little too much back, never too little.
 */
const UNFINISHED = /t(?:o(?:k(?:e(?:n[\\"'&#;%:=>quotda0-4 \t\r\n]*)?)?)?)?$/i
const LONGEST_HEAD = 64

interface ValueRule {
  readonly ends: RegExp
  /** A backslash takes the next byte with it. */
  readonly escapes: boolean
}

// `lastIndex` is set before every use, so nothing is carried from one body to another.
const HEADS = new RegExp(HEAD, 'gi')
const ELEMENT: ValueRule = { ends: /</g, escapes: false }
const DOUBLE: ValueRule = { ends: /["\\]/g, escapes: true }
const SINGLE: ValueRule = { ends: /['\\]/g, escapes: true }
// An escaped quote ends at the next quote, by that one's first byte.
const NESTED: ValueRule = { ends: /[\\"'&%<>]/g, escapes: false }
// Without quotes, where no token goes on; asterisks are tokens that are masked already.
const BARE: ValueRule = { ends: /[^\w.~*-]/g, escapes: false }

/** Masks the value of every field whose name ends in "token", in any case. A class: one for every textual answer. */
export class FieldMask implements Scrubber {
  /** The undecided end of what came before, unmasked. */
  private kept: Buffer = EMPTY
  /** The rule of the value that is being masked, null between values. */
  private rule: ValueRule | null = null
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
      if (this.rule) {
        const to = this.valueEnd(text, at, end, this.rule)
        masked ??= Buffer.from(data)
        masked.fill(MASK, at, to)
        at = to
      } else {
        HEADS.lastIndex = at
        const found = HEADS.exec(text)
        if (!found || found.index >= end) break
        at = HEADS.lastIndex
        this.rule = ruleOf(found)
      }
    }
    this.kept = end === data.length ? EMPTY : Buffer.from(data.subarray(end))
    if (masked !== null) return masked.subarray(0, end)
    return end === data.length ? data : data.subarray(0, end)
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

function ruleOf([, quote, equals]: RegExpExecArray): ValueRule {
  if (quote === '"') return DOUBLE
  if (quote === "'") return SINGLE
  if (quote) return NESTED
  return equals ? BARE : ELEMENT
}

function unfinished(text: string): number {
  const tail = text.slice(-LONGEST_HEAD)
  const found = UNFINISHED.exec(tail)
  return found ? tail.length - found.index : 0
}
