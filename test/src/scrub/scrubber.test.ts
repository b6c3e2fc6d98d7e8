import fc from 'fast-check'
import t from 'tap'
import { createScrubber, scrubBody } from '../../../src/scrub/scrubber.ts'

const TOKEN = 'sim-usr-tok-0Ab1Cd2E'
const OTHER = 'sim-srv-tok-9Zy8Xw7V'

function scrubText(text: string, tokens: readonly string[] = [TOKEN, OTHER]): string {
  return scrubBody(Buffer.from(text), tokens).toString()
}

function spellingsOf(token: string): readonly string[] {
  const bytes = Buffer.from(token)
  const hex = bytes.toString('hex')
  const base64 = ['base64', 'base64url'].map((encoding) => bytes.toString(encoding as BufferEncoding))
  return [...base64, hex, hex.toUpperCase()]
}

/** Cuts the body at the given places, each reduced to the body's length. */
function scrubInPieces(body: Buffer, cuts: readonly number[], tokens: readonly string[]): Buffer {
  const places = cuts.map((cut) => cut % (body.length + 1)).sort((left, right) => left - right)
  const scrubber = createScrubber(tokens)
  const out: Buffer[] = []
  let from = 0
  for (const to of [...places, body.length]) {
    out.push(Buffer.from(scrubber.scrub(body.subarray(from, to))))
    from = to
  }
  return Buffer.concat([...out, scrubber.flush()])
}

t.test('rule 56: the fields that carry tokens are masked, at the same length', async (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ['{"authToken":"abc","x":1}', '{"authToken":"***","x":1}'],
    ['{"AUTHTOKEN" :\n "abc"}', '{"AUTHTOKEN" :\n "***"}'],
    [
      '{"a":[{"accessToken":"abc"},{"authentication_token":"d"}]}',
      '{"a":[{"accessToken":"***"},{"authentication_token":"*"}]}'
    ],
    ['{"token":"a\\"b\\\\","next":"c"}', '{"token":"******","next":"c"}'],
    [
      '{"authToken":null,"token":true,"tokens":["a"],"t":"token"}',
      '{"authToken":null,"token":true,"tokens":["a"],"t":"token"}'
    ],
    [
      '<User authenticationToken="abc" token=\'de\' accessToken = "f"/>',
      '<User authenticationToken="***" token=\'**\' accessToken = "*"/>'
    ],
    ['<authentication-token>abc</authentication-token>', '<authentication-token>***</authentication-token>'],
    ['"thumb":"/photo?url=x&X-Plex-Token=abc&width=1"', '"thumb":"/photo?url=x&X-Plex-Token=***&width=1"'],
    ['/photo?url=%2Fx%3FX-Plex-Token%3Dabc%26w%3D1', '/photo?url=%2Fx%3FX-Plex-Token%3D***%26w%3D1'],
    ['{"u":"?x-plex-token\\u003dabc\\u0026w=1"}', '{"u":"?x-plex-token\\u003d***\\u0026w=1"}'],
    ['{"inner":"{\\"authToken\\":\\"abc\\"}"}', '{"inner":"{\\"authToken\\":\\"***\\"}"}'],
    ['<a x="token=&quot;abc&quot; y"/>', '<a x="token=&quot;***&quot; y"/>'],
    [
      '{"summary":"He finds a token: a ring, the token of love"}',
      '{"summary":"He finds a token: a ring, the token of love"}'
    ]
  ]
  for (const [text, expected] of cases) t.equal(scrubText(text), expected)
})

