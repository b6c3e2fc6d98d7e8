import { inspect } from 'node:util'
import t from 'tap'
import { Problem } from '../../../src/domain/problems.ts'
import { parseAnswer } from '../../../src/plex/answer.ts'
import { identityHeaders } from '../../../src/plex/identity.ts'
import { type PlexCall, readPlexError, toPlexProblem } from '../../../src/plex/plex-errors.ts'
import type { UpstreamAnswer } from '../../../src/plex/upstream.ts'
import { inSmallHeap } from '../../support/small-heap.ts'

const JSON_TYPE = 'application/json; charset=utf-8'
const XML_TYPE = 'application/xml; charset=utf-8'
const INVALID = { code: 'USHER_UPSTREAM_INVALID' }

function parse(text: string, contentType = JSON_TYPE): unknown {
  return parseAnswer({ contentType, body: Buffer.from(text) })
}

function answer(status: number, text: string, contentType = JSON_TYPE, retryAfter = ''): UpstreamAnswer {
  return { service: 'plex.tv', status, contentType, retryAfter, body: Buffer.from(text) }
}

function envelope(code: number, status: number): UpstreamAnswer {
  return answer(status, JSON.stringify({ errors: [{ code, message: 'some words', status }] }))
}

t.test('JSON and XML give the same plain data, whatever the type is called', async (t) => {
  t.strictSame(parse('\ufeff {"a":[1,{"b":null}]}', 'text/plain'), { a: [1, { b: null }] })
  const xml =
    '<?xml version="1.0" encoding="UTF-8"?>\n<user id="1" title="a &amp; b &#39;c&#x41;" e=""><f><g id="a"/><g id="b"/></f></user>'
  const expected = { user: { id: '1', title: "a & b 'cA", e: '', f: { g: [{ id: 'a' }, { id: 'b' }] } } }
  for (const type of [XML_TYPE, 'text/xml', JSON_TYPE, '']) t.strictSame(parse(xml, type), expected)
})

t.test('what is neither JSON nor XML, or cut off, is refused', async (t) => {
  for (const text of ['', 'garbage', '{"a":', '[1,', '"text"', '7', 'null', '<a', '<a><b></a>', '<a b=c/>']) {
    t.throws(() => parse(text), INVALID, text)
  }
  t.throws(() => parse('<html><body>Bad Gateway</body></html>', 'text/html'), INVALID)
})

t.test('a refused answer leaves none of its text in the error', async (t) => {
  for (const text of [
    'garbage sim-usr-tok-Ab1Cd2Ef',
    '{"sim-usr-tok-Ab1Cd2Ef',
    '<a b="sim-usr-tok-Ab1Cd2Ef"'
  ]) {
    let thrown: unknown
    try {
      parse(text)
    } catch (error) {
      thrown = error
    }
    t.match(thrown, INVALID)
    t.notMatch(inspect(thrown, { depth: 9 }), /sim-usr-tok/)
  }
})

t.test('rule 57: a document type or an entity of its own is refused', async (t) => {
  const bombs = [
    '<!DOCTYPE html><a/>',
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    '<!doctype a SYSTEM "file:///etc/passwd"><a/>',
    '<?xml version="1.0"?>\n<!ENTITY x "y"><a/>'
  ]
  for (const bomb of bombs) t.throws(() => parse(bomb, XML_TYPE), INVALID)
  t.strictSame(parse('<a b="&unknown;"/>', XML_TYPE), { a: { b: '&unknown;' } })
})

