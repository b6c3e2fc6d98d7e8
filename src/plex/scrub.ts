import { createFieldMask } from './scrub-fields.ts'
import { createTokenMask, toNeedles } from './scrub-tokens.ts'

/**
 * A filter over the pieces of one textual body. What it gives back, joined, is as long as what it was given and
 * does not depend on where the pieces were cut; a piece with nothing to hide comes back uncopied.
 */
export interface Scrubber {
  /** The bytes that are decided by now; an unfinished match at the end is kept for the next piece. */
  readonly scrub: (chunk: Buffer) => Buffer
  /** The bytes still kept, once the body has ended. */
  readonly flush: () => Buffer
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
  return () => join(createTokenMask(needles), createFieldMask())
}

function join(literals: Scrubber, fields: Scrubber): Scrubber {
  return {
    scrub: (chunk) => fields.scrub(literals.scrub(chunk)),
    flush() {
      const head = fields.scrub(literals.flush())
      const tail = fields.flush()
      return tail.length === 0 ? head : Buffer.concat([head, tail])
    }
  }
}

/** The same for a body that is whole. */
export function scrubBody(body: Buffer, tokens: readonly string[]): Buffer {
  const scrubber = createScrubber(tokens)
  return Buffer.concat([scrubber.scrub(body), scrubber.flush()])
}

/** Whether a `Content-Type` is of text that may carry a token; media bytes are never touched. */
export function isTextual(contentType: string): boolean {
  const type = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase()
  return (
    type.startsWith('text/') ||
    /^(?:application|audio|image)\/(?:.*[+./-])?(?:json|xml|javascript|x?-?mpegurl)$/.test(type)
  )
}
