import { BodyMask, type Grammar } from './body-mask.ts'
import { toNeedles } from './needles.ts'

export type { Grammar } from './body-mask.ts'

/**
 * A filter over the pieces of one textual body. Its output has the length of its input and does not depend on where
 * the pieces were cut. A piece with nothing to hide comes back uncopied.
 */
export interface Scrubber {
  /** The bytes that are decided; an unfinished match at the end is kept for the next piece. */
  scrub(chunk: Buffer): Buffer
  /** The remaining bytes, once the body has ended. */
  flush(): Buffer
}

/**
 * Masks the given tokens anywhere (also in base64 or hexadecimal), the parameter `X-Plex-Token` of every URL and, by
 * the grammar of the body, every field whose name ends in "token": strings and numbers in JSON, attributes and
 * elements in XML (SECURITY rules 56, 88). Free text is unchanged. Asterisks keep the length, and so
 * `Content-Length`; a number becomes ones.
 *
 * Not covered, because ordinary text would suffer: a given token inside a longer text that is encoded as a whole, in
 * part or twice, or that contains JSON escapes or character references; an unknown token outside a field, in text
 * inside a string, or longer than 4 KB; UTF-16.
 */
export function createScrubber(tokens: readonly string[], grammar: Grammar): Scrubber {
  return createScrubbers(tokens)(grammar)
}

/** Creates scrubbers for the same tokens, one for each body. */
export function createScrubbers(tokens: readonly string[]): (grammar: Grammar) => Scrubber {
  const needles = toNeedles(tokens)
  return (grammar) => new BodyMask(needles, grammar)
}

/** The same for a complete body. */
export function scrubBody(body: Buffer, tokens: readonly string[], grammar: Grammar): Buffer {
  return scrubWhole(createScrubber(tokens, grammar), body)
}

/** A complete body passed through a new scrubber. */
export function scrubWhole(scrubber: Scrubber, body: Buffer): Buffer {
  const head = scrubber.scrub(body)
  const tail = scrubber.flush()
  return tail.length === 0 ? head : Buffer.concat([head, tail])
}