t.test('rule 56: the fields that carry tokens are masked in rarer shapes and spellings too', async (t) => {
  const blanks = ' \n'.repeat(16)
  const cases: readonly (readonly [string, string])[] = [
    ['{"token":["ab","c"],"n":"x"}', '{"token":["**","*"],"n":"x"}'],
    ['{"token" : [ [ "a]\\"b" ], "c" ],"n":"x"}', '{"token" : [ [ "*****" ], "*" ],"n":"x"}'],
    ['{"token":{"value":"ab","in":["c"]},"n":["x"]}', '{"token":{"*****":"**","**":["*"]},"n":["x"]}'],
    ['{"token":[],"n":"x","authToken":{},"m":"y"}', '{"token":[],"n":"x","authToken":{},"m":"y"}'],
    ['{"token":{"a":"b"', '{"token":{"*":"*"'],
    ['{"token":725,"pin_token": -1.5E+3}', '{"token":111,"pin_token": -111111}'],
    [
      '<authToken type="x">abc</authToken><b c="d">e</b>',
      '<authToken type="*">***</authToken><b c="d">e</b>'
    ],
    ["<token\n a='>' b=\"'\\\" >abc</token>", '<token\n a=\'*\' b="**" >***</token>'],
    ['<x:accessToken id="1" / >a</x>', '<x:accessToken id="*" / >a</x>'],
    ['<token a="b"/><c d="e">f</c>', '<token a="*"/><c d="e">f</c>'],
    ['<token><![CDATA[abc]]></token><b/>', '<token>***************</token><b/>'],
    ['<token><!-- --><![CDATA[a]]></token> <b>c', '<token>*********************</token> <b>c'],
    ['<authToken>a</authToken>\n <b>c</b>', '<authToken>*</authToken>\n <b>c</b>'],
    [
      'X-Plex-Token%253Dabc%2526w X-Plex-Token%25253dabc',
      'X-Plex-Token%253D***%2526w X-Plex-Token%25253d***'
    ],
    ['X-Plex-Token&#61;abc&amp; X-Plex-Token&#x3D;abc', 'X-Plex-Token&#61;***&amp; X-Plex-Token&#x3D;***'],
    ['X-Plex-Token&equals;abc X-Plex-Token&#00061;a', 'X-Plex-Token&equals;*** X-Plex-Token&#00061;*'],
    ['token%2522%253A%2522abc%2522', 'token%2522%253A%2522***%2522'],
    ['token&#x22;:&#x22;abc&#x22; token=&apos;d&apos;', 'token&#x22;:&#x22;***&#x22; token=&apos;*&apos;'],
    [String.raw`"token\u0022:\u0022abc\u0022"`, String.raw`"token\u0022:\u0022***\u0022"`],
    [`{"token"${blanks}:${blanks}"abc"}`, `{"token"${blanks}:${blanks}"***"}`],
    [
      'a token of love, the <token of it, token: 7, <b>x</b>',
      'a token of love, the <token of it, token: 7, <b>*</b>'
    ]
  ]
  for (const [text, expected] of cases) {
    t.equal(scrubText(text), expected)
    const body = Buffer.from(text)
    const everywhere = Array.from({ length: body.length }, (_, index) => index)
    t.equal(scrubInPieces(body, everywhere, [TOKEN]).toString(), expected, 'byte by byte')
    for (const cut of everywhere) {
      if (scrubInPieces(body, [cut], [TOKEN]).toString() !== expected) t.fail(`${text} cut at ${cut}`)
    }
  }
})

t.test('rule 56: a known token is masked wherever it stands', async (t) => {
  t.equal(scrubText(`x${TOKEN}y ${OTHER}`), `x${'*'.repeat(20)}y ${'*'.repeat(20)}`)
  t.equal(scrubText('a/b+c a%2Fb%2Bc a%2fb%2bc', ['a/b+c']), '***** ********* *********')
  t.equal(scrubText('abcd', ['abc', 'bcd']), '****', 'also where two overlap')
  t.equal(scrubText('aaaa aa', ['aaa']), '**** aa')
  t.equal(scrubText('untouched', ['']), 'untouched', 'an empty token is none')
})

