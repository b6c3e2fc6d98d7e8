import t from 'tap'
import type { ServerRole } from '../../../src/domain/roles.ts'
import type { Caller } from '../../../src/forward/local-url.ts'
import { checkParameters, createBodyCheck } from '../../../src/forward/parameters.ts'
import { createPolicy } from '../../../src/forward/policy.ts'
import type { Rule } from '../../../src/forward/policy-table.ts'

const MACHINE = 'c997cf82c4158cb986ccc0e8f829a6f5d5086a63'

function callerOf(role: ServerRole): Caller {
  return { policy: createPolicy({ ownerAdmin: true }), role, machineIdentifier: MACHINE, allows: () => true }
}

/** What is sent for a path with its query, or the code of the problem. */
function ask(method: string, path: string, query: string, role: ServerRole = 'shared'): string {
  const caller = callerOf(role)
  try {
    return checkParameters(caller.policy.find(method, path, role) as Rule, path + query, caller)
  } catch (error) {
    return (error as { code: string }).code
  }
}

function form(method: string, path: string, body: string, role: ServerRole = 'shared'): string {
  const caller = callerOf(role)
  try {
    return createBodyCheck(caller.policy.find(method, path, role) as Rule, caller).checkForm(body)
  } catch (error) {
    return (error as { code: string }).code
  }
}

const NOT_LOCAL = [
  'url=http%3A%2F%2Fevil.test%2Fx',
  'url=https://evil.test/x',
  'url=//evil.test/x',
  'url=%2F%2Fevil.test',
  'url=%2F%5Cevil.test',
  'url=%5C%5Cevil',
  'url=',
  'url',
  'url=file%3A%2F%2F%2Fetc%2Fpasswd',
  'url=/security/token',
  'url=%2Fmyplex%2Faccount',
  'url=%2F%3A%2Fprefs',
  'url=/library/../security/token',
  'url=%2Flibrary%2F%252e%252e%2Fsecurity',
  'url=/status/sessions',
  'url=%2F%3A%2Fscrobble%3Fkey%3D1',
  'url=%2F%3A%2Fprogress%3Fkey%3D1',
  'url=%2Fphoto%2F%3A%2Ftranscode%3Furl%3Dhttp%3A%2F%2Fevil.test',
  '%75rl=http%3A%2F%2Fevil.test',
  'URL=http%3A%2F%2Fevil.test',
  '_url=http%3A%2F%2Fevil.test',
  'url[]=http%3A%2F%2Fevil.test',
  'url%5B0%5D=http%3A%2F%2Fevil.test',
  'url=/library/metadata/1/thumb&url=http%3A%2F%2Fevil.test',
  'path=%2F%3A%2Feventsource%2Fnotifications',
  'path=%2F%3A%2Fwebsockets%2Fnotifications',
  'url=http%3A%2F%2F127.0.0.1%3A32400',
  'url=http%3A%2F%2F127.0.0.1%3A32400%2Fsecurity%2Ftoken',
  'url=http%3A%2F%2F127.0.0.1%3A32400%2F%2Fevil.test',
  'url=http%3A%2F%2F127.0.0.1%3A324000%2Fhubs',
  'url=http%3A%2F%2F127.0.0.1%3A32400%40evil.test%2Fhubs',
  'url=http%3A%2F%2F127.0.0.1%2Fhubs',
  'url=http%3A%2F%2F10.0.0.1%3A32400%2Fhubs',
  'url=%2Flibrary%2Fmetadata%2F1%2Ffile%3Furl%3Dupload%3A%2F%2Fposters%2Fa',
  'url=+%2Fhubs',
  'url=%ff',
  '%ff=1'
]

t.test('a transcoder fetches from its own server only, and without a token', async (t) => {
  const local = (query: string) => ask('GET', '/photo/:/transcode', `?width=1&${query}`)
  const sent = (query: string) => `/photo/:/transcode?width=1&${query}`
  for (const value of [
    '/library/metadata/1/thumb/1700000000',
    '%2Flibrary%2Fmetadata%2F1%2Fthumb%2F1700000000',
    '%2Flibrary%2Fmetadata%2F1%2Fthumb%2F17%3Fa%3D1',
    '%2F%3A%2Fresources%2Fmovie.png'
  ]) {
    t.equal(local(`url=${value}`), sent(`url=${value}`))
  }
  t.equal(
    local('url=%2Flibrary%2Fmetadata%2F1%2Fthumb%2F17%3Fa%3D1%26X-Plex-Token%3Dabc'),
    sent('url=%2Flibrary%2Fmetadata%2F1%2Fthumb%2F17%3Fa%3D1')
  )
  for (const query of NOT_LOCAL) t.equal(local(query), 'USHER_INVALID_REQUEST', query)
  t.equal(ask('GET', '/photo/:/transcode', ''), '/photo/:/transcode')
})

