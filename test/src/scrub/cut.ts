import { createScrubber, type Grammar } from '../../../src/scrub/scrubber.ts'

export const TOKEN = 'sim-usr-tok-0Ab1Cd2E'
export const OTHER = 'sim-srv-tok-9Zy8Xw7V'
export const GRAMMARS: readonly Grammar[] = ['json', 'xml', 'text', 'untyped']

/** Cuts the body at the given places, each reduced to the body's length. */
export function scrubInPieces(
  body: Buffer,
  cuts: readonly number[],
  tokens: readonly string[],
  grammar: Grammar
): Buffer {
  const places = cuts.map((cut) => cut % (body.length + 1)).sort((left, right) => left - right)
  const scrubber = createScrubber(tokens, grammar)
  const out: Buffer[] = []
  let from = 0
  for (const to of [...places, body.length]) {
    out.push(Buffer.from(scrubber.scrub(body.subarray(from, to))))
    from = to
  }
  return Buffer.concat([...out, scrubber.flush()])
}

/** A token as it is, and as whole texts encode it. */
export function spellingsOf(token: string): readonly string[] {
  const bytes = Buffer.from(token)
  const hex = bytes.toString('hex')
  const base64 = ['base64', 'base64url'].map((encoding) => bytes.toString(encoding as BufferEncoding))
  return [...base64, hex, hex.toUpperCase()]
}
