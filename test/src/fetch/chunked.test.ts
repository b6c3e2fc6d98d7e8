import t, { type Test } from 'tap'
import { createChunkedDecoder } from '../../../src/fetch/chunked.ts'

interface Read {
  readonly body: string
  /** Bytes that follow the body; -1 if it has not ended. */
  readonly over: number
  /** Which part is malformed, or ''. */
  readonly broken: string
}

/** What becomes of a coded body in these pieces. */
function read(...pieces: string[]): Read {
  const decoder = createChunkedDecoder()
  const body: string[] = []
  let over = -1
  try {
    for (const piece of pieces)
      over = decoder.decode(Buffer.from(piece, 'latin1'), (data) => body.push(data.toString('latin1')))
  } catch (error) {
    const broken = /^the (.*) of an answer is malformed$/.exec((error as Error).message)?.[1] ?? String(error)
    return { body: body.join(''), over: -1, broken }
  }
  return { body: body.join(''), over, broken: '' }
}

const whole = (body: string, over = 0): Read => ({ body, over, broken: '' })

/** The same wherever the network cuts it, also byte by byte. */
function readEverywhere(t: Test, text: string, expected: Read): void {
  t.strictSame(read(text), expected, JSON.stringify(text.slice(0, 60)))
  for (let at = 1; at < text.length; at++) {
    // What follows the body has to come with its end to be counted.
    if (expected.over > 0 && at > text.length - expected.over - 1) continue
    t.strictSame(read(text.slice(0, at), text.slice(at)), expected, `cut at ${at}`)
  }
  if (expected.over <= 0) t.strictSame(read(...text), expected, 'byte by byte')
}

t.test('chunks are joined, and what follows the last one is counted', async (t) => {
  readEverywhere(t, '5\r\nhello\r\n0\r\n\r\n', whole('hello'))
  readEverywhere(
    t,
    '5\r\nhello\r\nA\r\n0123456789\r\nb\r\nabcdefghijk\r\n000\r\n\r\n',
    whole('hello0123456789abcdefghijk')
  )
  readEverywhere(t, '0\r\n\r\n', whole(''))
  readEverywhere(t, '2\r\n\r\n\r\n0\r\n\r\n', whole('\r\n'))
  readEverywhere(t, '1\r\nx\r\n0\r\n\r\nHTTP', whole('x', 4))
  t.strictSame(read('1\r\nx\r\n0\r\n\r\nHTTP/1.1'), whole('x', 8))
})

t.test('a body that is not at its end says so', async (t) => {
  for (const [text, body] of [
    ['', ''],
    ['5', ''],
    ['5\r', ''],
    ['5\r\n', ''],
    ['5\r\nhel', 'hel'],
    ['5\r\nhello', 'hello'],
    ['5\r\nhello\r', 'hello'],
    ['5\r\nhello\r\n0\r\n', 'hello'],
    ['5\r\nhello\r\n0\r\n\r', 'hello'],
    ['5\r\nhello\r\n0\r\nX: 1\r\n', 'hello']
  ] as const)
    t.strictSame(read(text), { body, over: -1, broken: '' }, JSON.stringify(text))
})

t.test('data are passed on as they come, uncopied', async (t) => {
  const decoder = createChunkedDecoder()
  const pieces: Buffer[] = []
  const first = Buffer.from('6\r\nab')
  const second = Buffer.from('cdef\r\n0\r\n\r\n')
  t.equal(
    decoder.decode(first, (piece) => pieces.push(piece)),
    -1
  )
  t.equal(
    decoder.decode(second, (piece) => pieces.push(piece)),
    0
  )
  t.strictSame(pieces.map(String), ['ab', 'cdef'])
  t.equal(pieces[0]?.buffer, first.buffer)
  t.equal(pieces[1]?.byteOffset, second.byteOffset)
})

t.test('rule 49: a size is hexadecimal, with extensions of plain tokens', async (t) => {
  for (const size of [
    '1',
    '01',
    '000000000001',
    '1;a',
    '1;a=b',
    '1;a=b;c;d=e',
    "1;!#$%&'*+-.^_`|~09Az=!#$%&'*+-.^_`|~09Az"
  ])
    readEverywhere(t, `${size}\r\nx\r\n0\r\n\r\n`, whole('x'))
  for (const size of ['a', 'F', 'f'])
    t.equal(read(`${size}\r\n${'x'.repeat(Number.parseInt(size, 16))}\r\n0;end\r\n\r\n`).over, 0)
  for (const size of [
    '',
    ' 1',
    '1 ',
    '0x1',
    '-1',
    '+1',
    'g',
    '1;',
    '1;a=',
    '1;a="b"',
    '1; a',
    '1;a b',
    '1,',
    '0000000000001',
    '1x'
  ])
    t.equal(read(`${size}\r\nx\r\n0\r\n\r\n`).broken, 'chunk', JSON.stringify(size))
  t.equal(read('ffffffffffff\r\nx').broken, '', 'twelve digits are a size')
})

