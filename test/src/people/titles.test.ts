import t from 'tap'
import { createTitleLookup } from '../../../src/people/title-lookup.ts'
import { playedItem } from '../../../src/people/titles.ts'
import { toTitledItems } from '../../../src/plex/titled-item.ts'

t.test('a path has a title, or an id by which the server knows one, or nothing', async (t) => {
  const start = '/video/:/transcode/universal/start'
  for (const [path, title, item] of [
    ['/library/parts/1/2/%E5%8D%83%E3%81%A8%E5%8D%83%E5%B0%8B.mkv?download=1', '千と千尋', 'part 1'],
    ['/library/parts/1/2/file.mkv', null, 'part 1'],
    ['/library/parts/1/2/%E0%A4%A.mkv', '%E0%A4%A', 'part 1'],
    ['/video/:/transcode/universal/session/x-1/base/1.ts', null, 'transcode x-1'],
    ['/video/:/transcode/universal/dash/x-1/0/1.m4s', null, 'transcode x-1'],
    [`${start}.mp4?protocol=http&path=%2Flibrary%2Fmetadata%2F1001&x=1`, null, 'item 1001'],
    [`${start}?path=/library/metadata/1001`, null, 'item 1001'],
    [`${start}?path=/library/sections/1`, null, null],
    ['/library/streams/990001', null, null],
    ['/library/metadata/1001/theme/1', null, null],
    ['', null, null]
  ] as const)
    t.strictSame(playedItem(path), { title, item }, path)
})

t.test('items of the server are read tolerantly', async (t) => {
  t.strictSame(
    toTitledItems({
      Metadata: [
        {
          ratingKey: '7',
          grandparentTitle: 'Series',
          title: 'Pilot',
          Media: { Part: [{ id: '70' }, { id: 71 }, {}] },
          TranscodeSession: { key: '/transcode/sessions/abc-1' },
          Session: { id: 'of the player' }
        },
        { ratingKey: 'x', title: 'Film' },
        { ratingKey: '8' },
        null
      ]
    }),
    [
      { title: 'Series – Pilot', itemId: 7, partIds: [70, 71], transcodeIds: ['abc-1'] },
      { title: 'Film', itemId: null, partIds: [], transcodeIds: [] }
    ]
  )
  t.strictSame(toTitledItems({}), [])
})

t.test('the server is asked when somebody looks, not more often than every ten seconds', async (t) => {
  const asked: unknown[] = []
  let time = 1_000_000
  const lookup = createTitleLookup({
    mediaServer: {
      async titledItems(what) {
        asked.push(what)
        if (time > 2_000_000) throw new Error('away')
        return what === 'playing'
          ? [{ title: 'Film', itemId: 1, partIds: [10], transcodeIds: ['abc'] }]
          : [{ title: 'Other', itemId: 2, partIds: [], transcodeIds: [] }]
      }
    },
    now: () => time
  })
  const owner = { token: 'x', clientIdentifier: 'y', isOwner: true }
  await lookup.look([], owner)
  t.strictSame(asked, [])
  await lookup.look(['part 10', 'item 2', 'part 99'], owner)
  t.strictSame(asked, ['playing', ['2']])
  t.strictSame(
    ['part 10', 'item 1', 'transcode abc', 'item 2', 'part 99'].map((item) => lookup.of(item)),
    ['Film', 'Film', 'Film', 'Other', null]
  )
  await lookup.look(['part 99'], owner)
  t.equal(asked.length, 2, 'not again so soon')
  time += 10_000
  await lookup.look(['part 10'], owner)
  t.equal(asked.length, 2, 'nothing is unknown')
  await lookup.look(['item 3'], { ...owner, isOwner: false })
  t.strictSame(asked.slice(2), [['3']], 'only the owner may ask what others play')
  time = 3_000_000
  await lookup.look(['part 99'], owner)
  t.equal(asked.length, 4, 'away: nothing is told, and nothing breaks')
})

t.test('a browser that looks takes no other browser’s turn', async (t) => {
  const asked: unknown[] = []
  const lookup = createTitleLookup({
    mediaServer: {
      async titledItems(what) {
        asked.push(what)
        return [{ title: 'Film', itemId: 1, partIds: [10], transcodeIds: [] }]
      }
    },
    now: () => 1_000_000
  })
  // Nobody but the owner can ask for the title of a part.
  await lookup.look(['part 10'], { token: 'x', clientIdentifier: 'friend', isOwner: false })
  t.strictSame(asked, [])
  await lookup.look(['part 10'], { token: 'y', clientIdentifier: 'owner', isOwner: true })
  t.equal(lookup.of('part 10'), 'Film')
})

t.test('a server that hangs holds the list up for a second at most', async (t) => {
  const lookup = createTitleLookup({
    mediaServer: { titledItems: () => new Promise(() => undefined) },
    now: () => 1_000_000
  })
  await lookup.look(['part 1'], { token: 'x', clientIdentifier: 'y', isOwner: true })
  t.equal(lookup.of('part 1'), null)
})
