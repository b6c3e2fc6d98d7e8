import { fc } from '../../support/properties.ts'

/** An answer as bytes, and the method of the request that it answers. */
export interface Case {
  readonly method: 'GET' | 'HEAD'
  readonly bytes: Buffer
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

/** Answers by hand: every rule of the head and of both framings, kept and broken. */
export const CORPUS: readonly string[] = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx',
  'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nab',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n00005;a=b;c\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\nY:\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a="q"\r\nhello\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n : x\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\nhello',
  'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nContent-Length: 5 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nContent-Length: 05\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\n\r\nuntil the end',
  'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n',
  'HTTP/1.0 200 OK\r\n\r\nold',
  'HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nold',
  'HTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.0 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 200 OK\r\nContent-Length: 5 \r\n\r\nhello',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nxx',
  'HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 200 OK\nContent-Length: 5\n\nhello',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nhello',
  'HTTP/1.1 200 OK\rContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nX: \x7f\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nX: \xe4\xff\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\n X: a\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nX\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nX(y): a\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nX:a\r\nx: \t b \t\r\nContent-Length:5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\n__proto__: a\r\nconstructor: b\r\nContent-Length: 5\r\n\r\nhello',
  '\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1  200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 000 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 999 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.2 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'http/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'ICY 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'RTSP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'SSH-2.0-OpenSSH\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  '',
  '\r\n\r\n',
  `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(16_000)}\r\nContent-Length: 5\r\n\r\nhello`,
  `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(20_000)}\r\nContent-Length: 5\r\n\r\nhello`,
  `HTTP/1.1 200 ${'a'.repeat(70_000)}\r\nContent-Length: 5\r\n\r\nhello`,
  `HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n${'v'.repeat(40_000)}`,
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9c40\r\n${'v'.repeat(40_000)}\r\n0\r\n\r\n`,
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;${'e'.repeat(5000)}\r\nx\r\n0\r\n\r\n`,
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${'T: 1\r\n'.repeat(4000)}\r\n`
]

const oftenly = <T>(usual: readonly T[], odd: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 50, arbitrary: fc.constantFrom(...usual) },
    { weight: 1, arbitrary: fc.constantFrom(...odd) }
  )

const newline = oftenly(['\r\n'], ['\n', '\r', '\r\r\n'])
const version = oftenly(['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'], ['HTTP/1.2', 'HTTP/2.0', 'http/1.1', 'ICY'])
const status = oftenly(
  ['200', '200', '206', '204', '304', '416', '500', '302'],
  ['100', '101', '103', '99', '600', '2x0']
)
const reason = oftenly([' OK', ' ', '', ' Not Found'], [' \x01', ' \xff', '\t', '  '])
const name = fc.oneof(
  oftenly(
    ['Content-Type', 'ETag', 'Connection', 'Keep-Alive', 'X-Plex-Protocol', 'Date', 'Upgrade'],
    ['X Y', '', 'X:', ' X', 'Ü']
  ),
  fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}$/)
)
const value = fc.oneof(
  oftenly(
    ['a', 'video/mp4', 'close', 'keep-alive', 'timeout=5', 'upgrade', ''],
    ['a\0', 'a\r', '\x7f', 'a\r\n b']
  ),
  fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,20}$/)
)
const field = fc
  .tuple(name, oftenly([':', ': ', ':\t'], [' :', '', '::']), value, newline)
  .map((parts) => parts.join(''))
const body = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 60
})

const chunk = fc
  .tuple(
    body,
    fc.boolean(),
    oftenly(['', '', ';a', ';a=b'], [' ', ';', ';a=', ';=b', '; a', ';a="b"', 'g']),
    newline,
    newline,
    oftenly([0], [1, -1])
  )
  .map(([data, upper, extension, first, last, slip]) => {
    const size = Math.max(0, data.length + slip).toString(16)
    return `${upper ? size.toUpperCase() : size}${extension}${first}${data}${last}`
  })
const trailer = fc.oneof({ weight: 3, arbitrary: fc.constant('') }, field)
const chunked = fc
  .tuple(
    fc.array(chunk, { maxLength: 4 }),
    oftenly(['0', '00'], ['', 'x', '0 ']),
    newline,
    trailer,
    newline,
    oftenly(['', ''], ['x', 'HTTP/1.1 200 OK\r\n\r\n'])
  )
  .map(([chunks, zero, first, fields, last, rest]) => chunks.join('') + zero + first + fields + last + rest)

const framed = fc.oneof(
  fc
    .tuple(body, oftenly([0, 0, 0], [1, -1, 3]), oftenly(['', '0'], ['+', ' 1', '-']))
    .map(
      ([data, slip, sign]) => [`Content-Length: ${sign}${Math.max(0, data.length + slip)}\r\n`, data] as const
    ),
  fc
    .tuple(oftenly(['chunked', 'Chunked'], ['gzip, chunked', 'identity', 'chunked,', '']), chunked)
    .map(([coding, data]) => [`Transfer-Encoding: ${coding}\r\n`, data] as const),
  body.map((data) => ['', data] as const),
  fc
    .tuple(body, chunked)
    .map(
      ([data, coded]) => [`Content-Length: ${data.length}\r\nTransfer-Encoding: chunked\r\n`, coded] as const
    )
)

const written = fc
  .tuple(
    fc.oneof(
      { weight: 8, arbitrary: fc.constant('') },
      fc.constant('HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n')
    ),
    version,
    status,
    reason,
    newline,
    fc.array(field, { maxLength: 3 }),
    framed,
    fc.array(field, { maxLength: 2 }),
    newline
  )
  .map(([early, proto, code, text, line, before, [frame, data], after, end]) =>
    latin1(`${early}${proto} ${code}${text}${line}${before.join('')}${frame}${after.join('')}${end}${data}`)
  )

/** One byte replaced, inserted or left out: what a grammar of whole tokens never comes to. */
const slipped = fc
  .tuple(
    fc.oneof(written, fc.constantFrom(...CORPUS.filter(({ length }) => length < 500)).map(latin1)),
    fc.nat(),
    fc.constantFrom('replace', 'insert', 'remove'),
    fc.oneof(
      fc.constantFrom(0x00, 0x09, 0x0a, 0x0d, 0x20, 0x2c, 0x30, 0x3a, 0x3b),
      fc.integer({ min: 0, max: 255 })
    )
  )
  .map(([bytes, at, how, byte]) => {
    if (bytes.length === 0) return bytes
    const index = at % bytes.length
    const rest = how === 'insert' ? index : index + 1
    const middle = how === 'remove' ? Buffer.alloc(0) : Buffer.from([byte])
    return Buffer.concat([bytes.subarray(0, index), middle, bytes.subarray(rest)])
  })

const method = fc.constantFrom('GET', 'GET', 'GET', 'HEAD') as fc.Arbitrary<Case['method']>

/** Answers as a server, a careless one, and a hostile one send them. */
export const cases: fc.Arbitrary<Case> = fc.record({ method, bytes: fc.oneof(written, slipped) })

export const corpusCases: readonly Case[] = CORPUS.flatMap((text) =>
  (['GET', 'HEAD'] as const).map((verb) => ({ method: verb, bytes: latin1(text) }))
)
