import t from 'tap'
import type { ServerRole } from '../../../src/domain/roles.ts'
import { createPolicy } from '../../../src/forward/policy.ts'
import { POLICY_TABLE, type Rule } from '../../../src/forward/policy-table.ts'

const ROLES: readonly ServerRole[] = ['shared', 'home', 'owner']
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'CONNECT', 'get']

// reference/plex.md#never-forwarded by name, and reference/http.md#pms.
const NEVER = [
  '/security/token',
  '/security/resources',
  '/security',
  '/myplex/account',
  '/myplex/claim',
  '/accounts',
  '/accounts/1',
  '/devices',
  '/clients',
  '/:/prefs',
  '/:/prefs/get',
  '/butler',
  '/butler/BackupDatabase',
  '/updater/status',
  '/updater/apply',
  '/diagnostics/logs',
  '/diagnostics/databases',
  '/log',
  '/log/networked',
  '/logs',
  '/services/browse',
  '/services/browse/L2V0Yw==',
  '/system/agents',
  '/system/settings',
  '/media/providers/metadata',
  '/media/providers/1',
  '/media/grabbers',
  '/media/grabbers/devices/1',
  '/livetv/dvrs',
  '/livetv/dvrs/1/reloadGuide',
  '/statistics/bandwidth',
  '/statistics/media',
  '/status/sessions/terminate',
  '/playlists/upload',
  '/library/file',
  '/library/caches',
  '/library/clean/bundles',
  '/library/optimize',
  '/player/playback/playMedia',
  '/player/proxy/poll',
  '/web',
  '/web/index.html',
  '/sync/items',
  '/servers'
]

t.test('paths of the never list are refused to every role, by every method, with owner paths open', (t) => {
  const policy = createPolicy({ ownerAdmin: true })
  for (const path of NEVER) {
    for (const method of METHODS) {
      for (const role of ROLES) t.equal(policy.find(method, path, role), null, `${method} ${path} ${role}`)
    }
  }
  for (const method of ['POST', 'DELETE', 'PUT']) {
    t.equal(policy.find(method, '/media/providers', 'owner'), null, `${method} /media/providers`)
  }
  t.end()
})

t.test('what real clients ask for first is open to every role, with and without a trailing slash', (t) => {
  const policy = createPolicy({ ownerAdmin: false })
  for (const role of ROLES) {
    for (const path of [
      '/',
      '/library',
      '/library/',
      '/library/sections/',
      '/identity',
      '/hubs/',
      '/playlists/'
    ]) {
      t.ok(policy.find('GET', path, role), `GET ${path} ${role}`)
      t.ok(policy.find('HEAD', path, role), `HEAD ${path} ${role}`)
    }
  }
  t.end()
})

/** Every path that a row names, its alternatives one by one. */
function pathsOf(pattern: string): readonly string[] {
  let paths = ['']
  for (const segment of pattern.slice(1).split('/')) {
    const names = segment.replace('{ids}', '12').replace('{any}', 'x').replace('{rest}', 'a/b').split('|')
    paths = paths.flatMap((path) => names.map((name) => `${path}/${name}`))
  }
  return paths
}

t.test(
  'rule 40: every row opens its own paths, to its own methods and roles, and nothing beside them',
  (t) => {
    const opened = createPolicy({ ownerAdmin: true })
    const closed = createPolicy({ ownerAdmin: false })
    const methods = new Map<string, Set<string>>()
    for (const rule of POLICY_TABLE) {
      for (const path of pathsOf(rule.pattern)) {
        methods.set(path, new Set([...(methods.get(path) ?? []), ...rule.methods]))
      }
    }
    for (const rule of POLICY_TABLE) {
      for (const path of pathsOf(rule.pattern)) {
        const problems: string[] = []
        const expect = (
          policy: typeof opened,
          method: string,
          asked: string,
          role: ServerRole,
          open: boolean
        ) => {
          if ((policy.find(method, asked, role) !== null) !== open)
            problems.push(`${method} ${asked} ${role} ${open}`)
        }
        for (const method of rule.methods) {
          for (const role of ROLES) {
            expect(opened, method, path, role, ROLES.indexOf(role) >= ROLES.indexOf(rule.least))
            expect(closed, method, path, role, rule.admin !== true)
          }
          expect(opened, method, `${path === '/' ? '' : path}${'/z'.repeat(7)}`, 'owner', false)
          if (path !== '/') expect(opened, method, path.toUpperCase().replace('/:', '/;'), 'owner', false)
        }
        for (const method of METHODS) {
          const asked = method === 'HEAD' ? 'GET' : method
          if (!methods.get(path)?.has(asked)) expect(opened, method, path, 'owner', false)
        }
        t.strictSame(problems, [], path)
      }
    }
    t.end()
  }
)

