import t from 'tap'
import { createAddressMark, createHandOn } from '../../../src/forward/hand-on.ts'
import { bytesInUse } from '../../support/memory.ts'
import { fc } from '../../support/properties.ts'
import { inSmallHeap } from '../../support/small-heap.ts'
import { until } from '../../support/until.ts'
import { startFront, TOKEN } from './front.ts'

const PLAY = 'play.eyJ0b2tlbiI6MX0'
const ASKED = '/base/pms/video/:/transcode/universal/start.m3u8?path=/library/metadata/1'
const mark = createAddressMark('/base/pms', ASKED, PLAY)
const HLS = 'application/vnd.apple.mpegurl'
const DASH = 'application/dash+xml'

function handOn(type: string, text: string, cuts = [0]): string {
  const filter = createHandOn(type, ASKED, mark)
  if (filter === null) throw new TypeError('no playlist')
  const bytes = Buffer.from(text)
  const at = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b
  )
  const pieces = at.slice(1).map((to, index) => filter.scrub(bytes.subarray(at[index], to)))
  return Buffer.concat([...pieces, filter.flush()]).toString()
}

t.test('an address of this media server gets the token, and no other', async (t) => {
  for (const [address, marked] of [
    ['a.ts', `a.ts?X-Plex-Token=${PLAY}`],
    ['a.ts?b=1', `a.ts?b=1&X-Plex-Token=${PLAY}`],
    ['a.ts?', `a.ts?X-Plex-Token=${PLAY}`],
    ['a.ts#t=1', `a.ts?X-Plex-Token=${PLAY}#t=1`],
    ['../x/a.ts?b#c', `../x/a.ts?b&X-Plex-Token=${PLAY}#c`],
    ['?b=1', `?b=1&X-Plex-Token=${PLAY}`],
    ['/base/pms/library/parts/1', `/base/pms/library/parts/1?X-Plex-Token=${PLAY}`],
    ['a.ts?X-Plex-Token=****&b=1', `a.ts?b=1&X-Plex-Token=${PLAY}`],
    ['a.ts?%58-plex-token=****', `a.ts?X-Plex-Token=${PLAY}`],
    ['千と千尋.ts', `千と千尋.ts?X-Plex-Token=${PLAY}`]
  ])
    t.equal(mark.add(address ?? ''), marked)
  for (const address of [
    '',
    'https://evil.example/a.ts',
    'HTTPS://evil.example/a.ts',
    '//evil.example/a.ts',
    '\\\\evil.example/a.ts',
    '/\\evil.example/a.ts',
    'ht\ttps://evil.example/a.ts',
    ' https://evil.example/a.ts',
    '\u0001//evil.example',
    'http://playlist.invalid/base/pms/a.ts',
    'data:text/plain,abc',
    'skd://key',
    '{$host}/a.ts',
    'a.ts?x={$host}',
    '/session/logout',
    '/base/pmsx/a.ts',
    '../../../../../../session/logout',
    '/base/pms/../session'
  ])
    t.equal(mark.add(address), address, JSON.stringify(address))
})

const MASTER = `#EXTM3U
#EXT-X-VERSION:7
# a comment with URI="a.m3u8"
#EXT-X-DEFINE:NAME="host",VALUE="https://evil.example"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="a,URI=b",LANGUAGE="en",URI="session/s1/audio-0/index.m3u8"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="x",NAME="URI=",URI="https://elsewhere.example/s.m3u8"
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="i.m3u8?a=1"
#EXT-X-SESSION-KEY:METHOD=AES-128,URI="data:text/plain;base64,AAAA"
#EXT-X-STREAM-INF:BANDWIDTH=20000,RESOLUTION=120x68,CODECS="avc1.42c00a,mp4a"
session/s1/base/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=30000
{$host}/index.m3u8
https://elsewhere.example/index.m3u8
`

