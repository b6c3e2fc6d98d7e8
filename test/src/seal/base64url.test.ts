import t from 'tap'
import { fromBase64url } from '../../../src/seal/base64url.ts'
import { createDoorkeeper } from '../../../src/session/cookie/doorkeeper.ts'
import { fc } from '../../support/properties.ts'

/** What canonical means, in so many words. */
function slowly(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : null
}

t.test('rule 2: exactly the canonical spelling of any bytes is read, and nothing else', async (t) => {
  const alphabet =
    'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= \t\n.\u0000\u00e9\u20ac\u{1f600}%'
  const characters = fc.constantFrom(...alphabet)
  const bytes = fc.uint8Array({ maxLength: 70 }).map((array) => Buffer.from(array).toString('base64url'))
  const altered = fc
    .tuple(bytes, fc.nat(), characters, fc.constantFrom('put', 'insert', 'cut'))
    .map(([text, at, char, how]) => {
      const i = at % (text.length + 1)
      return text.slice(0, i) + (how === 'cut' ? '' : char) + text.slice(how === 'insert' ? i : i + 1)
    })
  let read = 0
  fc.assert(
    fc.property(fc.oneof(bytes, altered, fc.string({ unit: characters, maxLength: 9 })), (text) => {
      const expected = slowly(text)
      const got = fromBase64url(text)
      if (got !== null) read++
      return expected === null ? got === null : got?.equals(expected) === true
    }),
    { numRuns: 30_000 }
  )
  t.ok(read > 5000, `${read} read`)
  for (const length of [1, 2, 3, 4, 61]) {
    const text = Buffer.alloc(length, 0x5a).toString('base64url')
    for (const char of alphabet) {
      const other = text.slice(0, -1) + char
      t.equal(fromBase64url(other) === null, slowly(other) === null, JSON.stringify(other))
    }
  }
})

t.test('a doorkeeper lets in whatever comes a second time', async (t) => {
  const doorkeeper = createDoorkeeper(64)
  t.equal(doorkeeper.admits('value-one'), false)
  t.equal(doorkeeper.admits('value-one'), true)
  t.equal(doorkeeper.admits(''), false)
  for (let i = 0; i < 10_000; i++) doorkeeper.admits(`other-${i}`)
  t.equal(doorkeeper.admits('value-one'), false, 'which was long ago')
})