t.test('what the filters of a library and a music player ask for is open, to be read only', (t) => {
  const policy = createPolicy({ ownerAdmin: true })
  for (const path of [
    '/library/sections/1/collection',
    '/library/sections/1/writer',
    '/library/sections/1/producer',
    '/library/sections/1/mood',
    '/library/sections/1/style',
    '/library/sections/1/network',
    '/library/sections/1/audioLanguage',
    '/library/sections/1/subtitleLanguage',
    '/library/sections/1/autocomplete',
    '/library/streams/7/levels',
    '/library/streams/7/loudness'
  ]) {
    t.match(policy.find('GET', path, 'shared'), { class: 'api' }, path)
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) t.equal(policy.find(method, path, 'owner'), null)
  }
  for (const path of [
    '/library/sections/1/location',
    '/library/sections/1/trash',
    '/library/sections/1/prefs',
    '/library/sections/1/mood/1/2',
    '/library/sections/1/writer/1',
    '/library/sections/1/autocomplete/x',
    '/library/sections/x/autocomplete',
    '/library/streams/x/levels',
    '/library/streams/7/other'
  ]) {
    t.equal(policy.find('GET', path, 'owner'), null, path)
  }
  t.end()
})

t.test('what each account changes for itself is open to every role', (t) => {
  const policy = createPolicy({ ownerAdmin: false })
  for (const [method, path] of [
    ['PUT', '/library/parts/7'],
    ['GET', '/:/progress'],
    ['PUT', '/actions/removeFromContinueWatching'],
    ['POST', '/playlists'],
    ['PUT', '/playlists/7'],
    ['DELETE', '/playlists/7'],
    ['PUT', '/playlists/7/items'],
    ['DELETE', '/playlists/7/items'],
    ['DELETE', '/playlists/7/items/9'],
    ['PUT', '/playlists/7/items/9/move'],
    ['DELETE', '/playQueues/7/items/9'],
    ['GET', '/library/search'],
    ['GET', '/library/tags'],
    ['GET', '/library/shared/all'],
    ['GET', '/library/sections/1/computePath'],
    ['GET', '/library/sections/1/mood/7'],
    ['GET', '/library/sections/1/style/7'],
    ['GET', '/library/sections/1/collection/7'],
    ['GET', '/hubs/sections/1/continueWatching/items']
  ] as const) {
    for (const role of ROLES) t.ok(policy.find(method, path, role), `${method} ${path} ${role}`)
  }
  for (const [method, path] of [
    ['DELETE', '/library/metadata/7'],
    ['DELETE', '/library/parts/7'],
    ['DELETE', '/library/sections/1'],
    ['DELETE', '/library/collections/7'],
    ['DELETE', '/playQueues/7'],
    ['DELETE', '/playlists'],
    ['POST', '/playlists/upload'],
    ['GET', '/actions/removeFromContinueWatching'],
    ['PUT', '/actions/addToWatchlist'],
    ['GET', '/library/parts/7'],
    ['POST', '/library/parts/7']
  ] as const) {
    t.equal(policy.find(method, path, 'owner'), null, `${method} ${path}`)
  }
  t.end()
})

