import t from 'tap'
import { findAll, type Needles, toNeedles, unfinished } from '../../../src/scrub/needles.ts'

/** The texts that are searched for. */
function textsOf({ bytes, ends }: Needles): readonly string[] {
  return ends.map((end, index) => bytes.toString('latin1', index === 0 ? 0 : ends[index - 1], end))
}

/** Every place by comparing everywhere: the longest text at each position. */
function slowly(data: string, needles: Needles): readonly { at: number; length: number }[] {
  const texts = textsOf(needles)
  return [...data].flatMap((_, at) => {
    const length = Math.max(
      0,
      ...texts.filter((text) => data.startsWith(text, at)).map((text) => text.length)
    )
    return length === 0 ? [] : [{ at, length }]
  })
}

const found = (data: string, needles: Needles) =>
  [...findAll(Buffer.from(data, 'latin1'), needles)].sort((left, right) => left.at - right.at)

t.test('a token is searched for as it is, in hexadecimal, in base64 and percent-encoded', async (t) => {
  t.strictSame(textsOf(toNeedles(['abc.~-_9'])), [
    'abc.~-_9',
    '6162632e7e2d5f39',
    '6162632E7E2D5F39',
    'YWJjLn4tXzk'
  ])
  t.strictSame(textsOf(toNeedles(['~~?'])), ['~~?', '7e7e3f', '7E7E3F', 'fn4_', 'fn4/', '~~%3F', '~~%3f'])
  t.strictSame(textsOf(toNeedles(['~~>'])), ['~~>', '7e7e3e', '7E7E3E', 'fn4-', 'fn4+', '~~%3E', '~~%3e'])
  t.strictSame(textsOf(toNeedles(['ü'])), ['Ã¼', 'c3bc', 'C3BC', 'w7w', '%C3%BC', '%c3%bc'])
  const twice = toNeedles(['abc', '', 'abc', 'b'])
  t.strictSame(textsOf(twice), [...textsOf(toNeedles(['abc'])), ...textsOf(toNeedles(['b']))])
  t.strictSame([twice.shortest, twice.longest], [1, 6])
  t.strictSame(textsOf(toNeedles([])), [])
})

t.test('it is found at every place of a text of any length, once', async (t) => {
  for (const tokens of [['abcdefgh'], ['abcdefgh', 'efghabcd'], ['aab', 'ab'], ['x']]) {
    const needles = toNeedles(tokens)
    const [token = ''] = tokens
    for (const length of [0, 1, 2, 3, token.length - 1, token.length, 20, 37, 64, 101]) {
      for (let at = 0; at + token.length <= length; at++) {
        const data = '.'.repeat(at) + token + '.'.repeat(length - at - token.length)
        const places = found(data, needles)
        if (JSON.stringify(places) !== JSON.stringify(slowly(data, needles)))
          t.fail(`${token} at ${at} of ${length}`)
      }
    }
    const crowd = [
      token.repeat(30),
      `${token}.`.repeat(30),
      token.slice(1).repeat(40),
      [...tokens].join('').repeat(20)
    ]
    for (const data of crowd) t.strictSame(found(data, needles), slowly(data, needles), data.slice(0, 20))
  }
})

t.test('what a later piece could complete is the longest such end', async (t) => {
  const needles = toNeedles(['abcab', 'cabx'])
  for (const data of [
    '',
    '.',
    'a',
    'ab',
    'abc',
    'abca',
    'abcab',
    'xabc',
    'abcabca',
    'b',
    'bc',
    '.ca',
    '.cab',
    'abx',
    'xx',
    'aab',
    'abab',
    'c',
    'bca'
  ]) {
    const texts = textsOf(needles)
    const ends = [...data].map((_, index) => data.length - index)
    const longest = ends.find((count) =>
      texts.some((text) => text.length > count && text.startsWith(data.slice(data.length - count)))
    )
    t.equal(unfinished(Buffer.from(data), needles), longest ?? 0, data)
  }
})