t.test('rule 57: nesting without end is refused, in JSON and in XML', async (t) => {
  for (const depth of [100, 200_000]) {
    t.throws(() => parse('['.repeat(depth) + ']'.repeat(depth)), INVALID)
    t.throws(() => parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`), INVALID)
  }
  t.throws(() => parse('<a>'.repeat(100) + '</a>'.repeat(100), XML_TYPE), INVALID)
  t.doesNotThrow(() => parse('['.repeat(20) + ']'.repeat(20)))
})

t.test('a field named __proto__ reaches no prototype', async (t) => {
  const data = parse('{"__proto__":{"polluted":true},"a":{"__proto__":{"polluted":true},"b":1}}')
  t.strictSame(data, { a: { b: 1 } })
  t.strictSame(Object.assign({}, data), { a: { b: 1 } })
  t.throws(() => parse('<a><__proto__ polluted="1"/></a>', XML_TYPE), INVALID)
  t.notOk('polluted' in {})
})

t.test('each error of plex.tv becomes its problem, by code and by what was asked', async (t) => {
  const table: readonly (readonly [UpstreamAnswer, PlexCall, string])[] = [
    [envelope(1001, 401), 'sign-in', 'USHER_CREDENTIALS_REJECTED'],
    [envelope(1028, 401), 'sign-in', 'USHER_VERIFICATION_REJECTED'],
    [envelope(1029, 401), 'sign-in', 'USHER_VERIFICATION_REQUIRED'],
    [envelope(1030, 401), 'sign-in', 'USHER_EMAIL_REQUIRED'],
    [envelope(1031, 401), 'sign-in', 'USHER_PLEX_LIMITED'],
    [envelope(1003, 429), 'sign-in', 'USHER_PLEX_LIMITED'],
    [envelope(1000, 400), 'sign-in', 'USHER_UPSTREAM_INVALID'],
    [envelope(1004, 400), 'sign-in', 'USHER_UPSTREAM_INVALID'],
    [answer(401, '<html>not plex.tv</html>', 'text/html'), 'sign-in', 'USHER_UPSTREAM_INVALID'],
    [answer(429, 'Rate limit exceeded!', 'text/plain'), 'token', 'USHER_PLEX_LIMITED'],
    [envelope(1001, 401), 'token', 'USHER_SESSION_REVOKED'],
    [answer(401, '', ''), 'token', 'USHER_SESSION_REVOKED'],
    [answer(498, '', ''), 'token', 'USHER_SESSION_REVOKED'],
    [
      answer(422, '<errors> <error>Invalid token</error> </errors>', XML_TYPE),
      'token',
      'USHER_SESSION_REVOKED'
    ],
    [answer(422, '{"errors":[{"message":"Invalid token"}]}'), 'switch', 'USHER_SESSION_REVOKED'],
    [answer(422, '{"error":"Invalid token"}'), 'token', 'USHER_SESSION_REVOKED'],
    [envelope(1031, 401), 'token', 'USHER_PLEX_LIMITED'],
    [envelope(1008, 422), 'token', 'USHER_UPSTREAM_INVALID'],
    [envelope(1009, 403), 'token', 'USHER_UPSTREAM_INVALID'],
    [answer(403, '{"errors":[{"code":1041,"message":"x"}]}'), 'switch', 'USHER_HOME_PIN_REJECTED'],
    [envelope(1002, 404), 'switch', 'USHER_NOT_FOUND'],
    [envelope(1002, 404), 'token', 'USHER_UPSTREAM_INVALID'],
    [answer(404, '{"errors":[{"code":1020,"message":"x"}]}'), 'pin', 'USHER_PIN_UNKNOWN'],
    [answer(410, '', ''), 'pin', 'USHER_PIN_UNKNOWN'],
    [envelope(1001, 401), 'pin', 'USHER_UPSTREAM_INVALID'],
    [answer(302, ''), 'token', 'USHER_UPSTREAM_INVALID'],
    [envelope(1007, 500), 'token', 'USHER_UPSTREAM_UNREACHABLE'],
    [envelope(1001, 503), 'sign-in', 'USHER_UPSTREAM_UNREACHABLE'],
    [answer(502, '<html>Bad Gateway</html>', 'text/html'), 'token', 'USHER_UPSTREAM_UNREACHABLE']
  ]
  for (const [given, call, code] of table) {
    const problem = toPlexProblem(given, call)
    t.equal(problem.code, code, `${given.status} ${given.body} on ${call}`)
    t.equal(problem.upstream?.service, 'plex.tv')
    t.equal(problem.upstream?.status, given.status)
  }
})

t.test('the envelope is read from XML too, and without a status of its own', async (t) => {
  const xml =
    '<?xml version="1.0" encoding="UTF-8"?>\n<errors>\n  <error code="1029" message="Please enter" status="401"/>\n</errors>'
  t.strictSame(readPlexError(answer(401, xml, XML_TYPE)), { status: 401, code: 1029, invalidToken: false })
  const two = '<errors><error code="1030" message="a"/><error code="1031" message="b"/></errors>'
  t.equal(readPlexError(answer(401, two, XML_TYPE)).code, 1030)
  t.equal(toPlexProblem(answer(401, xml, XML_TYPE), 'sign-in').upstream?.code, 1029)
})

t.test('the words of plex.tv never become words of a problem', async (t) => {
  const problem = toPlexProblem(
    answer(401, '{"errors":[{"code":1001,"message":"sim-usr-tok-Ab1Cd2Ef"}]}'),
    'token'
  )
  t.ok(problem instanceof Problem)
  t.notMatch(`${problem.message}${problem.detail}${JSON.stringify(problem.upstream)}`, /sim-usr-tok/)
})

t.test('Retry-After is believed within an hour, and is a minute otherwise', async (t) => {
  const limited = (header: string) => toPlexProblem(answer(429, '', '', header), 'sign-in').retryAfter
  t.equal(limited('7'), 7)
  t.equal(limited('3600'), 3600)
  for (const odd of ['', '0', '-5', '3601', '99999999999999999999', 'soon', '1.5'])
    t.equal(limited(odd), 60, odd)
  t.equal(toPlexProblem(envelope(1031, 401), 'sign-in').retryAfter, 60)
})

t.test('the identity headers carry no token, and UTF-8 as bytes', async (t) => {
  const identity = { product: 'Usher', version: '1.0', platform: 'Web', deviceName: 'Zoë’s' }
  const headers = identityHeaders(identity, 'client-1')
  t.strictSame(Object.keys(headers).sort(), [
    'Accept',
    'X-Plex-Client-Identifier',
    'X-Plex-Device',
    'X-Plex-Device-Name',
    'X-Plex-Platform',
    'X-Plex-Product',
    'X-Plex-Version'
  ])
  t.equal(Buffer.from(headers['X-Plex-Device-Name'] ?? '', 'latin1').toString('utf8'), 'Zoë’s')
})

t.test('rule 53: a document costs no more time than its length, however long its names are', async (t) => {
  const startedAt = performance.now()
  const name = 'a'.repeat(100_000)
  t.ok(parse(`${`<${name}>`.repeat(14)}${'<b/>'.repeat(100_000)}${`</${name}>`.repeat(14)}`, XML_TYPE))
  // With the path of each element written out, a hundred gigabytes would be.
  t.ok(performance.now() - startedAt < 20_000)
})

t.test('rule 53: a document of nothing but objects takes a few times what they take', async (t) => {
  const calls = new URL('../../support/heap-calls.ts', import.meta.url)
  t.equal(await inSmallHeap(96, { module: calls, name: 'parseList', text: '{},', times: 690_000 }), 'done')
})