t.test('administrative paths need the owner role and the setting', (t) => {
  const closed = createPolicy({ ownerAdmin: false })
  const opened = createPolicy({ ownerAdmin: true })
  for (const [method, path] of [
    ['GET', '/status/sessions'],
    ['GET', '/library/sections/1/refresh'],
    ['PUT', '/library/metadata/1'],
    ['GET', '/library/metadata/1/file'],
    ['PUT', '/library/metadata/1/poster'],
    ['POST', '/library/metadata/1/posters']
  ] as const) {
    for (const role of ROLES) t.equal(closed.find(method, path, role), null, `${method} ${path} ${role}`)
    t.equal(opened.find(method, path, 'shared'), null)
    t.equal(opened.find(method, path, 'home'), null)
    t.match(opened.find(method, path, 'owner'), { admin: true })
  }
  t.end()
})

t.test('a GET that changes something is marked unsafe', (t) => {
  const policy = createPolicy({ ownerAdmin: true })
  for (const path of [
    '/:/scrobble',
    '/:/unscrobble',
    '/:/rate',
    '/:/timeline',
    '/:/progress',
    '/video/:/transcode/universal/stop',
    '/library/sections/1/refresh'
  ]) {
    t.match(policy.find('GET', path, 'owner'), { unsafe: true }, path)
    t.match(policy.find('HEAD', path, 'owner'), { unsafe: true }, path)
  }
  t.equal(policy.find('GET', '/library/metadata/1', 'owner')?.unsafe, undefined)
  t.end()
})

t.test('paths sort into their classes', (t) => {
  const policy = createPolicy({ ownerAdmin: false })
  const classOf = (path: string) => policy.find('GET', path, 'shared')?.class
  t.equal(classOf('/library/parts/7/1700000000/file.mkv'), 'media')
  t.equal(classOf('/video/:/transcode/universal/start.m3u8'), 'media')
  t.equal(classOf('/video/:/transcode/universal/session/abc/base/00001.ts'), 'media')
  t.equal(classOf('/:/eventsource/notifications'), 'event')
  t.equal(classOf('/:/websocket/notifications'), 'upgrade')
  t.equal(classOf('/:/websockets/notifications'), 'upgrade')
  t.equal(classOf('/photo/:/transcode'), 'api')
  t.equal(classOf('/library/sections/1/all'), 'api')
  t.end()
})

t.test('near misses are refused: case, empty segments, letters for digits, one segment more', (t) => {
  const policy = createPolicy({ ownerAdmin: true })
  for (const path of [
    '',
    'library',
    '//',
    '/Library/sections',
    '/library//sections',
    '/library/sections//',
    '/library/sections/x/all',
    '/library/sections/1/delete',
    '/library/metadata/1/file/x',
    '/library/metadata/abc',
    '/hubs/home/a/b',
    '/identity/x',
    '/video/:/transcode/universal/session',
    '/video/:/transcode/universal/session/a//b',
    '/video/:/transcode/universal/session/a/b/c/d/e/f',
    '/__proto__',
    '/constructor'
  ]) {
    t.equal(policy.find('GET', path, 'owner'), null, path)
  }
  t.end()
})

t.test('where one pattern leads nowhere, a wider one may still match', (t) => {
  const rule = (pattern: string): Rule => ({ methods: ['GET'], pattern, least: 'shared', class: 'api' })
  const table = [rule('/a/b/c'), rule('/a/{ids}/x'), rule('/a/{any}/y'), rule('/a/{rest}')]
  const policy = createPolicy({ ownerAdmin: false, table })
  for (const [path, pattern] of [
    ['/a/b/c', '/a/b/c'],
    ['/a/b/y', '/a/{any}/y'],
    ['/a/1/x', '/a/{ids}/x'],
    ['/a/1/y', '/a/{any}/y'],
    ['/a/1/z', '/a/{rest}'],
    ['/a/b/x', '/a/{rest}'],
    ['/a/b', '/a/{rest}']
  ] as const)
    t.equal(policy.find('GET', path, 'shared')?.pattern, pattern, path)
  t.end()
})
