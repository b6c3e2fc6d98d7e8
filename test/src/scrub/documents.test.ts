import { XMLValidator } from 'fast-xml-parser'
import t from 'tap'
import { type Grammar, scrubBody } from '../../../src/scrub/scrubber.ts'
import { fc } from '../../support/properties.ts'
import { scrubInPieces, TOKEN } from './cut.ts'

/** A text as a server sends it, and as a browser must get it. */
interface Pair {
  readonly sent: string
  readonly got: string
}

const STARS = '*'.repeat(TOKEN.length)
const join = (pairs: readonly Pair[], between = ''): Pair => ({
  sent: pairs.map(({ sent }) => sent).join(between),
  got: pairs.map(({ got }) => got).join(between)
})
const same = (text: string): Pair => ({ sent: text, got: text })
const around = (before: string, pair: Pair, after: string): Pair => join([same(before), pair, same(after)])
const known = (text: string): Pair => ({ sent: text, got: text.replaceAll(TOKEN, STARS) })
const asterisks = (text: string): string => text.replace(/[\w.~+/=%-]/g, '*')

const NAMES = [
  'title',
  'summary',
  'token',
  'authToken',
  'AccessToken',
  'auth_TOKEN',
  'tokens',
  'key',
  'tokenOf'
]
const isSecret = (name: string): boolean => /token$/i.test(name)

const PHRASES = [
  "One last token: 'tis the season.",
  '<v Token>',
  '"token":"ring"',
  'token="ring"',
  '<token>ring</token>',
  'token',
  'Token:',
  '千と千尋の神隠し',
  'Amélie & Co',
  '\\',
  '"',
  "'",
  '\n',
  'a: b',
  '=',
  'x-plex-',
  TOKEN
]
/** A token's parameter is masked in any text; what becomes of it is another test's. */
const isParameter = (value: string): boolean => /x[-_]plex[-_]token[=%\\&]/i.test(value)
const text = fc
  .array(fc.oneof(fc.constantFrom(...PHRASES), fc.string({ unit: 'grapheme', maxLength: 8 })), {
    maxLength: 6
  })
  .map((parts) => parts.join(''))
  .filter((value) => !isParameter(value))
const name = fc.oneof(fc.constantFrom(...NAMES), fc.string({ maxLength: 6 }))
const cuts = fc.array(fc.nat({ max: 20_000 }), { maxLength: 8 })

/** A JSON string, outside of a token's field and in one: escapes stay. */
function jsonString(value: string, secret: boolean): Pair {
  const written = JSON.stringify(value)
  if (!secret) return known(written)
  const got = written
    .slice(1, -1)
    .replace(/(\\u....|\\.)|([^\\]+)/gs, (_, escaped, plain) => escaped ?? asterisks(plain))
  return { sent: written, got: `"${got}"` }
}

function toJson(value: fc.JsonValue, blank: string, secret = false): Pair {
  if (typeof value === 'string') return jsonString(value, secret)
  if (typeof value === 'number') {
    const written = JSON.stringify(value)
    return { sent: written, got: secret ? written.replace(/\d/g, '1') : written }
  }
  if (Array.isArray(value)) {
    // Behind what is neither, an array is no list of tokens.
    const plain = value.findIndex((entry) => typeof entry !== 'string' && typeof entry !== 'number')
    const entries = value.map((entry, index) =>
      toJson(entry, blank, secret && (plain === -1 || index < plain))
    )
    return around(`[${blank}`, join(entries, `,${blank}`), `${blank}]`)
  }
  if (typeof value !== 'object' || value === null) return same(JSON.stringify(value))
  const members = Object.entries(value).map(([key, entry]) =>
    join([
      jsonString(key, false),
      same(`${blank}:${blank}`),
      toJson(entry as fc.JsonValue, blank, isSecret(key))
    ])
  )
  return around(`{${blank}`, join(members, `,${blank}`), `${blank}}`)
}

const json = fc.letrec<{ value: fc.JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })),
    fc.constantFrom(null, true, false),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 5 })
  )
})).value

t.test('rule 88: a JSON document arrives byte for byte but for its tokens, and still parses', async () => {
  fc.assert(
    fc.property(json, fc.constantFrom('', ' ', '\n    '), cuts, (value, blank, places) => {
      const { sent, got } = toJson(value, blank)
      const body = Buffer.from(sent)
      const whole = scrubBody(body, [TOKEN], 'json').toString()
      JSON.parse(whole)
      return whole === got && scrubInPieces(body, places, [TOKEN], 'json').toString() === got
    }),
    { numRuns: 5000 }
  )
})

