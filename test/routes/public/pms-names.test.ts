import t from 'tap'
import { CHANGE_STAMP } from '../../simulator/pms/catalogue.ts'
import {
  NAMED_FILMS,
  NAMED_PART_BYTES,
  NAMED_STREAMS,
  NAMES_FIRST_ITEM,
  NAMES_FIRST_PART,
  NAMES_SECTION
} from '../../simulator/pms/names.ts'
import { partBytes } from '../../simulator/pms/parts.ts'
import { FRIEND, startTestUsher } from '../../support/usher.ts'

const JSON_ONLY = { accept: 'application/json' }

/** RFC 8187 §3.2: the name that a browser saves a file under. */
function savedAs(disposition: string | undefined): string {
  const [, extended, plain = ''] =
    /filename\*=UTF-8''(\S+)|filename="((?:[^"\\]|\\.)*)"/.exec(
      disposition?.replace(/filename="[^"]*"; (?=filename\*)/, '') ?? ''
    ) ?? []
  return extended === undefined ? plain.replace(/\\(.)/g, '$1') : decodeURIComponent(extended)
}

t.test('a library with every kind of name', async (t) => {
  const usher = await startTestUsher(t)
  const owner = await usher.signedIn()
  const friend = await usher.signedIn(FRIEND)
  const machine = (await owner.get('/session')).json.server.machineIdentifier
  /** What the media server says to the same question, asked directly. */
  const direct = async (path: string, headers: Record<string, string> = {}) => {
    const token = usher.simulator.tokens.server('friend', machine) ?? ''
    const answer = await fetch(usher.simulator.pmsUrl + path, {
      headers: { 'x-plex-token': token, 'accept-encoding': 'identity', ...headers }
    })
    return Buffer.from(await answer.arrayBuffer())
  }

  await t.test('rule 88: documents arrive byte for byte, as JSON and as XML', async (t) => {
    const keys = NAMED_FILMS.map((_, place) => String(NAMES_FIRST_ITEM + place))
    for (const path of [
      `/library/sections/${NAMES_SECTION}/all`,
      `/library/metadata/${keys.join(',')}`,
      '/library/sections',
      '/hubs/search?query=token'
    ]) {
      for (const accept of ['application/json', 'text/xml']) {
        const answer = await friend.get(`/pms${path}`, { accept })
        t.equal(answer.status, 200)
        t.ok(answer.body.equals(await direct(path, { accept })), `${path} ${accept}`)
        t.equal(answer.headers['cache-control'], 'no-store')
      }
    }
    const { MediaContainer } = (await friend.get(`/pms/library/sections/${NAMES_SECTION}/all`, JSON_ONLY))
      .json
    t.strictSame(
      MediaContainer.Metadata.map(({ title, summary }: { title: string; summary: string }) => [
        title,
        summary
      ]),
      NAMED_FILMS.map(({ title, summary }) => [title, summary])
    )
  })

  await t.test('rule 89: every file is downloaded under its name, whole and in ranges', async (t) => {
    const bytes = partBytes(0, NAMED_PART_BYTES)
    for (const [place, { file, type }] of NAMED_FILMS.entries()) {
      const path = `/library/parts/${NAMES_FIRST_PART + place}/${CHANGE_STAMP}/${encodeURIComponent(file)}`
      // %2F is the one byte that a name cannot have in a path.
      t.notMatch(file, '/')
      usher.simulator.clearReceived()
      const whole = await owner.get(`/pms${path}?download=1`)
      t.equal(whole.status, 200, file)
      t.ok(whole.body.equals(bytes), 'byte for byte')
      t.equal(savedAs(whole.headers['content-disposition']), file)
      t.match(whole.headers['content-disposition'], /^[\t -~]*$/)
      t.equal(
        usher.simulator.received({ service: 'pms' }).at(-1)?.url,
        `${path}?download=1`,
        'and was asked for as it stands'
      )
      const piece = await owner.get(`/pms${path}`, { range: 'bytes=5-9' })
      t.equal(piece.status, type === undefined ? 206 : 200, `${file}: a text comes whole`)
      t.ok(piece.body.equals(type === undefined ? bytes.subarray(5, 10) : bytes))
      t.equal((await owner.ask(`/pms${path}?download=1`, { method: 'HEAD' })).status, 200)
    }
    t.equal((await owner.get('/healthz')).status, 204)
    t.equal(
      (await owner.get('/pms/library/sections')).status,
      200,
      'and the server is still there for everybody'
    )
  })

  await t.test('subtitles arrive byte for byte, whatever is asked of them', async (t) => {
    for (const [id, [type, text]] of NAMED_STREAMS) {
      for (const range of [undefined, 'bytes=0-', 'bytes=7-20']) {
        const answer = await owner.get(`/pms/library/streams/${id}`, { range })
        t.equal(answer.status, 200, `${type} ${range}`)
        t.equal(answer.text, text)
        t.equal(answer.headers['content-type'], type === '' ? undefined : type)
        t.equal(answer.headers['content-length'], String(Buffer.byteLength(text)))
      }
    }
  })

  await t.test(
    'a player on plain media gets its ranges from a browser that sends nothing else',
    async (t) => {
      const path = `/pms/library/parts/${NAMES_FIRST_PART}/${CHANGE_STAMP}/${encodeURIComponent(NAMED_FILMS[0]?.file ?? '')}`
      const answer = await owner.get(path, {
        range: 'bytes=0-1',
        'if-range': `"${NAMES_FIRST_PART}-${CHANGE_STAMP}"`
      })
      t.match(answer, { status: 206, headers: { 'content-range': `bytes 0-1/${NAMED_PART_BYTES}` } })
      t.match(answer.headers['cache-control'], /^private/)
    }
  )
})

