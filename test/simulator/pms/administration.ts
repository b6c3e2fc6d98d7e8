import type { JsonObject } from '../json.ts'
import type { Route } from '../router.ts'
import type { SimServer } from '../servers.ts'
import type { World } from '../world.ts'
import { toXml } from '../xml.ts'
import type { Callers } from './caller.ts'
import type { Catalogue } from './catalogue.ts'
import type { PlaybackState } from './playback-state.ts'
import { container, pmsDone, pmsError } from './reply.ts'
import type { Transcode } from './transcode.ts'

// What a shared user gets 403 for, and what Usher must never open (reference/plex.md#never-forwarded).
const ADMIN_PATHS = [
  '/activities',
  '/butler{rest*}',
  '/clients',
  '/devices',
  '/diagnostics/{rest*}',
  '/library/caches',
  '/library/clean/{rest*}',
  '/library/file',
  '/library/optimize',
  '/livetv/dvrs{rest*}',
  '/log{rest*}',
  '/media/grabbers{rest*}',
  '/media/providers/metadata{rest*}',
  '/playlists/upload',
  '/services/browse{rest*}',
  '/statistics/{rest*}',
  '/system{rest*}',
  '/updater/{rest*}'
]

export interface AdministrationOptions {
  readonly world: World
  readonly server: SimServer
  readonly callers: Callers
  readonly catalogue: Catalogue
  readonly running: Map<string, Transcode>
  readonly playback: PlaybackState
}

/** Sessions, preferences, the owner's account and everything else for the owner only. */
export function administrationRoutes(options: AdministrationOptions): Route[] {
  const { world, server, callers } = options
  return [
    ['GET', '/status/sessions', callers.admin((request) => container(request, sessions(options)))],
    [
      '*',
      '/status/sessions/terminate',
      callers.admin((request) => {
        const id = request.query.get('sessionId') ?? ''
        if (id === '') return pmsError(403)
        return options.running.delete(id) ? pmsDone() : pmsError(404)
      })
    ],
    ['GET', '/:/prefs', callers.admin((request) => container(request, PREFERENCES))],
    ['PUT', '/:/prefs', callers.admin(() => pmsDone())],
    [
      'GET',
      '/myplex/account',
      callers.admin((request) => myPlexAccount(world, server, request.plex('Token') ?? ''))
    ],
    [
      'DELETE',
      '/myplex/account',
      callers.admin(() => {
        server.claimed = false
        return pmsDone()
      })
    ],
    ['GET', '/accounts', callers.admin(() => accounts(world))],
    ['GET', '/media/providers', callers.any((request) => container(request, { size: 0, MediaProvider: [] }))],
    ['*', '/media/providers', callers.admin(() => pmsDone())],
    ...ADMIN_PATHS.map(
      (path): Route => ['*', path, callers.admin((request) => container(request, { size: 0 }))]
    ),
    ['*', '/player/{rest*}', callers.any(() => pmsDone())],
    ['GET', '/web{rest*}', () => ({ status: 301, headers: { Location: '/web/index.html' }, body: '' })]
  ]
}

const PREFERENCES: JsonObject = {
  size: 2,
  Setting: [
    {
      id: 'FriendlyName',
      label: 'Friendly name',
      summary: '',
      type: 'text',
      default: '',
      value: 'Box',
      hidden: false,
      advanced: false,
      group: 'general'
    },
    {
      id: 'allowedNetworks',
      label: 'List of IP addresses and networks that are allowed without auth',
      summary: '',
      type: 'text',
      default: '',
      value: '',
      hidden: false,
      advanced: true,
      group: 'network'
    }
  ]
}

function sessions({ world, catalogue, running, playback }: AdministrationOptions): JsonObject {
  const transcodes = [...running.values()]
  const entries = [...transcodes, ...playback.playing()].map((playing, index): JsonObject => {
    const account = world.accounts.byId(playing.accountId)
    const item = catalogue.find(playing.ratingKey)
    const show = item?.parent == null ? undefined : catalogue.find(catalogue.find(item.parent)?.parent ?? '')
    const session = 'session' in playing ? String(playing.session) : null
    return {
      sessionKey: String(index + 1),
      ratingKey: playing.ratingKey,
      ...(show && { grandparentTitle: show.title }),
      title: item?.title ?? '',
      ...(item?.part && { Media: [{ id: '1', Part: [{ id: String(item.part.id) }] }] }),
      User: { id: String(account?.id ?? 1), thumb: '', title: account?.title ?? '' },
      Player: {
        address: '127.0.0.1',
        machineIdentifier: 'player',
        state: 'playing',
        title: 'Chrome',
        local: true
      },
      Session: { id: session ?? `session-${index + 1}`, bandwidth: 2000, location: 'lan' },
      ...(session !== null && { TranscodeSession: { key: `/transcode/sessions/${session}` } })
    }
  })
  return { size: entries.length, Metadata: entries }
}

function myPlexAccount(world: World, server: SimServer, token: string) {
  const account = {
    authToken: token,
    username: world.accounts.get(server.owner).email,
    mappingState: 'mapped',
    mappingError: '',
    signInState: 'ok',
    publicAddress: '203.0.113.7',
    publicPort: '32400',
    privateAddress: '172.18.0.3',
    privatePort: '32400',
    subscriptionFeatures: 'home,session_kick',
    subscriptionActive: true,
    subscriptionState: 'Active'
  }
  return {
    status: 200,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ MyPlex: account })
  }
}

function accounts(world: World) {
  const entries = world.accounts.all.map(({ id, title }) => ({
    id,
    key: `/accounts/${id}`,
    name: title,
    thumb: ''
  }))
  const content = { size: entries.length, identifier: 'com.plexapp.system.accounts', Account: entries }
  return {
    status: 200,
    headers: { 'Content-Type': 'text/xml;charset=utf-8' },
    body: toXml('MediaContainer', content, 'flat')
  }
}
