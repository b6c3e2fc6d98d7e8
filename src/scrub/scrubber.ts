import { FieldMask } from './field-mask.ts'
import { type Needles, toNeedles } from './needles.ts'
import { TokenMask } from './token-mask.ts'

/**
 * A filter over the pieces of one textual body. What it gives back, joined, is as long as what it was given and
 * does not depend on where the pieces were cut; a piece with nothing to hide comes back uncopied.
 */
export interface Scrubber {
  /** The bytes that are decided by now; an unfinished match at the end is kept for the next piece. */
  scrub(chunk: Buffer): Buffer
  /** The bytes still kept, once the body has ended. */
  flush(): Buffer
}

/**
 * Masks the given tokens wherever they stand (also in base64 or hexadecimal), and the value of every
 * field whose name ends in "token": JSON with its arrays and objects, XML attributes and elements, query strings
 * (SECURITY rule 56). Asterisks keep the length, and so `Content-Length`; a number becomes ones.
 *
 * Not covered, because plain text would pay for it: a given token inside a longer text that is encoded as a whole,
 * encoded in part or twice, or with JSON escapes or character references in it; a foreign token without a field,
 * in one of these codings, behind more than 32 blanks, or in an array or object inside a JSON string; UTF-16.
 */
export function createScrubber(tokens: readonly string[]): Scrubber {
  return createScrubbers(tokens)()
}

/** Makes scrubbers for many bodies, each for one, of the same tokens. */
export function createScrubbers(tokens: readonly string[]): () => Scrubber {
  const needles = toNeedles(tokens)
  return () => new BothMasks(needles)
}

class BothMasks implements Scrubber {
  private readonly tokens: TokenMask
  private readonly fields = new FieldMask()

  constructor(needles: Needles) {
    this.tokens = new TokenMask(needles)
  }

  scrub(chunk: Buffer): Buffer {
    return this.fields.scrub(this.tokens.scrub(chunk))
  }

  flush(): Buffer {
    const head = this.fields.scrub(this.tokens.flush())
    const tail = this.fields.flush()
    return tail.length === 0 ? head : Buffer.concat([head, tail])
  }
}

/** The same for a body that is whole. */
export function scrubBody(body: Buffer, tokens: readonly string[]): Buffer {
  const scrubber = createScrubber(tokens)
  return Buffer.concat([scrubber.scrub(body), scrubber.flush()])
}
