import t from 'tap'
import { addField, HEAD_MAX_BYTES, type LaneHead, parseHead } from '../../../src/fetch/response-head.ts'

const OK = 'HTTP/1.1 200 OK'

const parse = (lines: readonly string[], isHead = false): LaneHead =>
  parseHead(Buffer.from(lines.join('\r\n'), 'latin1'), isHead)

/** Which part is malformed, or '' if none is. */
function complaint(lines: readonly string[], isHead = false): string {
  try {
    parse(lines, isHead)
    return ''
  } catch (error) {
    return /^the (.*) of an answer is malformed$/.exec((error as Error).message)?.[1] ?? String(error)
  }
}

t.test('a status line is HTTP/1.0 or 1.1, a status and perhaps a reason', async (t) => {
  for (const [line, status] of [
    ['HTTP/1.1 200 OK', 200],
    ['HTTP/1.1 200', 200],
    ['HTTP/1.1 404 ', 404],
    ['HTTP/1.0 599 \t\x20~\x80\xff', 599],
    ['HTTP/1.1 103 Early Hints', 103]
  ] as const)
    t.equal(parse([line]).status, status, line)
  for (const line of [
    '',
    'HTTP/1.2 200 OK',
    'HTTP/2.0 200 OK',
    'http/1.1 200 OK',
    ' HTTP/1.1 200 OK',
    'HTTP/1.1 200OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 099 OK',
    'HTTP/1.1 600 OK',
    'HTTP/1.1 2a0 OK',
    'HTTP/1.1 20a OK',
    'HTTP/1.1 200 O\x00K',
    'HTTP/1.1 200 O\nK',
    'HTTP/1.1 200 O\x7fK',
    'HTTP/1.1 200\tOK',
    'xHTTP/1.1 200 OK'
  ])
    t.equal(complaint([line]), 'status line', JSON.stringify(line))
})

t.test('names come in lower case and once, values without blanks around them', async (t) => {
  const { fields } = parse([
    OK,
    'Content-Type: video/mp4',
    'content-disposition:  inline \t',
    "X-Odd!#$%&'*+-.^_`|~9: a\tb",
    'Set-Cookie:a',
    'set-cookie: b ',
    'X-Empty:',
    'X-Blank: \t ',
    'X-High: \x80\xff',
    'X-Colons: a:b:'
  ])
  t.strictSame(fields, [
    'content-type',
    'video/mp4',
    'content-disposition',
    'inline',
    "x-odd!#$%&'*+-.^_`|~9",
    'a\tb',
    'set-cookie',
    'a, b',
    'x-empty',
    '',
    'x-blank',
    '',
    'x-high',
    '\x80\xff',
    'x-colons',
    'a:b:'
  ])
  for (const name of [
    'Accept-Ranges',
    'Cache-Control',
    'Connection',
    'Content-Disposition',
    'Content-Encoding',
    'Content-Range',
    'Content-Type',
    'Date',
    'ETag',
    'Keep-Alive',
    'Last-Modified',
    'Server',
    'Vary',
    'X-Plex-Protocol',
    'X-Plex-Other',
    'CACHE-CONTROL'
  ])
    for (const spelling of [name, name.toLowerCase(), name.toUpperCase()])
      t.strictSame(parse([OK, `${spelling}: 1`]).fields, [name.toLowerCase(), '1'])
})

t.test('rule 49: a field that two parsers might read in two ways is none', async (t) => {
  for (const line of [
    '',
    'X',
    ': a',
    ' X: a',
    'X : a',
    'X(y): a',
    'X\t: a',
    'Xé: a',
    'X: a\x00b',
    'X: a\nb',
    'X: a\rb',
    'X: \x7f',
    'X: \x1f',
    ' folded'
  ]) {
    t.equal(complaint([OK, line]), 'field', JSON.stringify(line))
    t.equal(complaint([OK, 'A: 1', line, 'B: 2']), 'field', `${JSON.stringify(line)} among others`)
  }
  t.equal(complaint([OK, 'X', 'Y: z']), 'field', 'the colon of the next line is not its own')
  const fields: string[] = []
  addField(fields, 'A: 1\r\nB: 2', 6)
  addField(fields, 'A: 1\r\nB: 2', 0, 4)
  t.strictSame(fields, ['b', '2', 'a', '1'])
  t.throws(() => addField([], 'Xy'), /field/)
})

t.test('there are 256 fields at most', async (t) => {
  const many = (count: number) => [OK, ...Array.from({ length: count }, (_, index) => `X-${index}: 1`)]
  t.equal(parse(many(256)).fields.length, 512)
  t.equal(complaint(many(257)), 'number of fields')
  t.equal(parse([OK, ...Array.from({ length: 400 }, () => 'X: 1')]).fields.length, 2, 'repeated ones are one')
  t.equal(HEAD_MAX_BYTES, 16_384)
})

