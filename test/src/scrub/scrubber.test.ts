import t from 'tap'
import { createScrubber, scrubBody } from '../../../src/scrub/scrubber.ts'
import { fc } from '../../support/properties.ts'
import { GRAMMARS, OTHER, scrubInPieces, spellingsOf, TOKEN } from './cut.ts'

t.test('rule 53: a document made of hits is read in time that grows with its length alone', async (t) => {
  for (const [grammar, piece] of [
    ['json', 'token'],
    ['json', '"token":'],
    ['json', '"token":['],
    ['json', `"token"${' '.repeat(300)}`],
    ['xml', '<token '],
    ['xml', ' token='],
    ['xml', '<token>'],
    ['text', 'x-plex-token%'],
    ['text', 'x-plex-token=']
  ] as const) {
    const body = Buffer.from(piece.repeat(Math.ceil(1_000_000 / piece.length)))
    const startedAt = performance.now()
    const scrubber = createScrubber([TOKEN], grammar)
    for (let at = 0; at < body.length; at += 16_384) scrubber.scrub(body.subarray(at, at + 16_384))
    scrubber.flush()
    // In the square of the length it would be minutes.
    t.ok(performance.now() - startedAt < 20_000, `${grammar} ${piece}`)
  }
})

t.test('rule 56: any cut of any text gives the same bytes, and no token survives', async () => {
  const words =
    '"token":[|"token":{"|"token":7|"token" : "|<token |<auth|</|<![CDATA[|]]>|/>|]|}|&#61;|%253D|authToken":"|token|TOKEN="' +
    '|X-Plex-Token=|x-plex-token%3D|x-plex|&quot;|\\"|\\|"|\'|>|<|: |=|t|tok|ü€😀'
  const piece = fc.oneof(
    fc.constantFrom(TOKEN, OTHER, encodeURIComponent('a/b+c=='), ...spellingsOf(OTHER), ...words.split('|')),
    fc.string({ maxLength: 12 })
  )
  const tokens = [TOKEN, OTHER, 'a/b+c==']
  fc.assert(
    fc.property(
      fc.constantFrom(...GRAMMARS),
      fc.array(piece, { maxLength: 24 }).map((parts) => Buffer.from(parts.join(''))),
      fc.array(fc.nat({ max: 4000 }), { maxLength: 12 }),
      (grammar, body, cuts) => {
        const whole = scrubBody(body, tokens, grammar)
        const text = whole.toString('latin1')
        return (
          whole.length === body.length &&
          whole.equals(scrubInPieces(body, cuts, tokens, grammar)) &&
          !tokens.some((token) => text.includes(token) || text.includes(encodeURIComponent(token))) &&
          !spellingsOf(OTHER).some((spelling) => text.includes(spelling))
        )
      }
    ),
    { numRuns: 10_000 }
  )
})

t.test('rule 56: tokens that overlap each other are masked alike, wherever the body is cut', async () => {
  const word = (minLength: number) => fc.string({ unit: fc.constantFrom('a', 'b'), minLength, maxLength: 6 })
  fc.assert(
    fc.property(
      fc.array(word(1), { minLength: 1, maxLength: 3 }),
      fc.array(word(0), { maxLength: 12 }).map((parts) => Buffer.from(parts.join('c'))),
      fc.array(fc.nat({ max: 40 }), { maxLength: 6 }),
      (tokens, body, cuts) =>
        scrubInPieces(body, cuts, tokens, 'text').equals(scrubBody(body, tokens, 'text'))
    ),
    { numRuns: 5000 }
  )
})
