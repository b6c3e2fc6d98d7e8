import { FieldMask } from './scrub-fields.ts'
import { TokenMask, toNeedles } from './scrub-tokens.ts'

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
 * Masks the given tokens wherever they stand, and the value of every field whose name ends in "token": JSON,
 * XML attributes and elements, query strings (SECURITY rule 56). Asterisks keep the length, and so `Content-Length`.
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

  constructor(needles: readonly Buffer[]) {
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