t.test('rule 49: the framing follows from status, method and fields, and from nothing twice', async (t) => {
  const chunked = 'Transfer-Encoding: chunked'
  for (const [lines, isHead, framing, length, idleMs] of [
    [[OK, 'Content-Length: 5'], false, 'length', 5, 10_000],
    [[OK, 'Content-Length: 0'], false, 'none', 0, 10_000],
    [[OK, 'Content-Length: 007'], false, 'length', 7, 10_000],
    [[OK, 'Content-Length: 999999999999999'], false, 'length', 999_999_999_999_999, 10_000],
    [[OK, chunked], false, 'chunked', 0, 10_000],
    [[OK, 'transfer-encoding: ChunKED'], false, 'chunked', 0, 10_000],
    [[OK], false, 'close', 0, 0],
    [['HTTP/1.0 200 OK', 'Content-Length: 5'], false, 'length', 5, 0],
    [['HTTP/1.0 200 OK', 'Content-Length: 5', 'Connection: keep-alive'], false, 'length', 5, 0],
    [[OK, 'Content-Length: 5'], true, 'none', 5, 0],
    [[OK, chunked], true, 'none', 0, 0],
    [[OK], true, 'none', 0, 0],
    [['HTTP/1.1 204 No Content'], false, 'none', 0, 10_000],
    [['HTTP/1.1 204 No Content', 'Content-Length: 0'], false, 'none', 0, 10_000],
    [['HTTP/1.1 204 No Content', 'Content-Length: 5'], false, 'none', 5, 0],
    [['HTTP/1.1 304 Not Modified', 'Content-Length: 5'], false, 'none', 5, 0],
    [['HTTP/1.1 304 Not Modified', chunked], false, 'none', 0, 0],
    [['HTTP/1.1 304 Not Modified'], false, 'none', 0, 10_000],
    [['HTTP/1.1 205 Reset', 'Content-Length: 1'], false, 'length', 1, 10_000],
    [['HTTP/1.1 199 Odd'], false, 'none', 0, 10_000],
    [['HTTP/1.1 103 Early Hints', 'Content-Length: 5'], false, 'none', 5, 0]
  ] as const)
    t.match(parse(lines, isHead), { framing, length, idleMs }, `${lines.join(' | ')} ${isHead}`)
})

t.test('rule 49: two framings, a foreign coding and an odd length are refused', async (t) => {
  const chunked = 'Transfer-Encoding: chunked'
  for (const [lines, what] of [
    [[OK, 'Content-Length: 5', chunked], 'framing'],
    [[OK, chunked, 'Content-Length: 5'], 'framing'],
    [[OK, chunked, 'Content-Length:'], 'framing'],
    [['HTTP/1.0 200 OK', chunked], 'framing'],
    [[OK, 'Transfer-Encoding: gzip, chunked'], 'transfer coding'],
    [[OK, 'Transfer-Encoding: identity'], 'transfer coding'],
    [[OK, 'Transfer-Encoding:'], 'transfer coding'],
    [[OK, chunked, chunked], 'transfer coding'],
    [[OK, 'Content-Length: 5', 'Content-Length: 5'], 'length'],
    [[OK, 'Content-Length: +5'], 'length'],
    [[OK, 'Content-Length: 5x'], 'length'],
    [[OK, 'Content-Length: x5'], 'length'],
    [[OK, 'Content-Length: 1000000000000000'], 'length'],
    [[OK, 'Content-Length:'], 'length'],
    [[OK, 'Content-Length: 5 '], 'length'],
    [[OK, 'CONTENT-LENGTH: 5\t'], 'length']
  ] as const) {
    t.equal(complaint(lines), what, lines.join(' | '))
    t.equal(complaint(lines, true), what, `${lines.join(' | ')}, to HEAD`)
  }
})

t.test('a connection is kept for as long as both sides want it', async (t) => {
  const idleMs = (...fields: string[]) => parse([OK, 'Content-Length: 5', ...fields]).idleMs
  t.equal(idleMs(), 10_000)
  t.equal(idleMs('Connection: keep-alive'), 10_000)
  for (const connection of ['close', 'Close', 'x, CLOSE', ' close ,x', 'keep-alive, close'])
    t.equal(idleMs(`Connection: ${connection}`), 0, connection)
  for (const connection of ['closed', 'Keep-Alive', 'x', 'close2, x'])
    t.equal(idleMs(`Connection: ${connection}`), 10_000, connection)
  for (const [keepAlive, expected] of [
    ['timeout=5', 3000],
    ['timeout=5, max=100', 3000],
    ['max=1, TIMEOUT = 7', 5000],
    ['timeout=2', 0],
    ['timeout=1', 0],
    ['timeout=0', 0],
    ['timeout=12', 10_000],
    ['timeout=13', 10_000],
    ['timeout=99999999', 10_000],
    ['timeout=x', 10_000],
    ['xtimeout=5', 10_000],
    ['max=5', 10_000]
  ] as const)
    t.equal(idleMs(`Keep-Alive: ${keepAlive}`), expected, keepAlive)
})

t.test('an interim answer cannot end the connection', async (t) => {
  t.equal(complaint(['HTTP/1.0 103 Early Hints']), 'interim answer')
  t.equal(complaint(['HTTP/1.1 103 Early Hints', 'Connection: close']), 'interim answer')
  t.equal(complaint(['HTTP/1.1 200 OK', 'Connection: close']), '')
})
