import t from 'tap'
import {
  findWords,
  hasPrefix,
  PREFIX_LENGTH,
  unfinishedWord,
  WORD_LENGTH
} from '../../../src/scrub/token-word.ts'

const slowly = (text: string): readonly number[] => [...text.matchAll(/token/gi)].map(({ index }) => index)

t.test('the word is found at every place of a text of any length, in any letter case', async (t) => {
  for (const word of ['token', 'TOKEN', 'ToKeN', 'tOkEn']) {
    for (let length = 0; length < 80; length++) {
      for (let at = 0; at + WORD_LENGTH <= length; at++) {
        const text = '.'.repeat(at) + word + '.'.repeat(length - at - WORD_LENGTH)
        const found = findWords(Buffer.from(text))
        if (found.length !== 1 || found[0] !== at) t.fail(`${word} at ${at} of ${length}: ${found}`)
      }
    }
  }
  for (const text of [
    'token'.repeat(40),
    'tokentoken '.repeat(13),
    `${'.'.repeat(30)}token${'.'.repeat(3)}TOKEN${'.'.repeat(50)}token`,
    'totoken tokeken kentokn tokem'.repeat(7),
    'toke nTOKEn noket nekot k K kk'.repeat(9),
    '[oken tOken tojen toKdn toke~ \u0014oken'.repeat(5)
  ])
    t.strictSame(findWords(Buffer.from(text, 'latin1')), slowly(text), text.slice(0, 30))
})

t.test('a word anywhere in a long text is found once', async (t) => {
  const length = 200_000
  const places = [0, 65_536, 131_072, length].flatMap((border) =>
    Array.from({ length: 13 }, (_, index) => border - 6 + index)
  )
  for (const at of places.filter((place) => place >= 0 && place + WORD_LENGTH <= length)) {
    const text = Buffer.alloc(length, '.')
    text.write('ToKen', at)
    t.strictSame(findWords(text), [at])
  }
  t.strictSame(
    findWords(Buffer.from('token'.repeat(40_000))),
    Array.from({ length: 40_000 }, (_, index) => index * WORD_LENGTH)
  )
})

t.test('a word that differs in one letter is another', async (t) => {
  const near = [...'token'].flatMap((letter, index) =>
    // A neighbour in the alphabet, and a sign that differs in the bit of the letter case alone or beside it.
    [1, 0x10, 0x40].map((bit) => {
      const other = String.fromCharCode(letter.charCodeAt(0) ^ bit)
      return `${'token'.slice(0, index)}${other}${'token'.slice(index + 1)}`
    })
  )
  const wrong: string[] = []
  for (const word of near)
    for (let length = 5; length < 60; length += 1)
      for (let at = 0; at + word.length <= length; at += 1) {
        const text = '.'.repeat(at) + word + '.'.repeat(length - at - word.length)
        if (findWords(Buffer.from(text, 'latin1')).length > 0) wrong.push(`${word} at ${at} of ${length}`)
      }
  t.strictSame(wrong, [])
})

t.test('a name is that of the URL parameter if it begins so, with hyphens or underscores', async (t) => {
  const has = (text: string, from = 0) =>
    hasPrefix(Buffer.from(text), text.toLowerCase().lastIndexOf('token'), from)
  for (const text of ['x-plex-token', 'X-Plex-Token', 'x_plex_token', 'X_PLEX-TOKEN', '..x-plex-token'])
    t.ok(has(text), text)
  for (const text of [
    'token',
    '-plex-token',
    'y-plex-token',
    'x-plexytoken',
    'x plex-token',
    'x-ple-token',
    'x-plex token',
    'x-plex-.token'
  ])
    t.notOk(has(text), text)
  t.equal(has('..x-plex-token', 2), true)
  t.equal(has('..x-plex-token', 3), false, 'not from before where the last field ended')
  t.equal(PREFIX_LENGTH, 7)
})

t.test(
  'what a later piece could complete is the longest beginning of the word, or of the name',
  async (t) => {
    const name = 'x-plex-token'
    for (let count = 0; count < name.length; count++)
      for (const before of ['', '.', 'xx', 'tok'])
        for (const text of [before + name.slice(0, count), (before + name.slice(0, count)).toUpperCase()]) {
          const expected = Array.from({ length: 12 }, (_, each) => 11 - each).find(
            (each) =>
              each <= text.length &&
              (name.slice(0, each) === text.slice(text.length - each).toLowerCase() ||
                (each < 5 && 'token'.slice(0, each) === text.slice(text.length - each).toLowerCase()))
          )
          t.equal(unfinishedWord(Buffer.from(text)), expected ?? 0, text)
        }
    t.equal(unfinishedWord(Buffer.from('x_plex_')), 7)
    t.equal(unfinishedWord(Buffer.from('a token')), 0, 'it is whole')
    t.equal(unfinishedWord(Buffer.from('x-plex-token')), 0)
  }
)
