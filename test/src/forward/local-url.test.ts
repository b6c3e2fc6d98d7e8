import t from 'tap'
import type { ServerRole } from '../../../src/domain/roles.ts'
import { type Caller, toLocalUrl, toOwnUri, toPictureUrl } from '../../../src/forward/local-url.ts'
import { createPolicy } from '../../../src/forward/policy.ts'

const policy = createPolicy({ ownerAdmin: true })
const callerOf = (role: ServerRole): Caller => ({
  policy,
  role,
  machineIdentifier: 'box',
  allows: () => true
})
const owner = callerOf('owner')
const item = encodeURIComponent('/library/metadata/1')

t.test(
  'rule 42: what the server fetches is one of its own paths, which the caller may request',
  async (t) => {
    for (const [url, expected] of [
      ['/library/metadata/1/thumb/2', '/library/metadata/1/thumb/2'],
      ['http://127.0.0.1:32400/library/metadata/1/thumb/2', '/library/metadata/1/thumb/2'],
      ['HTTP://localhost:32400/library', '/library'],
      ['http://[::1]:32400/library', '/library'],
      ['/library?u=http://localhost:32400/x', '/library?u=http://localhost:32400/x'],
      ['/library?X-Plex-Token=a&b=1', '/library?b=1'],
      ['/library/metadata/1/file?url=upload://posters/a', '/library/metadata/1/file?url=upload://posters/a']
    ] as const)
      t.equal(toLocalUrl(url, owner), expected, url)
    for (const url of [
      '',
      'library',
      'http://127.0.0.1:32400',
      'http://127.0.0.1:3240/library',
      'http://127.0.0.1:32400x/library',
      'http://evil.test/http://127.0.0.1:32400/library',
      '/photo/:/transcode?url=upload://posters/a',
      '/library/metadata/1/file?url=upload://a&url=upload://b',
      '/library/metadata/1/file?url=http://evil.test/',
      '/library/metadata/1/file',
      '/:/scrobble?key=1',
      '/:/eventsource/notifications',
      '/:/websockets/notifications'
    ])
      t.equal(toLocalUrl(url, owner), null, url)
    t.equal(toLocalUrl('/status/sessions', callerOf('home')), null)
    t.equal(toLocalUrl('/library', { ...owner, allows: () => false }), null)
  }
)

t.test('rule 42: a URI names items of this server alone, by one of two spellings', async (t) => {
  const server = 'server://box/com.plexapp.plugins.library'
  for (const uri of [
    `${server}/library/metadata/1`,
    `library://s-1/item/${item}`,
    `library:///directory/${item}`
  ])
    t.equal(toOwnUri(uri, owner), uri)
  t.equal(
    toOwnUri(`${server}/library/metadata/1?X-Plex-Token=a&b=1`, owner),
    `${server}/library/metadata/1?b=1`
  )
  for (const uri of [
    '',
    item,
    '/library/metadata/1',
    `x${server}/library/metadata/1`,
    `http://evil.test/${server}/library/metadata/1`,
    `${server}/library/metadata/1\n`,
    'server://other/com.plexapp.plugins.library/library/metadata/1',
    'server://box/com.plexapp.plugins.other/library/metadata/1',
    `${server}/photo/:/transcode`,
    `${server}/security/token`,
    `xlibrary://s/item/${item}`,
    `library://s/item/${item}?x`,
    `library://s/item/${item}/x`,
    `library://s/item/${encodeURIComponent('/photo/:/transcode?url=/library')}`,
    'library://s/item/%2Flibrary%',
    `library://s/other/${item}`
  ])
    t.equal(toOwnUri(uri, owner), null, uri)
})

t.test('rule 42: a picture is one that the server stores, or of a source that it uses itself', async (t) => {
  for (const url of [
    'upload://posters/a',
    'metadata://art/b.jpg',
    'media://c/d-e_f.png',
    'https://artworks.thetvdb.com/a.jpg',
    'https://assets.fanart.tv/a.jpg',
    'https://image.tmdb.org/t/p/a.jpg?x=1',
    'https://images.plex.tv/a.jpg',
    'https://metadata-static.plex.tv/a.jpg'
  ])
    t.equal(toPictureUrl(url), url)
  for (const url of [
    '',
    'x',
    'http://evil.test/upload://posters/a',
    'http://image.tmdb.org/a.jpg',
    'https://image.tmdb.org:8443/a.jpg',
    'https://user@image.tmdb.org/a.jpg',
    'https://:password@image.tmdb.org/a.jpg',
    'https://image.tmdb.org.evil.test/a.jpg',
    'https://evil.test/image.tmdb.org',
    'upload://posters/../a',
    'upload://posters/a b',
    'upload://posters/a?b',
    'upload://',
    'other://posters/a',
    'file:///etc/passwd'
  ])
    t.equal(toPictureUrl(url), null, url)
})
