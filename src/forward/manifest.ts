import type { Scrubber } from '../scrub/scrubber.ts'
import type { AddressMark } from './hand-on.ts'

/** Bytes of a manifest; one of a long film has some tens of thousands. A longer one leaves as it is. */
const MAX_BYTES = 2 * 1024 * 1024
const EMPTY = Buffer.alloc(0)

/** What is no element, and then an element's start: nothing in a comment or a text is taken for one. */
const MARKUP =
  /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>|<(?:[\w.-]+:)?([A-Za-z]+)((?:[^<>"']|"[^"<]*"|'[^'<]*')*)>(?:([^<]*)(?=<\/))?/g
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
  private pieces: Buffer[] = []
  private length = 0

  constructor(mark: AddressMark) {
    this.mark = mark
  }

  scrub(chunk: Buffer): Buffer {
    this.length += chunk.length
    if (this.length > MAX_BYTES) {
      const all = Buffer.concat([...this.pieces, chunk])
      this.pieces = []
      return all
    }
    // The piece may be lent.
    this.pieces.push(Buffer.from(chunk))
    return EMPTY
  }

  flush(): Buffer {
    const text = Buffer.concat(this.pieces).toString('latin1')
    this.pieces = []
    return Buffer.from(this.leadsElsewhere(text) ? text : this.toMarked(text), 'latin1')
  }

  private leadsElsewhere(text: string): boolean {
    for (const [, element, , content = ''] of text.matchAll(MARKUP)) {
      const address = toPlain(content.trim())
      if (element === 'BaseURL' && address !== '' && !this.mark.isOwn(address)) return true
    }
    return false
  }

  private toMarked(text: string): string {
    return text.replace(MARKUP, (whole: string, element?: string, attributes?: string, content?: string) => {
      if (element === undefined || attributes === undefined) return whole
      const marked = attributes.replace(
        ATTRIBUTE,
        (attribute, before: string, one?: string, other?: string) => {
          const value = one ?? other ?? ''
          return value === '' ? attribute : `${before}"${this.toValue(value)}"`
        }
      )
      const start = whole.slice(0, whole.indexOf(attributes, whole.indexOf(element) + element.length))
      const isAddress = content !== undefined && TEXTS.has(element) && !content.trimEnd().endsWith('/')
      return `${start}${marked}>${isAddress ? this.toText(content) : (content ?? '')}`
    })
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

function toPlain(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_whole, name: string) => ENTITIES[name] ?? '')
}

function toEscaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
