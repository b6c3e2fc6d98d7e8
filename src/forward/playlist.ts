import type { Scrubber } from '../scrub/scrubber.ts'
import type { AddressMark } from './hand-on.ts'

/** Characters of a line; the longest are addresses with many parameters. A longer one leaves as it is. */
const MAX_LINE = 64 * 1024
const EMPTY = Buffer.alloc(0)

/**
 * RFC 8216 §4.2: names and values of a tag's list; a quoted text may hold a comma, and even `URI=`. A name is not searched
 * for within another, so that a line costs no more time than its length.
 */
const ATTRIBUTE = /(?<![A-Z0-9-])([A-Z0-9-]+)=("[^"\r\n]*"|[^",\r\n]*)/g

/**
 * Marks the addresses of an HLS playlist (RFC 8216 §4.1): every line that is no tag and no comment, and every `URI` in
 * a tag. The lines pass one by one, in latin1, so that every other byte stays what it is.
 */
export class Playlist implements Scrubber {
  private readonly mark: AddressMark
  private rest = ''
  /** Within a line that was too long. */
  private isPassing = false

  constructor(mark: AddressMark) {
    this.mark = mark
  }

  scrub(chunk: Buffer): Buffer {
    if (chunk.length === 0) return EMPTY
    const piece = chunk.toString('latin1')
    // A line that goes on is only appended to: it may come byte by byte.
    const end = piece.lastIndexOf('\n') + 1
    let done = end === 0 ? '' : this.toLines(this.rest + piece.slice(0, end))
    this.rest = end === 0 ? this.rest + piece : piece.slice(end)
    if (this.rest.length > MAX_LINE) {
      done += this.rest
      this.rest = ''
      this.isPassing = true
    }
    return Buffer.from(done, 'latin1')
  }

  flush(): Buffer {
    const { rest } = this
    this.rest = ''
    return rest === '' ? EMPTY : Buffer.from(this.toLine(rest), 'latin1')
  }

  private toLines(text: string): string {
    let lines = ''
    for (let at = 0; at < text.length; ) {
      const next = text.indexOf('\n', at) + 1
      lines += this.toLine(text.slice(at, next))
      at = next
    }
    return lines
  }

  private toLine(line: string): string {
    if (this.isPassing) {
      this.isPassing = !line.endsWith('\n')
      return line
    }
    const { length } = line.trimEnd()
    const text = line.slice(0, length)
    if (text === '') return line
    const marked = text.startsWith('#') ? this.toTag(text) : this.toAddress(text)
    return marked + line.slice(length)
  }

  private toTag(tag: string): string {
    const colon = tag.indexOf(':')
    // What is behind EXTINF is a title.
    if (!tag.startsWith('#EXT-X-') || colon === -1 || !tag.includes('URI=', colon)) return tag
    const list = tag
      .slice(colon + 1)
      .replace(ATTRIBUTE, (whole, name: string, value: string) =>
        name === 'URI' && value.startsWith('"') ? `URI="${this.toAddress(value.slice(1, -1))}"` : whole
      )
    return tag.slice(0, colon + 1) + list
  }

  /** The address is UTF-8; what is added to it is ASCII. */
  private toAddress(address: string): string {
    return this.mark.add(address)
  }
}
