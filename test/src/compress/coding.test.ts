import t from 'tap'
import { forbidsTransform, isCompressible, preferredCoding } from '../../../src/compress/coding.ts'

const ASKED: readonly (readonly [accept: string, coding: string | null])[] = [
  ['gzip, deflate, br, zstd', 'zstd'],
  ['gzip, deflate, br', 'br'],
  ['gzip, deflate', 'gzip'],
  ['GZIP', 'gzip'],
  ['x-gzip', 'gzip'],
  ['deflate', null],
  ['', null],
  ['identity', null],
  ['br;q=0.5, gzip;q=0.8', 'gzip'],
  ['br;q=0.8, gzip;q=0.8', 'br'],
  ['gzip;q=0.8, br;q=0.8, zstd;q=0.8', 'zstd'],
  ['gzip;q=0', null],
  ['gzip;q=0, br', 'br'],
  ['identity;q=1, gzip;q=0.5', null],
  ['identity;q=0.5, gzip;q=1.0', 'gzip'],
  ['identity;q=0', null],
  ['gzip;q=0.5, identity;q=0.5', 'gzip'],
  ['*', 'gzip'],
  ['*;q=0', null],
  ['br, *;q=0', 'br'],
  ['*, gzip;q=0', null],
  ['identity, *;q=0.5', null],
  ['identity;q=0, *', 'gzip'],
  ['gzip ; q = 0.3', 'gzip'],
  ['gzip;q=0.1234', null],
  ['gzip;q=2', null],
  ['gzip;q=-1', null],
  ['gzip;q=', null],
  [',,gzip,,', 'gzip'],
  ['gzipped, brotli', null],
  ['constructor, __proto__', null],
  ['gzip;level=9', 'gzip']
]

for (const [accept, coding] of ASKED) {
  t.test(`Accept-Encoding: ${accept} asks for ${coding ?? 'none'}`, async (t) => {
    t.equal(preferredCoding(accept), coding)
  })
}

t.test('a field of 32 KB is read in no time', async (t) => {
  for (const part of ['gzip;q=0.', ',', ';', ' ', 'q=', '*;', 'a,']) {
    // Work and not time: a busy machine holds everybody up.
    const before = process.cpuUsage()
    preferredCoding(part.repeat(Math.floor(32_768 / part.length)))
    t.ok(process.cpuUsage(before).user < 1_000_000, part)
  }
})

t.test('texts are compressed, media and event streams are not', async (t) => {
  for (const type of [
    'application/json',
    'application/json; charset=utf-8',
    'application/problem+json',
    'text/xml;charset=utf-8',
    'application/xml',
    'TEXT/HTML',
    'text/css; charset=utf-8',
    'text/javascript; charset=utf-8',
    'text/vtt',
    'text/plain',
    'application/vnd.apple.mpegurl',
    'application/x-mpegURL',
    'audio/mpegurl',
    'application/dash+xml',
    'application/x-subrip',
    'image/svg+xml'
  ])
    t.ok(isCompressible(type), type)
  for (const type of [
    '',
    'text/event-stream',
    'text/event-stream; charset=utf-8',
    ' text/event-stream',
    'image/jpeg',
    'video/mp4',
    'video/mp2t',
    'audio/mpeg',
    'font/woff2',
    'application/octet-stream',
    'application/zip',
    'video/mp4, text/plain',
    'text/plain, video/mp4'
  ])
    t.notOk(isCompressible(type), type)
})

t.test('no-transform is found among other directives', async (t) => {
  t.ok(forbidsTransform('no-transform'))
  t.ok(forbidsTransform('public, max-age=3, No-Transform'))
  t.notOk(forbidsTransform('no-cache'))
})

t.test('rule 53: what a client or a media server writes costs no more time than its length', async (t) => {
  const startedAt = performance.now()
  const blanks = ' '.repeat(400_000)
  for (const accept of [
    `gzip;q=a${blanks}b`,
    `gzip;${blanks}q${blanks}=${blanks}1${blanks}`,
    `gzip;q=${blanks}b`
  ])
    preferredCoding(accept)
  for (const unit of [' ', ';', ' ;', '+xml;', '+xml', 'a'])
    for (const start of ['text/', 'application/', 'image/', 'audio/x-mpegurl'])
      isCompressible(`${start}${unit.repeat(400_000)},`)
  // In the square of the length it would be a minute for each.
  t.ok(performance.now() - startedAt < 20_000)
})