t.test('a playlist carries it in every address, however it is cut', async (t) => {
  const token = `X-Plex-Token=${PLAY}`
  const expected = MASTER.replace('audio-0/index.m3u8"', `audio-0/index.m3u8?${token}"`)
    .replace('i.m3u8?a=1"', `i.m3u8?a=1&${token}"`)
    .replace('base/index.m3u8\n', `base/index.m3u8?${token}\n`)
  t.equal(handOn(HLS, MASTER), expected)
  t.equal(handOn('audio/mpegurl', MASTER.replaceAll('\n', '\r\n')), expected.replaceAll('\n', '\r\n'))
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(), { maxLength: 20 }),
      async (cuts) => handOn(HLS, MASTER, cuts) === expected
    )
  )
  const media = `#EXTM3U\n#EXT-X-MAP:URI="head.mp4",BYTERANGE="1@0"\n#EXT-X-KEY:METHOD=AES-128,URI="k?id=1",IV=0x1\n#EXTINF:4,Amélie, URI="x"\n00000.ts\n\n  \n#EXT-X-PART:DURATION=1,URI="p.mp4"\n00001.ts`
  t.equal(
    handOn(HLS, media),
    `#EXTM3U\n#EXT-X-MAP:URI="head.mp4?${token}",BYTERANGE="1@0"\n#EXT-X-KEY:METHOD=AES-128,URI="k?id=1&${token}",IV=0x1\n#EXTINF:4,Amélie, URI="x"\n00000.ts?${token}\n\n  \n#EXT-X-PART:DURATION=1,URI="p.mp4?${token}"\n00001.ts?${token}`
  )
  const long = `${'x'.repeat(200_000)}\nb.ts\n`
  t.equal(handOn(HLS, long, [70_000, 150_000]), `${'x'.repeat(200_000)}\nb.ts?${token}\n`)
})

const MANIFEST = `<?xml version="1.0"?>
<!-- <SegmentTemplate media="no.m4s"/> -->
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT1H">
 <Period id="1"><AdaptationSet title='media="x"'>
  <BaseURL>session/s1/</BaseURL>
  <SegmentTemplate timescale="1" initialization="$RepresentationID$/header?a=1&amp;b=2" media='$RepresentationID$/$Number$.m4s'>
  </SegmentTemplate>
  <Representation id="0"><BaseURL> film.mp4 </BaseURL><SegmentBase indexRange="1-2"><Initialization sourceURL="i.mp4"/></SegmentBase></Representation>
  <SegmentList><SegmentURL media="https://elsewhere.example/1.m4s"/><SegmentURL media="&#x31;.m4s"/></SegmentList>
 </AdaptationSet></Period>
</MPD>
`

t.test('a manifest carries it too, and not where a BaseURL leads elsewhere', async (t) => {
  const token = `X-Plex-Token=${PLAY}`
  const expected = MANIFEST.replace('a=1&amp;b=2"', `a=1&amp;b=2&amp;${token}"`)
    .replace(`'$RepresentationID$/$Number$.m4s'`, `"$RepresentationID$/$Number$.m4s?${token}"`)
    .replace(' film.mp4 ', ` film.mp4?${token} `)
    .replace('"i.mp4"', `"i.mp4?${token}"`)
  t.equal(handOn(DASH, MANIFEST, [5, 100, 300]), expected)
  for (const base of ['https://evil.example/', '//evil.example/', '/other/']) {
    const foreign = MANIFEST.replace('session/s1/', base)
    t.equal(handOn(DASH, foreign), foreign)
  }
  const huge = `<MPD>${' '.repeat(3_000_000)}<SegmentURL media="a"/></MPD>`
  t.equal(handOn(DASH, huge, [1_000_000, 2_500_000]), huge)
})

t.test('rule 53: what a hostile media server writes costs no more time than its length', async (t) => {
  const startedAt = performance.now()
  for (const unit of ['<!--', '<?', '<![CDATA[', '<', '<a', '<a "', 'A', 'a:', '"', ' media=', ' media="'])
    for (const start of ['', '<', '<A ']) {
      const text = start + unit.repeat(Math.floor(500_000 / unit.length))
      t.equal(handOn(DASH, text), text)
    }
  const lists = ['A', 'A=', 'A="', 'A,', '"', 'URI=', 'URI="'].map((unit) => {
    const line = `#EXT-X-A:URI=${unit.repeat(Math.floor(60_000 / unit.length))}\n`
    return line.repeat(20)
  })
  for (const text of lists) t.ok(handOn(HLS, text).length >= text.length)
  // In the square of the length it would be minutes.
  t.ok(performance.now() - startedAt < 30_000)
})

