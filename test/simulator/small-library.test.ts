import t, { type Test } from 'tap'
import type { Json } from '../support/json.ts'
import { CLIPS } from './pms/clips.ts'
import { smallLibrary } from './pms/small-library.ts'
import { startSimulator } from './simulator.ts'
import { send, type WireAnswer } from './wire.ts'

interface Library {
  get(path: string, headers?: Record<string, string>): Promise<WireAnswer>
  json(path: string): Promise<Json>
  act(method: string, path: string): Promise<number>
}

async function open(t: Test, pictureBytes = 0): Promise<Library> {
  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  simulator.modes.set({ library: 'small', pictureBytes })
  const token = simulator.tokens.issue('owner', 'test')
  const get: Library['get'] = (path, headers = {}) =>
    send(simulator.pmsUrl + path, {
      headers: { Accept: 'application/json', 'X-Plex-Token': token, ...headers }
    })
  return {
    get,
    json: async (path) => JSON.parse((await get(path)).text).MediaContainer,
    act: async (method, path) =>
      (await send(simulator.pmsUrl + path, { method, headers: { 'X-Plex-Token': token } })).status
  }
}

const titles = (entries: readonly { title: string }[] = []): string[] => entries.map(({ title }) => title)

t.test('the small library', async (t) => {
  const library = await open(t)

  await t.test('lists a dozen films and a series, and nothing of the numbered one', async (t) => {
    const { Directory } = await library.json('/library/sections')
    t.strictSame(titles(Directory), ['Films', 'Series'])
    const films = await library.json('/library/sections/4/all')
    t.equal(films.size, 12)
    t.match(films.Metadata[0], { title: 'The Lighthouse Ledger', year: 2021, Genre: [{ tag: 'Drama' }] })
    t.notOk(films.Metadata[0].Media[0].Part[0].Stream, 'streams are on the page of an item only')
    const shows = await library.json('/library/sections/5/all')
    t.match(shows.Metadata, [{ title: 'Northbound Line', type: 'show' }])
    t.equal((await library.json('/library/metadata/7000/children')).size, 2)
    t.equal(
      (await library.json('/library/metadata/7100/children')).Metadata[0].grandparentTitle,
      'Northbound Line'
    )
    t.equal((await library.json('/library/metadata/1001')).size, 1, 'the numbered one answers by key')
  })

  await t.test('has streams, chapters and markers on the page of an item', async (t) => {
    const [film] = (await library.json('/library/metadata/6001')).Metadata
    t.match(film, { Chapter: { length: 4 }, Marker: [{ type: 'credits' }], duration: 40_000 })
    const streams: { streamType: number; codec: string }[] = film.Media[0].Part[0].Stream
    t.strictSame(
      streams.map(({ streamType, codec }) => `${streamType} ${codec}`),
      ['1 h264', '2 aac', '2 aac', '3 srt', '3 vtt', '3 ass']
    )
    t.match((await library.json('/library/metadata/7101')).Metadata[0].Marker[0], { type: 'intro' })
    const picture = await library.get(film.Chapter[1].thumb)
    t.match(picture.headers, { 'content-type': 'image/jpeg' })
  })

  await t.test('is found by title and by name', async (t) => {
    const { Hub } = await library.json('/hubs/search?query=the')
    t.strictSame(titles(Hub), ['Films', 'Episodes'])
    t.match(titles((await library.json('/hubs/search?query=Moran')).Hub), ['Series'])
    const { SearchResult } = await library.json(`/library/search?query=${encodeURIComponent('雪')}`)
    t.match(SearchResult, [{ Metadata: { ratingKey: '6012' } }])
  })

  await t.test('goes on where an account stopped, and forgets what was seen to the end', async (t) => {
    const going = async () => titles((await library.json('/hubs/continueWatching/items')).Metadata)
    t.strictSame(await going(), [])
    await library.act('POST', '/:/timeline?ratingKey=6003&state=stopped&time=12000&duration=40000')
    await library.act('POST', '/:/timeline?ratingKey=7101&state=stopped&time=9000&duration=32000')
    t.strictSame(await going(), ['The Unlisted Stop', 'Orbit of the Moth'])
    t.equal((await library.json('/library/metadata/6003')).Metadata[0].viewOffset, 12_000)
    await library.act('POST', '/:/timeline?ratingKey=7101&state=stopped&time=31000&duration=32000')
    t.strictSame(await going(), ['Seat Fourteen', 'Orbit of the Moth'], 'the next episode follows')
    await library.act('PUT', '/:/scrobble?key=6003')
    t.strictSame(await going(), ['Seat Fourteen'])
    t.equal((await library.json('/hubs')).Hub[0].title, 'Continue Watching')
    t.equal((await library.json('/library/metadata/6003')).Metadata[0].viewCount, 1)
  })

  await t.test('has a poster and a backdrop of every title', async (t) => {
    const url = encodeURIComponent('/library/metadata/6001/thumb/1745854354')
    for (const item of smallLibrary()) {
      const [poster, backdrop] = await Promise.all(
        ['thumb', 'art'].map((kind) => library.get(`/library/metadata/${item.ratingKey}/${kind}/1745854354`))
      )
      for (const picture of [poster, backdrop]) {
        t.match(picture, { status: 200, headers: { 'content-type': 'image/webp' } }, item.title)
        t.equal(picture?.bytes.subarray(8, 12).toString('latin1'), 'WEBP')
      }
      t.equal(poster?.bytes.equals(backdrop?.bytes ?? Buffer.alloc(0)), item.type === 'episode')
    }
    const scaled = await library.get(`/photo/:/transcode?url=${url}&width=120&height=180`)
    t.same(scaled.bytes, (await library.get('/library/metadata/6001/thumb/1745854354')).bytes)
    const heavy = await open(t, 20_000)
    const photograph = await heavy.get(`/photo/:/transcode?url=${url}`)
    t.equal(photograph.headers['content-type'], 'image/jpeg')
    t.equal(photograph.bytes.length, 20_000)
  })

  await t.test('has pictures for seeking', async (t) => {
    const bif = await library.get('/library/parts/266001/indexes/sd')
    t.equal(bif.bytes.subarray(1, 4).toString(), 'BIF')
    const [early, late] = await Promise.all(
      [0, 22_000].map((at) => library.get(`/library/parts/266001/indexes/sd/${at}`))
    )
    for (const picture of [early, late]) t.match(picture?.bytes.subarray(0, 2), Buffer.from([0xff, 0xd8]))
    t.notSame(early?.bytes, late?.bytes)
  })

  await t.test('has subtitles in their formats and as WebVTT', async (t) => {
    const text = async (name: string) => (await library.get(`/library/streams/${name}`)).text
    t.match(await text('2660013'), /^1\r\n00:00:01,000 --> 00:00:05,000\r\n/)
    t.match(await text('2660014'), /^WEBVTT\n\n00:00:01\.000 --> /)
    t.match(await text('2660015'), /^Dialogue: 0,0:00:01\.00,/m)
    for (const name of ['2660013.vtt', '2660015.vtt', '2660015?format=vtt'])
      t.match(await text(name), /^WEBVTT\n/)
  })
})

