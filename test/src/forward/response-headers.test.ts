import t from 'tap'
import { isScrubbable, isTextual, toGrammar } from '../../../src/forward/response-headers.ts'

t.test('rule 56: what may hold text is scrubbed, whatever it is called', async (t) => {
  for (const type of [
    'application/json; charset=utf-8',
    'text/xml',
    'text/event-stream',
    'text/vtt',
    'application/vnd.apple.mpegurl',
    'application/x-mpegURL',
    'application/dash+xml',
    'audio/mpegurl',
    'audio/x-mpegurl',
    'video/vnd.mpegurl',
    'video/vnd.apple.mpegurl',
    'audio/x-scpls',
    'AUDIO/SCPLS',
    'video/x-ms-wvx',
    'image/svg+xml',
    'image/vnd.x+xml; charset=utf-8',
    'image/png, text/html',
    ' image/png, text/html',
    'application/octet-stream, text/html',
    'images/png',
    'multipart/byteranges; boundary=x',
    ''
  ]) {
    t.ok(isTextual(type, true), `"${type}"`)
    t.ok(isTextual(type, false), `"${type}"`)
  }
  for (const type of [
    'image/jpeg',
    ' image/png',
    '\timage/png; a=b',
    'video/mp2t',
    'video/x-matroska',
    'audio/mpeg',
    'font/woff2'
  ]) {
    t.notOk(isTextual(type, true), `"${type}"`)
    t.notOk(isTextual(type, false), `"${type}"`)
  }
  for (const type of ['application/octet-stream', ' application/zip', 'application/x-matroska']) {
    t.notOk(isTextual(type, true), `"${type}" of a file`)
    t.ok(isTextual(type, false), `"${type}" of the API`)
  }
})

t.test('rule 57: text in UTF-16 cannot be scrubbed, and says so', async (t) => {
  for (const charset of [
    'utf-16',
    'UTF-16LE',
    '"utf-16be"',
    'utf16',
    'UTF-32',
    'utf-7',
    'ucs-2',
    'iso-10646-ucs-2',
    'unicode',
    'csUnicode',
    'unicodeFEFF'
  ]) {
    t.notOk(isScrubbable(`application/json;charset=${charset}`), charset)
    t.notOk(isScrubbable(`text/xml; a=b; Charset = ${charset}; c=d`), charset)
  }
  for (const type of [
    '',
    'text/xml',
    'text/xml;charset=utf-8',
    'text/vtt; charset="UTF-8"',
    'text/plain; charset=iso-8859-1',
    'text/plain; charset=windows-1252',
    'text/plain; charset=unicode-1-1-utf-8',
    'text/plain; charset=us-ascii'
  ]) {
    t.ok(isScrubbable(type), `"${type}"`)
  }
})

t.test('rule 88: how a body is read follows from its type', async (t) => {
  const types: Readonly<Record<string, readonly string[]>> = {
    json: [
      'application/json',
      'application/json; charset=utf-8',
      'application/problem+json',
      'text/json',
      'application/x-json',
      'text/event-stream',
      'TEXT/EVENT-STREAM; charset=utf-8'
    ],
    xml: [
      'text/xml;charset=utf-8',
      'application/xml',
      'application/dash+xml',
      'image/svg+xml',
      'application/ttml+xml; charset="utf-8"'
    ],
    text: [
      'text/vtt',
      'application/vnd.apple.mpegurl',
      'application/x-subrip',
      'text/plain; type="application/json"',
      'text/plain; a=application/xml',
      'text/html',
      'text/x-ssa'
    ],
    untyped: ['', ' ', 'application/octet-stream', 'application/octet-stream; a=b']
  }
  for (const [grammar, list] of Object.entries(types)) {
    for (const type of list) t.equal(toGrammar(type), grammar, `"${type}"`)
  }
})

t.test('rule 53: a Content-Type costs no more time than its length', async (t) => {
  const startedAt = performance.now()
  t.ok(isScrubbable(`text/plain; charset=${' '.repeat(300_000)}x`))
  t.ok(isScrubbable(`text/plain; charset=" ${'\t'.repeat(300_000)}x`))
  t.ok(isScrubbable(`text/plain; ${'charset=unicode;'.repeat(100_000)}utf-8`))
  t.notOk(isScrubbable(`text/plain; charset=${' '.repeat(300_000)}utf-16`))
  // In the square of the length it would be a minute for each.
  t.ok(performance.now() - startedAt < 20_000)
})

t.test('rule 57: of several charsets, one that is not ASCII decides', async (t) => {
  for (const charset of ['unicode-1-1-utf-8', 'unicode; x=utf8', '"unicode"; charset=unicode; x=UTF-8'])
    t.ok(isScrubbable(`text/plain; charset=${charset}`), charset)
  for (const charset of ['unicode', 'utf-8; charset=unicode', 'unicode; x=utf-8; charset=ucs-2', "' unicode"])
    t.notOk(isScrubbable(`text/plain; charset=${charset}`), charset)
})