t.test('rule 56: a known token is masked in base64 and hexadecimal', async (t) => {
  for (const token of [TOKEN, OTHER, 'xYz12AbCdEfGh3456Jk7', '~~~???>>>~~~???>>>ab', 'a/b+c==', 'tökén']) {
    for (const spelling of spellingsOf(token)) {
      t.equal(scrubText(`{"a":"${spelling}"}`, [token]).replace(/\*=*/g, ''), '{"a":""}', spelling)
    }
  }
  t.equal(scrubText('a', ['a']), '*', 'a token of one byte')
})

t.test('rule 56: any cut of the body gives the same bytes, and no token survives', async () => {
  const piece = fc.oneof(
    fc.constantFrom(
      TOKEN,
      OTHER,
      encodeURIComponent('a/b+c=='),
      ...spellingsOf(OTHER),
      '"token":[',
      '"token":{"',
      '"token":7',
      '<token ',
      '<auth',
      '</',
      '<![CDATA[',
      ']]>',
      '/>',
      ']',
      '}',
      '&#61;',
      '%253D',
      'authToken":"',
      'token',
      'TOKEN="',
      'X-Plex-Token=',
      'x-plex-token%3D',
      '&quot;',
      '\\"',
      '\\',
      '"',
      "'",
      '>',
      '<',
      ': ',
      '=',
      't',
      'tok',
      'ü€😀'
    ),
    fc.string({ maxLength: 12 })
  )
  const tokens = [TOKEN, OTHER, 'a/b+c==']
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 24 }).map((parts) => Buffer.from(parts.join(''))),
      fc.array(fc.nat({ max: 4000 }), { maxLength: 12 }),
      (body, cuts) => {
        const whole = scrubBody(body, tokens)
        const pieces = scrubInPieces(body, cuts, tokens)
        const text = whole.toString('latin1')
        return (
          whole.length === body.length &&
          whole.equals(pieces) &&
          !tokens.some((token) => text.includes(token) || text.includes(encodeURIComponent(token))) &&
          !spellingsOf(OTHER).some((spelling) => text.includes(spelling))
        )
      }
    ),
    { numRuns: 5000 }
  )
})

t.test('rule 56: tokens that overlap each other are masked alike, wherever the body is cut', async () => {
  const word = (minLength: number) => fc.string({ unit: fc.constantFrom('a', 'b'), minLength, maxLength: 6 })
  fc.assert(
    fc.property(
      fc.array(word(1), { minLength: 1, maxLength: 3 }),
      fc.array(word(0), { maxLength: 5 }).map((parts) => Buffer.from(parts.join('c'))),
      fc.array(fc.nat({ max: 40 }), { maxLength: 6 }),
      (tokens, body, cuts) => scrubInPieces(body, cuts, tokens).equals(scrubBody(body, tokens))
    ),
    { numRuns: 5000 }
  )
})

t.test('a body cut after every byte is masked like the whole one', async (t) => {
  const body = Buffer.from(
    `{"authToken" : "a\\"${TOKEN}","u":"?X-Plex-Token=${OTHER}&x","y":"token=&quot;z&quot;"}<t token='q'/>`
  )
  const cuts = Array.from({ length: body.length }, (_, index) => index)
  t.strictSame(scrubInPieces(body, cuts, [TOKEN]).toString(), scrubBody(body, [TOKEN]).toString())
})

t.test('a piece with nothing to hide is given back uncopied and at once', async (t) => {
  const scrubber = createScrubber([TOKEN])
  const event = Buffer.from('event: playing\ndata: {"PlaySessionStateNotification":{"state":"paused"}}\n\n')
  const out = scrubber.scrub(event)
  t.equal(out.buffer, event.buffer)
  t.equal(out.length, event.length, 'an event is never kept waiting for the next one')
  t.equal(scrubber.flush().length, 0)
})

t.test('what is kept back is never longer than a token or a field head', async (t) => {
  const scrubber = createScrubber([TOKEN])
  const given = Buffer.from(`${'x'.repeat(1000)}${TOKEN.slice(0, -1)}`)
  t.equal(scrubber.scrub(given).length, given.length - (TOKEN.length - 1))
  t.equal(scrubber.flush().toString(), TOKEN.slice(0, -1))
})