const xmlName = fc.constantFrom(...NAMES, 'Video', 'plex:token', 'a.token', 'token-')
const printable = text.map((value) =>
  // XML 1.0 §2.2 knows no controls; half a surrogate pair is no character.
  [
    ...value.toWellFormed().replace(/[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '')
  ].join('')
)
const escapeXml = (value: string, quote: string): string =>
  value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(quote, quote === '"' ? '&quot;' : quote === "'" ? '&#39;' : '&gt;')

function xmlText(value: string, quote: string, secret: boolean): Pair {
  const written = escapeXml(value, quote)
  if (!secret) return known(written)
  return {
    sent: written,
    got: written.replace(/(&[^;]*;)|([^&]+)/g, (_, entity, plain) => entity ?? asterisks(plain))
  }
}

interface Element {
  readonly name: string
  readonly attributes: readonly (readonly [name: string, value: string, quote: string, equals: string])[]
  readonly children: readonly (Element | string)[]
}

const element = fc.letrec<{ element: Element }>((tie) => ({
  element: fc.record({
    name: xmlName,
    attributes: fc.uniqueArray(
      fc.tuple(xmlName, printable, fc.constantFrom('"', "'"), fc.constantFrom('=', ' = ')),
      { maxLength: 4, selector: ([attribute]) => attribute }
    ),
    // Two texts in a row are one.
    children: fc
      .array(fc.oneof({ maxDepth: 3 }, printable, tie('element')), { maxLength: 3 })
      .filter((all) => !isParameter(all.map((each) => (typeof each === 'string' ? each : '<')).join('')))
  })
})).element

function toXml({ name, attributes, children }: Element): Pair {
  const written = attributes.map(([attribute, value, quote, equals]) =>
    around(` ${attribute}${equals}${quote}`, xmlText(value, quote, isSecret(attribute)), quote)
  )
  const tag = join([same(`<${name}`), ...written])
  if (children.length === 0) return join([tag, same('/>')])
  // An element's own text, not that behind its children. Two texts in a row are one.
  const content = children.map((child, index) => {
    if (typeof child !== 'string') return toXml(child)
    const isOwn = children.slice(0, index).every((before) => typeof before === 'string')
    return xmlText(child, '>', isSecret(name) && isOwn)
  })
  return join([tag, same('>'), ...content, same(`</${name}>`)])
}

t.test('rule 88: an XML document arrives byte for byte but for its tokens, and still parses', async () => {
  fc.assert(
    fc.property(element, cuts, (root, places) => {
      const { sent, got } = around('<?xml version="1.0" encoding="UTF-8"?>\n', toXml(root), '\n')
      const body = Buffer.from(sent)
      const whole = scrubBody(body, [TOKEN], 'xml').toString()
      if (XMLValidator.validate(sent) === true && XMLValidator.validate(whole) !== true) return false
      return whole === got && scrubInPieces(body, places, [TOKEN], 'xml').toString() === got
    }),
    { numRuns: 5000 }
  )
})

const line = fc.oneof(
  fc.constantFrom(
    'WEBVTT',
    '00:00:01.000 --> 00:00:04.000',
    '#EXTM3U',
    '#EXT-X-STREAM-INF:BANDWIDTH=1000,RESOLUTION=1x1,AUDIO="token"',
    '#EXT-X-KEY:METHOD=AES-128,URI="https://a.test/key?token=abc"',
    'session/1/base/00001.ts?token=abc',
    '{\\an8}<i>Token</i>',
    'Dialogue: 0,0:00:01.00,Default,token=,{\\b1}a'
  ),
  text
)

t.test("rule 88: subtitles and playlists arrive byte for byte but for the session's own tokens", async () => {
  const parameter = fc
    .tuple(
      fc.constantFrom('?X-Plex-Token=', '&x-plex-token='),
      fc.constantFrom('abc', TOKEN),
      fc.constantFrom('&a', '"', '\n')
    )
    .map(
      ([head, value, tail]): Pair => ({
        sent: head + value + tail,
        got: head + '*'.repeat(value.length) + tail
      })
    )
  fc.assert(
    fc.property(fc.array(fc.oneof(line.map(known), parameter), { maxLength: 12 }), cuts, (lines, places) => {
      const { sent, got } = join(lines, '\n')
      const body = Buffer.from(sent)
      return (['text'] satisfies Grammar[]).every(
        (grammar) =>
          scrubBody(body, [TOKEN], grammar).toString() === got &&
          scrubInPieces(body, places, [TOKEN], grammar).toString() === got
      )
    }),
    { numRuns: 5000 }
  )
})