t.test("the server's own address in front of a path, as old clients write it, is cut off", async (t) => {
  for (const host of ['127.0.0.1:32400', 'localhost:32400', 'LOCALHOST:32400', '[::1]:32400']) {
    const url = encodeURIComponent(`http://${host}/library/metadata/1/thumb/17?a=1&X-Plex-Token=abc`)
    t.equal(
      ask('GET', '/photo/:/transcode', `?url=${url}&width=1`),
      '/photo/:/transcode?url=%2Flibrary%2Fmetadata%2F1%2Fthumb%2F17%3Fa%3D1&width=1',
      host
    )
  }
  t.equal(
    ask('GET', '/video/:/transcode/universal/start.m3u8', '?path=http://127.0.0.1:32400/library/metadata/1'),
    '/video/:/transcode/universal/start.m3u8?path=%2Flibrary%2Fmetadata%2F1'
  )
})

t.test('rule 42: the body of a fallback is held to what its query is', async (t) => {
  const path = '/video/:/transcode/universal/fallback'
  t.equal(form('POST', path, 'path=%2Flibrary%2Fmetadata%2F1&a=b'), 'path=%2Flibrary%2Fmetadata%2F1&a=b')
  t.equal(form('POST', path, 'a=b&X-Plex-Token=foreign&x_plex_product=c'), 'a=b')
  for (const body of NOT_LOCAL) t.equal(form('POST', path, body), 'USHER_INVALID_REQUEST', body)
  const caller = callerOf('shared')
  const check = createBodyCheck(caller.policy.find('POST', path, 'shared') as Rule, caller)
  for (const type of [
    'application/x-www-form-urlencoded',
    ' application/x-www-form-urlencoded ; charset=utf-8'
  ]) {
    check.requireType(type)
  }
  for (const type of ['', 'application/json', 'multipart/form-data; boundary=a', 'text/plain', 'image/png']) {
    t.throws(() => check.requireType(type), { code: 'USHER_UNSUPPORTED_MEDIA_TYPE' }, type)
  }
})

t.test('choosing audio and subtitles changes nothing else', async (t) => {
  const put = (query: string) => ask('PUT', '/library/parts/7', query)
  for (const query of [
    '?audioStreamID=1&allParts=1',
    '?subtitleStreamID=0',
    '?audioStreamID=1&subtitleStreamID=2&allParts=1&X-Plex-Language=en',
    '?',
    ''
  ]) {
    t.equal(put(query), `/library/parts/7${query}`)
  }
  for (const query of [
    '?file=x',
    '?audioStreamID=1&streamID=2',
    '?allParts=1&%66ile=x',
    '?url=/hubs',
    '?a',
    '?%ff=1'
  ]) {
    t.equal(put(query), 'USHER_PATH_DENIED', query)
  }
  t.equal(form('PUT', '/library/parts/7', 'audioStreamID=1'), 'audioStreamID=1')
  t.equal(form('PUT', '/library/parts/7', 'file=x'), 'USHER_PATH_DENIED')
})

t.test('a playlist or play queue holds items of this server alone', async (t) => {
  const own = `server://${MACHINE}/com.plexapp.plugins.library`
  for (const [method, path] of [
    ['POST', '/playlists'],
    ['PUT', '/playlists/7'],
    ['PUT', '/playlists/7/items'],
    ['POST', '/playQueues'],
    ['PUT', '/playQueues/7']
  ] as const) {
    const put = (uri: string) => ask(method, path, `?type=video&title=A%0AB&uri=${encodeURIComponent(uri)}`)
    for (const uri of [
      `${own}/library/metadata/1,2,3`,
      `${own}/library/sections/1/all?type=1&sort=titleSort`,
      `${own}/playlists/3/items`,
      `library://0f0f0f0f-0000-4000-8000-000000000001/item/${encodeURIComponent('/library/metadata/1')}`,
      `library:///directory/${encodeURIComponent('/library/sections/1/all?type=1')}`
    ]) {
      t.equal(put(uri), `${path}?type=video&title=A%0AB&uri=${encodeURIComponent(uri)}`, uri)
    }
    t.equal(
      put(`${own}/library/metadata/1?X-Plex-Token=abc`),
      `${path}?type=video&title=A%0AB&uri=${encodeURIComponent(`${own}/library/metadata/1`)}`
    )
    for (const uri of [
      '',
      'http://evil.test/',
      '/library/metadata/1',
      'server://other/com.plexapp.plugins.library/library/metadata/1',
      `server://${MACHINE}@other/com.plexapp.plugins.library/library/metadata/1`,
      `server://${MACHINE}/com.plexapp.plugins.other/library/metadata/1`,
      `server://${MACHINE}/com.plexapp.plugins.library`,
      `${own}/security/token`,
      `${own}/library/../security/token`,
      `${own}//evil.test`,
      `${own}/photo/:/transcode?url=http://evil.test`,
      `${own}/:/scrobble?key=1`,
      'provider://tv.plex.provider.discover/library/metadata/1',
      'library://a/item/%2Fsecurity%2Ftoken',
      'library://a/item/http%3A%2F%2Fevil.test',
      'library://a/item/%252e%252e',
      'library://a/item/%zz',
      'library://a/other/%2Fhubs'
    ]) {
      t.equal(put(uri), 'USHER_INVALID_REQUEST', uri)
    }
    t.equal(ask(method, path, '?title=a&smart=0&playQueueID=7'), `${path}?title=a&smart=0&playQueueID=7`)
  }
})