t.test('what each account changes for itself reaches the media server', async (t) => {
  const usher = await startTestUsher(t)
  const friend = await usher.signedIn(FRIEND)
  const machine = (await friend.get('/session')).json.server.machineIdentifier
  const own = encodeURIComponent(`server://${machine}/com.plexapp.plugins.library/library/metadata/1001`)
  for (const [method, path] of [
    ['PUT', '/library/parts/221638?audioStreamID=7&subtitleStreamID=0&allParts=1'],
    ['GET', '/:/progress?key=1001&identifier=com.plexapp.plugins.library&time=9&state=stopped'],
    ['PUT', '/actions/removeFromContinueWatching?ratingKey=1001'],
    ['POST', `/playlists?type=video&title=%E5%8D%83%0A%23&smart=0&uri=${own}`],
    ['PUT', `/playlists/3001/items?uri=${own}`],
    ['PUT', '/playlists/3001?title=a&summary=b%0Ac'],
    ['PUT', '/playlists/3001/items/7/move?after=8'],
    ['DELETE', '/playlists/3001/items/7'],
    ['DELETE', '/playlists/3001'],
    ['DELETE', '/playQueues/4001/items/7'],
    ['GET', '/library/search?query=a&searchTypes=movies'],
    ['GET', '/library/tags?type=1'],
    ['GET', '/library/shared/all?type=1'],
    ['GET', '/library/sections/3/computePath?startID=1&endID=2'],
    ['GET', '/library/sections/3/mood/7'],
    ['GET', '/library/sections/3/style/7'],
    ['GET', '/library/sections/3/collection/7'],
    ['GET', '/hubs/sections/3/continueWatching/items']
  ] as const) {
    usher.simulator.clearReceived()
    t.equal((await friend.ask(`/pms${path}`, { method })).status, 200, `${method} ${path}`)
    t.equal(usher.simulator.received({ service: 'pms' }).at(-1)?.url, path)
  }
  for (const [method, path, status, code] of [
    ['PUT', '/library/parts/221638?audioStreamID=7&file=x', 403, 'USHER_PATH_DENIED'],
    ['POST', '/playlists?uri=http%3A%2F%2Fevil.test', 400, 'USHER_INVALID_REQUEST'],
    ['POST', '/library/metadata/1001/posters', 403, 'USHER_PATH_DENIED'],
    ['DELETE', '/library/metadata/1001', 403, 'USHER_PATH_DENIED']
  ] as const) {
    usher.simulator.clearReceived()
    t.match((await friend.ask(`/pms${path}`, { method })).json, { status, code }, `${method} ${path}`)
    t.equal(usher.simulator.received().length, 0)
  }
  for (const path of ['/:/progress?key=1001', '/:/scrobble?key=1001']) {
    const crossSite = await friend.get(`/pms${path}`, { 'sec-fetch-site': 'cross-site' })
    t.match(crossSite.json, { code: 'USHER_CROSS_SITE' }, path)
  }
})

