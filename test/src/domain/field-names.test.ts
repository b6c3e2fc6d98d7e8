import t from 'tap'
import { createFieldNames } from '../../../src/domain/field-names.ts'
import { fc } from '../../support/properties.ts'

const NAMES = ['date', 'etag', 'range', 'content-type', 'x-plex-protocol', '']

t.test('a name is found in any case, as the list has it', async (t) => {
  const find = createFieldNames(NAMES)
  for (const [name, known] of [
    ['date', 'date'],
    ['Date', 'date'],
    ['ETag', 'etag'],
    ['CONTENT-TYPE', 'content-type'],
    ['X-Plex-Protocol', 'x-plex-protocol'],
    ['', '']
  ] as const)
    t.equal(find(name), known, name)
  // Characters that differ in one bit from those of a name, and letters that other scripts have.
  for (const name of [
    'dat',
    'dates',
    'content\rtype',
    'content_type',
    'conten\u0054-typ\u212a',
    'd\u0001te',
    '@ate',
    'd\u00c1te'
  ])
    t.equal(find(name), undefined, JSON.stringify(name))
})

t.test('it finds what lower case finds', async () => {
  const find = createFieldNames(NAMES)
  const char = fc.constantFrom(...'dateDATE-\r\x00\u0130K\u212a_mM')
  await fc.assert(
    fc.property(fc.array(char, { maxLength: 5 }), (chars) => {
      const name = chars.join('')
      const isAscii = /^[\x00-\x7f]*$/.test(name)
      return find(name) === (isAscii ? NAMES.find((known) => known === name.toLowerCase()) : undefined)
    })
  )
})
