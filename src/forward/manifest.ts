import { collectBytes } from '../domain/collected-bytes.ts'
import type { Scrubber } from '../scrub/scrubber.ts'
import type { AddressMark } from './hand-on.ts'

/** Bytes of a manifest; one of a long film has some tens of thousands. A longer one leaves as it is. */
const MAX_BYTES = 2 * 1024 * 1024
/** Characters that are joined before they become bytes. */
const PART_CHARS = 16 * 1024
const EMPTY = Buffer.alloc(0)

/** What is no element: nothing in it is taken for one. */
const OTHERS = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>']
] as const
const NAME = /<(?:[\w.-]+:)?([A-Za-z]+)/y
const ATTRIBUTE =
  /(\s(?:media|initialization|index|bitstreamSwitching|sourceURL|xlink:href)\s*=\s*)(?:"([^"]*)"|'([^']*)')/g
/** Elements whose text is an address (ISO/IEC 23009-1 §5.3, §5.6). */
const TEXTS: ReadonlySet<string> = new Set(['BaseURL', 'Location', 'PatchLocation'])
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/**
 * Marks the addresses of a DASH manifest. It is collected whole: an address counts from the `BaseURL` above it, and
 * where one of those leads elsewhere, nothing is marked at all.
 */
export class Manifest implements Scrubber {
  private readonly mark: AddressMark
  private readonly collected = collectBytes()
  private isTooLong = false

  constructor(mark: AddressMark) {
    this.mark = mark
  }

  scrub(chunk: Buffer): Buffer {
    if (this.isTooLong) return chunk
    this.collected.add(chunk)
    this.isTooLong = this.collected.length > MAX_BYTES
    return this.isTooLong ? this.collected.take() : EMPTY
  }

  flush(): Buffer {
    const text = this.collected.take().toString('latin1')
    return this.leadsElsewhere(text) ? Buffer.from(text, 'latin1') : this.toMarked(text)
  }

  private leadsElsewhere(text: string): boolean {
    for (const { name, content } of elementsOf(text)) {
      const address = toPlain(content.trim())
      if (name === 'BaseURL' && address !== '' && !this.mark.isOwn(address)) return true
    }
    return false
  }

  private toMarked(text: string): Buffer {
    const done = collectBytes()
    let marked = ''
    let at = 0
    for (const { name, attributesAt, attributes, content } of elementsOf(text)) {
      const list = attributes.replace(
        ATTRIBUTE,
        (attribute, before: string, one?: string, other?: string) => {
          const value = one ?? other ?? ''
          return value === '' ? attribute : `${before}"${this.toValue(value)}"`
        }
      )
      const isAddress = TEXTS.has(name) && !content.trimEnd().endsWith('/')
      marked += `${text.slice(at, attributesAt)}${list}>${isAddress ? this.toText(content) : content}`
      at = attributesAt + attributes.length + 1 + content.length
      // Joined texts take far more memory than their bytes.
      if (marked.length < PART_CHARS) continue
      done.add(Buffer.from(marked, 'latin1'))
      marked = ''
    }
    done.add(Buffer.from(marked + text.slice(at), 'latin1'))
    return done.take()
  }

  private toText(content: string): string {
    const address = content.trim()
    return address === '' ? content : content.replace(address, () => this.toValue(address))
  }

  /** A template's `$Number$` stays what it is. */
  private toValue(value: string): string {
    // Another reference would not come back as it was.
    if (value.includes('&#')) return value
    const address = toPlain(value)
    const marked = this.mark.add(address)
    return marked === address ? value : toEscaped(marked)
  }
}

interface Start {
  /** Without its prefix. */
  readonly name: string
  readonly attributesAt: number
  readonly attributes: string
  /** The text of an element that has nothing but text. */
  readonly content: string
}

/** The start tags, in order. Every step goes no further than to the next `<`, so a text costs no more time than its length. */
function* elementsOf(text: string): Generator<Start> {
  for (let at = text.indexOf('<'); at !== -1; at = text.indexOf('<', at)) {
    const other = OTHERS.find(([start]) => text.startsWith(start, at))
    if (other !== undefined) {
      const end = text.indexOf(other[1], at + other[0].length)
      if (end === -1) return
      at = end + other[1].length
      continue
    }
    NAME.lastIndex = at
    const name = NAME.exec(text)?.[1]
    const attributesAt = NAME.lastIndex
    const end = name === undefined ? -1 : endOfTag(text, attributesAt)
    at += 1
    if (name === undefined || end === -1) continue
    const next = text.indexOf('<', end)
    const content = next !== -1 && text[next + 1] === '/' ? text.slice(end + 1, next) : ''
    yield { name, attributesAt, attributes: text.slice(attributesAt, end), content }
    at = next === -1 ? text.length : next
  }
}

/** Where a tag's `>` is; -1 if another tag begins before it. */
function endOfTag(text: string, from: number): number {
  let quote = ''
  for (let at = from; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === '<') return -1
    if (quote !== '') {
      if (char === quote) quote = ''
    } else if (char === '>') return at
    else if (char === '"' || char === "'") quote = char
  }
  return -1
}

function toPlain(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_whole, name: string) => ENTITIES[name] ?? '')
}

function toEscaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