t.test(
  'an owner sees, chooses and uploads posters, of the server or from where it finds them itself',
  async (t) => {
    const pictures = [
      'upload://posters/0123abcdef',
      'metadata://posters/tv.plex.agents.movie_0123abcdef',
      'media://a/b.bundle/Contents/Thumbnails/thumb1.jpg'
    ]
    for (const [method, path] of [
      ['GET', '/library/metadata/7/file'],
      ['PUT', '/library/metadata/7/poster'],
      ['POST', '/library/metadata/7/posters']
    ] as const) {
      const put = (url: string) => ask(method, path, `?url=${encodeURIComponent(url)}`, 'owner')
      for (const url of [
        ...pictures,
        'https://image.tmdb.org/t/p/original/a.jpg',
        'https://metadata-static.plex.tv/a'
      ]) {
        t.equal(put(url), `${path}?url=${encodeURIComponent(url)}`, url)
      }
      for (const url of [
        '',
        'http://image.tmdb.org/a.jpg',
        'https://image.tmdb.org:8443/a.jpg',
        'https://a@image.tmdb.org/a.jpg',
        'https://image.tmdb.org.evil.test/a.jpg',
        'http://127.0.0.1:32400/a',
        'file:///etc/passwd',
        'upload://posters/../../../etc/passwd',
        'upload://a?b',
        '/library/metadata/1/thumb'
      ]) {
        t.equal(put(url), 'USHER_INVALID_REQUEST', url)
      }
    }
    const inside = encodeURIComponent(`/library/metadata/7/file?url=${encodeURIComponent(pictures[0] ?? '')}`)
    t.equal(
      ask('GET', '/photo/:/transcode', `?url=${inside}`, 'owner'),
      `/photo/:/transcode?url=${inside}`,
      'and sees it made smaller'
    )
    const outside = encodeURIComponent('/library/metadata/7/file?url=https%3A%2F%2Fimage.tmdb.org%2Fa.jpg')
    t.equal(ask('GET', '/photo/:/transcode', `?url=${outside}`, 'owner'), 'USHER_INVALID_REQUEST')
    const caller = callerOf('owner')
    const check = createBodyCheck(
      caller.policy.find('POST', '/library/metadata/7/posters', 'owner') as Rule,
      caller
    )
    for (const type of ['image/jpeg', 'image/png', 'application/octet-stream']) check.requireType(type)
    for (const type of ['', 'multipart/form-data; boundary=a', 'text/plain']) {
      t.throws(() => check.requireType(type), { code: 'USHER_UNSUPPORTED_MEDIA_TYPE' }, type)
    }
  }
)

/** Whether a body of this type may be sent to a path. */
function accepts(method: string, path: string, contentType: string, role: ServerRole = 'owner'): boolean {
  const caller = callerOf(role)
  try {
    createBodyCheck(caller.policy.find(method, path, role) as Rule, caller).requireType(contentType)
    return true
  } catch (error) {
    return (error as { code: string }).code !== 'USHER_UNSUPPORTED_MEDIA_TYPE'
  }
}

t.test('a body whose parameters cannot be checked is refused where they would matter', (t) => {
  const [posters, playlists] = ['/library/metadata/1/posters', '/playlists']
  for (const [path, type, isAccepted] of [
    ['/:/scrobble', 'text/xml', true],
    [playlists, 'text/xml', false],
    [playlists, 'image/png', false],
    [playlists, 'application/x-www-form-urlencoded', true],
    [playlists, ' \tAPPLICATION/x-www-form-urlencoded ; charset=utf-8', true],
    [playlists, 'application/x-www-form-urlencoded2', false],
    [playlists, 'text/plain application/x-www-form-urlencoded', false],
    [posters, 'image/png', true],
    [posters, ' \tIMAGE/jpeg', true],
    [posters, 'application/octet-stream', true],
    [posters, 'text/image/png', false],
    [posters, 'ximage/png', false],
    [posters, 'multipart/mixed; image/png', false],
    [posters, 'text/xml', false]
  ] as const)
    t.equal(accepts('POST', path, type), isAccepted, `${path} ${type}`)
  t.end()
})

t.test('beside a picture’s address other parameters pass as they are', (t) => {
  const query = '?url=https%3A%2F%2Fimage.tmdb.org%2Fa.jpg&includeExternalMedia=1'
  t.equal(ask('POST', '/library/metadata/1/posters', query, 'owner'), `/library/metadata/1/posters${query}`)
  t.end()
})