t.test('the clips of the small library', async (t) => {
  const library = await open(t)
  const start = '/video/:/transcode/universal/start.m3u8?protocol=hls&path=%2Flibrary%2Fmetadata%2F'
  const below = '/video/:/transcode/universal/'

  await t.test('are files that are read by range', async (t) => {
    const part = await library.get('/library/parts/266001/1745854354/film.mp4', { Range: 'bytes=4-7' })
    t.match(part, { status: 206, text: 'ftyp' })
    const decision = await library.json(`${below}decision?path=%2Flibrary%2Fmetadata%2F6001&directPlay=1`)
    t.match(decision, { directPlayDecisionCode: 1000 })
  })

  await t.test('are HLS in several qualities, with the sound that was chosen', async (t) => {
    const master = (await library.get(`${start}6001&session=s1`)).text
    const qualities = [...master.matchAll(/^session\/s1\/video-\d+\/index\.m3u8$/gm)].map(([path]) => path)
    t.equal(qualities.length, CLIPS.tide.qualities.length)
    t.match(master, 'URI="session/s1/audio-0/index.m3u8"')
    for (const path of [...qualities, 'session/s1/audio-0/index.m3u8']) {
      const playlist = (await library.get(below + path)).text
      const names = [...playlist.matchAll(/header\.m4s|^\d{5}\.m4s$/gm)].map(([name]) => name)
      t.ok(names.length >= 11, 'a header and ten segments')
      const header = await library.get(below + path.replace('index.m3u8', 'header.m4s'))
      t.equal(header.bytes.subarray(4, 8).toString(), 'ftyp')
      const last = await library.get(below + path.replace('index.m3u8', names.at(-1) ?? ''))
      t.ok(last.bytes.includes('moof') && last.bytes.includes('mdat'))
    }
    t.equal((await library.get(`${below}session/s1/video-144/00010.m4s`)).status, 404)
    const narrow = (await library.get(`${start}6001&session=s2&maxVideoBitrate=50`)).text
    t.notMatch(narrow, 'video-270')
    t.match((await library.get(`${start}6001&session=s3&audioStreamID=2660012`)).text, 'LANGUAGE="de"')
    await library.act('PUT', '/library/parts/266001?audioStreamID=2660012')
    t.match((await library.get(`${start}6001&session=s4`)).text, 'LANGUAGE="de"', 'and it is remembered')
  })
})