t.test('rule 53: a small text does not become a huge one', async (t) => {
  for (const [type, address] of [
    [HLS, 'a\n'],
    [DASH, '<S media="a"/>']
  ] as const) {
    const token = `play.${'x'.repeat(700)}`
    const filter = createHandOn(type, ASKED, createAddressMark('/base/pms', ASKED, token))
    const text = Buffer.from(address.repeat(500_000 / address.length))
    const marked = Buffer.concat([filter?.scrub(text) ?? text, filter?.flush() ?? text])
    t.ok(marked.length < text.length + 9 * 1024 * 1024, `${marked.length}`)
    t.match(marked.subarray(0, 100).toString('latin1'), 'X-Plex-Token=play.')
    t.equal(marked.subarray(-address.length).toString(), address, 'the rest stays as it is')
  }
})

t.test('what is no playlist is left alone', async (t) => {
  t.equal(createHandOn('text/vtt', '/library/streams/3', mark), null)
  t.equal(createHandOn('application/json', '/x', mark), null)
  t.ok(createHandOn('text/plain', '/video/:/transcode/universal/start.mpd?a=1', mark))
})

t.test(
  'rule 56: tokens of the media server are masked, and the token of the address is added after that',
  async (t) => {
    const front = await startFront(t, { lane: {}, compress: true })
    front.call = { class: 'media', handOn: PLAY }
    const text = `#EXTM3U\n${`a.ts?X-Plex-Token=${TOKEN}\n`.repeat(100)}`
    front.upstream.answer = (_request, response) => {
      response.writeHead(200, { 'Content-Type': HLS, 'Content-Length': text.length }).end(text)
    }
    const answer = await fetch(`${front.url}/pms/x/start.m3u8`, { headers: { 'accept-encoding': 'br' } })
    t.equal(await answer.text(), `#EXTM3U\n${`a.ts?X-Plex-Token=${PLAY}\n`.repeat(100)}`)
    t.equal(answer.headers.get('content-encoding'), null, 'its length could betray the token')
    const head = await fetch(`${front.url}/pms/x/start.m3u8`, { method: 'HEAD' })
    t.equal(head.headers.get('content-length'), null)
  }
)

t.test('rule 53: a playlist that comes byte by byte costs no more time than its length', async (t) => {
  const startedAt = performance.now()
  const filter = createHandOn(HLS, ASKED, mark)
  if (filter === null) throw new TypeError('no playlist')
  const byte = Buffer.from('a')
  // Lines just short of those that leave as they are.
  for (let line = 0; line < 16; line += 1) {
    for (let at = 0; at < 60_000; at += 1) filter.scrub(byte)
    t.match(filter.scrub(Buffer.from('\n')).toString(), /^a+\?X-Plex-Token=.*\n$/)
  }
  // With the line read anew for each byte, 30 gigabytes would be.
  t.ok(performance.now() - startedAt < 15_000)
})

t.test('rule 53: how long the address of a playlist is costs nothing for each that is in it', async (t) => {
  const startedAt = performance.now()
  for (const asked of [
    `${ASKED}&a=${'b'.repeat(4_000_000)}`,
    `${ASKED.replace('?', `/${'b'.repeat(4_000_000)}/?`)}`
  ]) {
    const own = createAddressMark('/base/pms', asked, PLAY)
    for (let at = 0; at < 10_000; at += 1) own.add('/elsewhere')
  }
  t.equal(
    createAddressMark('/base/pms', `${ASKED}&a=${'b'.repeat(30_000)}`, PLAY).add('a'),
    `a?X-Plex-Token=${PLAY}`
  )
  t.ok(performance.now() - startedAt < 10_000)
})

t.test('rule 53: a manifest that comes byte by byte takes no more memory than its bytes', async (t) => {
  const filter = createHandOn(DASH, ASKED, mark)
  if (filter === null) throw new TypeError('no manifest')
  const before = bytesInUse()
  for (let at = 0; at < 500_000; at += 1) filter.scrub(Buffer.from('a'))
  // Node frees some of it a moment later.
  await until(() => bytesInUse() - before < 16_000_000)
  t.equal(filter.flush().length, 500_000)
})

t.test('rule 53: a manifest of nothing but addresses takes a few times its bytes', async (t) => {
  const calls = new URL('../../support/heap-calls.ts', import.meta.url)
  const text = '<a media="x"/>'
  t.equal(await inSmallHeap(24, { module: calls, name: 'markManifest', text, times: 149_000 }), 'done')
})
