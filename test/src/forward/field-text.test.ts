import t from 'tap'
import { decodeField, toAsciiField } from '../../../src/forward/field-text.ts'
import { fc } from '../../support/properties.ts'

/** As a server writes it, and a parser of HTTP reads it: one character a byte. */
const utf8 = (text: string) => Buffer.from(text).toString('latin1')

t.test('rule 89: a name above ASCII is re-expressed with filename* and a fallback', async (t) => {
  const cases: readonly (readonly [string, string])[] = [
    [
      utf8('attachment; filename="千と千尋の神隠し.mkv"'),
      `attachment; filename="________.mkv"; filename*=UTF-8''${encodeURIComponent('千と千尋の神隠し')}.mkv`
    ],
    [
      utf8('attachment; filename="Amélie (2001).mkv"'),
      `attachment; filename="Amelie (2001).mkv"; filename*=UTF-8''Am%C3%A9lie%20%282001%29.mkv`
    ],
    // ISO-8859-1, as it stands.
    [
      'attachment; filename="Amélie.mkv"',
      `attachment; filename="Amelie.mkv"; filename*=UTF-8''Am%C3%A9lie.mkv`
    ],
    [
      utf8('inline; filename=Łódź a.srt'),
      `inline; filename="_odz a.srt"; filename*=UTF-8''%C5%81%C3%B3d%C5%BA%20a.srt`
    ],
    [
      utf8('attachment; filename="a\\"é\\\\.mkv"; x=y'),
      `attachment; filename="a_e_.mkv"; filename*=UTF-8''a%22%C3%A9%5C.mkv`
    ],
    [
      utf8('attachment; filename="é.mkv"; filename*=UTF-8\'\'%C3%A9.mkv'),
      `attachment; filename="e.mkv"; filename*=UTF-8''%C3%A9.mkv`
    ],
    [utf8('é'), `attachment; filename=""; filename*=UTF-8''`]
  ]
  for (const [value, expected] of cases) t.equal(toAsciiField('content-disposition', value), expected)
})

t.test('a value in ASCII passes as it is', async (t) => {
  for (const value of ['attachment; filename="a b.mkv"', 'inline', '', '"etag"']) {
    t.equal(toAsciiField('content-disposition', value), value)
    t.equal(toAsciiField('etag', value), value)
  }
})

t.test('rule 89: any other field is percent-encoded', async (t) => {
  t.equal(toAsciiField('etag', utf8('"千-1"')), '"%E5%8D%83-1"')
  t.equal(toAsciiField('content-language', 'fr, é'), 'fr, %C3%A9')
})

t.test('rule 89: whatever bytes come, what passes is ASCII, and the name is in it', async () => {
  const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array).toString('latin1'))
  fc.assert(
    fc.property(fc.constantFrom('content-disposition', 'etag', 'vary'), bytes, (name, value) =>
      /^[\t\x20-\x7e]*$/.test(toAsciiField(name, value))
    ),
    { numRuns: 2000 }
  )
  const name = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
    .filter((text) => !/["\\\p{Cc}]/u.test(text))
  fc.assert(
    fc.property(name, (filename) => {
      const value = toAsciiField('content-disposition', utf8(`attachment; filename="${filename}é"`))
      const extended = value.split("filename*=UTF-8''")[1] ?? ''
      return decodeURIComponent(extended) === `${filename}é` && decodeField(utf8(filename)) === filename
    }),
    { numRuns: 2000 }
  )
})