t.test('USHER_OWNER_ADMIN lets the owner see, choose and upload a poster', async (t) => {
  const usher = await startTestUsher(t, { settings: { USHER_OWNER_ADMIN: 'true' } })
  const owner = await usher.signedIn()
  const friend = await usher.signedIn(FRIEND)
  const { MediaContainer } = (await owner.get('/pms/library/metadata/1001/posters', JSON_ONLY)).json
  const [{ key, ratingKey }] = MediaContainer.Metadata
  const seen = await owner.get(`/pms${key}`)
  t.match(seen, { status: 200, headers: { 'content-type': 'image/jpeg' } })
  t.match(await owner.get(`/pms/photo/:/transcode?width=9&url=${encodeURIComponent(key)}`), { status: 200 })
  const chosen = `/pms/library/metadata/1001/poster?url=${encodeURIComponent(ratingKey)}`
  t.equal((await owner.ask(chosen, { method: 'PUT' })).status, 200)
  const headers = { 'content-type': 'image/jpeg' }
  const upload = (type: typeof headers) =>
    owner.ask('/pms/library/metadata/1001/posters', { method: 'POST', body: seen.body, headers: type })
  t.equal((await upload(headers)).status, 200)
  t.match((await upload({ 'content-type': 'multipart/form-data; boundary=a' })).json, { status: 415 })
  t.match((await friend.ask(chosen, { method: 'PUT' })).json, { code: 'USHER_PATH_DENIED' })
})

t.test("a transcoder hears of the caller's device, and old clients' own address is cut off", async (t) => {
  const usher = await startTestUsher(t)
  const owner = await usher.signedIn()
  const ask = async (path: string, headers: Record<string, string>) => {
    usher.simulator.clearReceived()
    t.equal((await owner.get(`/pms${path}`, headers)).status, 200, path)
    const seen = usher.simulator.received({ service: 'pms' }).at(-1)
    const fields = (seen?.headers ?? []).filter(([name]) =>
      /^x-plex-(?:platform|features|client-c|device-s)/i.test(name)
    )
    return { url: seen?.url, fields: fields.map(([name, value]) => `${name.toLowerCase()}: ${value}`).sort() }
  }
  const decision = '/video/:/transcode/universal/decision?path='
  const header = await ask(`${decision}%2Flibrary%2Fmetadata%2F1001`, {
    'X-Plex-Platform': 'Chrome',
    'X-Plex-Features': 'external-media,indirect-media',
    'X-Plex-Client-Capabilities': 'protocols=hls',
    'X-Plex-Device-Screen-Resolution': '1487x1165,2560x1440'
  })
  t.strictSame(header.fields, [
    'x-plex-client-capabilities: protocols=hls',
    'x-plex-device-screen-resolution: 1487x1165,2560x1440',
    'x-plex-features: external-media,indirect-media',
    'x-plex-platform: Chrome'
  ])
  const query = await ask(
    `${decision}${encodeURIComponent('http://127.0.0.1:32400/library/metadata/1001')}&X-Plex-Platform=Chrome&X-Plex-Token=a`,
    {}
  )
  t.equal(query.url, `${decision}%2Flibrary%2Fmetadata%2F1001&X-Plex-Platform=Chrome`)
  t.strictSame(query.fields, [])
})
