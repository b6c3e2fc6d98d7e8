import { BodyMask, type Grammar } from './body-mask.ts'
import { toNeedles } from './needles.ts'

export type { Grammar } from './body-mask.ts'

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
 * Masks the given tokens wherever they stand (also in base64 or hexadecimal), the parameter `X-Plex-Token` of every
 * URL, and by the grammar of the body every field whose name ends in "token": strings and numbers of JSON, attributes
 * and elements of XML (SECURITY rules 56, 88). Free text stays as it is. Asterisks keep the length, and so
 * `Content-Length`; a number becomes ones.
 *
 * Not covered, because plain text would pay for it: a given token inside a longer text that is encoded as a whole,
 * encoded in part or twice, or with JSON escapes or character references in it; a foreign token without a field, in a
 * text inside a string, or longer than 4 KB; UTF-16.
 */
export function createScrubber(tokens: readonly string[], grammar: Grammar): Scrubber {
  return createScrubbers(tokens)(grammar)
}

/** Makes scrubbers for many bodies, each for one, of the same tokens. */
export function createScrubbers(tokens: readonly string[]): (grammar: Grammar) => Scrubber {
  const needles = toNeedles(tokens)
  return (grammar) => new BodyMask(needles, grammar)
}

/** The same for a body that is whole. */
export function scrubBody(body: Buffer, tokens: readonly string[], grammar: Grammar): Buffer {
  return scrubWhole(createScrubber(tokens, grammar), body)
}

/** What a scrubber that has seen nothing yet makes of a whole body. */
export function scrubWhole(scrubber: Scrubber, body: Buffer): Buffer {
  const head = scrubber.scrub(body)
  const tail = scrubber.flush()
  return tail.length === 0 ? head : Buffer.concat([head, tail])
}