t.test('rule 49: a line ends with both of its characters, and a chunk where its size says', async (t) => {
  for (const text of [
    '1\nx\r\n0\r\n\r\n',
    '1\rx\r\n0\r\n\r\n',
    '1\r\nx\n0\r\n\r\n',
    '1\r\nxy\r\n0\r\n\r\n',
    '1\r\nx0\r\n\r\n',
    '1\r\r\nx',
    '0\r\n\n'
  ])
    t.equal(read(text).broken, 'chunk', JSON.stringify(text))
  t.equal(read('1\r', 'x').broken, 'chunk')
  t.equal(read('1\r', '\nx\r', '\n0\r', '\n\r', '\n').over, 0)
})

t.test('rule 49: trailer fields are read and dropped, but for those that frame a message', async (t) => {
  readEverywhere(t, '0\r\nX-T: 1\r\nY:\r\n\r\n', whole(''))
  for (const [line, broken] of [
    ['Content-Length: 3', 'trailer'],
    ['content-length: 3', 'trailer'],
    ['Transfer-Encoding: chunked', 'trailer'],
    [' : x', 'field'],
    ['X', 'field'],
    ['Xy', 'field'],
    ['X: a\x00', 'field']
  ] as const) {
    t.equal(read(`0\r\n${line}\r\n\r\n`).broken, broken, line)
    t.equal(read(`0\r\nOther: 1\r\n${line}\r\n\r\n`).broken, broken, `${line}, behind another`)
  }
})

t.test('a line has 4,096 bytes at most, and all trailers four times as many', async (t) => {
  const extension = (length: number) => `1;${'e'.repeat(length - 2)}\r\nx\r\n0\r\n\r\n`
  t.equal(read(extension(4096)).over, 0)
  t.equal(read(extension(4097)).broken, 'chunk')
  for (const at of [1, 2000, 4095, 4096]) {
    t.equal(read(extension(4096).slice(0, at), extension(4096).slice(at)).over, 0, `cut at ${at}`)
    t.equal(read(extension(4097).slice(0, at), extension(4097).slice(at)).broken, 'chunk', `cut at ${at}`)
  }
  t.equal(read(`1;${'e'.repeat(5000)}`).broken, 'chunk', 'before it ends')
  const trailer = `T: ${'t'.repeat(4093)}\r\n`
  t.equal(read(`0\r\n${trailer.repeat(4)}\r\n`).over, 0)
  t.equal(read(`0\r\n${trailer.repeat(4)}T:\r\n\r\n`).broken, 'trailer')
})

t.test('rule 53: chunks of a byte each that arrive together are passed on together', async (t) => {
  const decoder = createChunkedDecoder()
  const pieces: string[] = []
  const bytes = Array.from({ length: 10_000 }, (_, index) => String(index % 10)).join('')
  const coded = [...bytes].map((byte) => `1\r\n${byte}\r\n`).join('')
  const long = 'x'.repeat(5000)
  const text = `${coded}1388\r\n${long}\r\n${coded}0\r\n\r\nmore`
  t.equal(
    decoder.decode(Buffer.from(text), (piece) => pieces.push(piece.toString())),
    4
  )
  t.strictSame(pieces, [bytes, `${long}${bytes}`])
})

t.test('what was well-formed is passed on, although something follows that is not', async (t) => {
  const pieces: string[] = []
  const decoder = createChunkedDecoder()
  t.throws(() =>
    decoder.decode(Buffer.from('1\r\na\r\n1\r\nb\r\nx\r\n'), (piece) => pieces.push(piece.toString()))
  )
  t.strictSame(pieces, ['ab'])
})

t.test('a piece that cannot be taken is not passed again', async (t) => {
  const pieces: string[] = []
  const take = (piece: Buffer) => {
    pieces.push(piece.toString())
    throw new Error('no room')
  }
  for (const text of ['3\r\nabc\r\n0\r\n\r\n', `3\r\nabc\r\n1388\r\n${'d'.repeat(5000)}\r\n`])
    t.throws(() => createChunkedDecoder().decode(Buffer.from(text), take), { message: 'no room' })
  t.equal(pieces[0], 'abc')
  t.equal(pieces.filter((piece) => piece === 'abc').length, 2, 'once for each body')
})
