import type { Answer } from '../answer.ts'
import type { JsonObject } from '../json.ts'
import type { Route } from '../router.ts'
import type { World } from '../world.ts'
import type { Callers, PmsCaller } from './caller.ts'
import { type Catalogue, CHANGE_STAMP, type Item, isListed, LEAKING_ITEM, sections } from './catalogue.ts'
import type { PlaybackState } from './playback-state.ts'
import { container, listContainer, pmsDone, pmsError } from './reply.ts'
import { clipMediaJson, detailsJson, scenesJson } from './small-library.ts'

export interface LibraryOptions {
  readonly world: World
  readonly callers: Callers
  readonly catalogue: Catalogue
  readonly playback: PlaybackState
  /** Base of the URL in which one item repeats the caller's token. */
  readonly serverUrl: () => string
}

/** Sections, items, hubs, search and lists of the library (reference/plex.md#media-server-paths). */
export function libraryRoutes(options: LibraryOptions): Route[] {
  const { world, callers, catalogue } = options
  const toJson = (item: Item, caller: PmsCaller): JsonObject => itemJson(options, item, caller)
  const listed = (): Item[] => catalogue.items.filter((item) => isListed(item, world))
  const listOf = (name: string, choose: (item: Item) => boolean) =>
    callers.any((request, caller) => {
      const entries = listed()
        .filter(choose)
        .map((item) => toJson(item, caller))
      return listContainer(request, { allowSync: false, title1: name }, 'Metadata', entries)
    })
  const playable = (item: Item): boolean => item.part !== null
  const sectionList = callers.any((request, caller) =>
    listContainer(
      request,
      { allowSync: false, title1: 'Plex Library' },
      'Directory',
      sections(world).filter(({ title }) => !world.hiddenLibraries.has(`${caller.account.key} ${title}`))
    )
  )
  return [
    ['GET', '/library/sections', sectionList],
    ['GET', '/library/sections/all', sectionList],
    [
      'GET',
      '/library/sections/{section}',
      callers.any((request) => {
        const found = sections(world).find(({ key }) => key === request.params['section'])
        if (!found) return pmsError(404)
        const views = ['all', 'unwatched', 'recentlyAdded'].map((key) => ({ key, title: key }))
        return container(request, { size: views.length, title1: found['title'], Directory: views })
      })
    ],
    [
      'GET',
      '/library/sections/{section}/all',
      callers.any((request, caller) => {
        const { section } = request.params
        if (!sections(world).some(({ key }) => key === section)) return pmsError(404)
        const entries = catalogue.items
          .filter((item) => item.section === section && item.parent === null)
          .map((item) => toJson(item, caller))
        return listContainer(
          request,
          { allowSync: true, librarySectionID: Number(section) },
          'Metadata',
          entries
        )
      })
    ],
    ['GET', '/library/sections/{section}/search', listOf('Search', playable)],
    ['*', '/library/sections/{section}/refresh', callers.admin(() => pmsDone())],
    ['PUT', '/library/sections/{section}/emptyTrash', callers.admin(() => pmsDone())],
    ['DELETE', '/library/sections/{section}', callers.admin(() => pmsDone())],
    ['GET', '/library/onDeck', listOf('On Deck', (item) => item.type === 'episode')],
    ['GET', '/library/recentlyAdded', listOf('Recently Added', (item) => playable(item) && item.index <= 10)],
    ['GET', '/library/metadata/{key}', callers.any((request, caller) => metadata(options, request, caller))],
    [
      'GET',
      '/library/metadata/{key}/children',
      callers.any((request, caller) => {
        const children = catalogue.children(request.params['key'] ?? '').map((item) => toJson(item, caller))
        return listContainer(request, { allowSync: true }, 'Metadata', children)
      })
    ],
    ['PUT', '/library/metadata/{key}/*', callers.admin(() => pmsDone())],
    ['DELETE', '/library/metadata/{key}', callers.admin(() => pmsDone())],
    [
      'GET',
      '/hubs/search',
      callers.any((request, caller) => {
        const query = (request.query.get('query') ?? '').toLowerCase()
        const found = listed().filter(({ title }) => title.toLowerCase().includes(query))
        const entries = found.map((item) => toJson(item, caller))
        return container(request, {
          size: 1,
          Hub: [{ type: 'movie', title: 'Movies', size: entries.length, Metadata: entries }]
        })
      })
    ],
    [
      'GET',
      '/hubs{rest*}',
      callers.any((request, caller) => {
        const entries = listed()
          .filter(playable)
          .slice(0, 10)
          .map((item) => toJson(item, caller))
        const hub = {
          key: '/hubs/home/continueWatching',
          title: 'Continue Watching',
          type: 'mixed',
          more: false
        }
        return container(request, {
          size: 1,
          allowSync: true,
          Hub: [{ ...hub, size: entries.length, Metadata: entries }]
        })
      })
    ],
    [
      'GET',
      '/playlists',
      callers.any((request, { account }) =>
        listContainer(request, {}, 'Metadata', [
          {
            ratingKey: '3001',
            key: '/playlists/3001/items',
            type: 'playlist',
            title: `List of ${account.title}`
          }
        ])
      )
    ],
    ['GET', '/playlists/{key}/items', listOf('Playlist', (item) => item.type === 'episode')]
  ]
}

function metadata(
  options: LibraryOptions,
  request: { params: Readonly<Record<string, string>> } & Parameters<typeof container>[0],
  caller: PmsCaller
): Answer {
  const wanted = (request.params['key'] ?? '').split(',')
  const found = wanted.flatMap((key) => options.catalogue.find(key) ?? [])
  if (found.length === 0) return pmsError(404)
  const entries = found.map((item) => itemJson(options, item, caller, true))
  return listContainer(
    request,
    { allowSync: true, identifier: 'com.plexapp.plugins.library' },
    'Metadata',
    entries
  )
}

/** `isWhole`: with the streams and scenes that only the page of an item has. */
export function itemJson(
  options: LibraryOptions,
  item: Item,
  caller: PmsCaller,
  isWhole = false
): JsonObject {
  const watched = options.playback.of(caller.account.id, item.ratingKey)
  const key = `/library/metadata/${item.ratingKey}`
  return {
    ratingKey: item.ratingKey,
    key: item.part ? key : `${key}/children`,
    guid: `plex://${item.type}/5d776b59ad5437001f79c6${item.ratingKey}`,
    type: item.type,
    title: item.title,
    ...(item.parent === null ? {} : { parentRatingKey: item.parent }),
    index: item.index,
    librarySectionID: Number(item.section),
    summary: item.summary ?? `About ${item.title} & "others" <1>`,
    year: 1960 + (item.index % 60),
    thumb: `${key}/thumb/${CHANGE_STAMP}`,
    art: `${key}/art/${CHANGE_STAMP}`,
    duration: item.details?.clip?.durationMs ?? 24_000,
    addedAt: 1_700_000_000,
    updatedAt: 1_700_000_000,
    ...(watched.viewCount > 0 ? { viewCount: watched.viewCount } : {}),
    ...(watched.viewOffset > 0 ? { viewOffset: watched.viewOffset } : {}),
    ...(watched.rating === null ? {} : { userRating: watched.rating }),
    ...(item.details && detailsJson(item.details, item, options.catalogue.find)),
    ...(item.details?.clip && item.part && isWhole && scenesJson(item.details.clip, item, item.part)),
    ...(item.part ? { Media: [media(options, item, item.part, caller, isWhole)] } : {})
  }
}

function media(
  options: LibraryOptions,
  item: Item,
  part: NonNullable<Item['part']>,
  caller: PmsCaller,
  isWhole: boolean
): JsonObject {
  const key = `/library/parts/${part.id}/${CHANGE_STAMP}/${encodeURIComponent(part.name)}`
  const clip = item.details?.clip
  if (clip) {
    const chosen = options.playback.chosen(caller.account.id, part.id)
    return clipMediaJson(clip, part, key, chosen, isWhole)
  }
  const leaks =
    item.ratingKey === LEAKING_ITEM
      ? {
          indirectUrl: `${options.serverUrl()}${key}?download=1&X-Plex-Token=${caller.token}`,
          accessToken: caller.token
        }
      : {}
  return {
    id: part.id + 500_000,
    duration: 24_000,
    bitrate: 2000,
    width: 1920,
    height: 1080,
    videoCodec: 'h264',
    container: part.type === 'video/mp4' ? 'mp4' : 'mkv',
    Part: [
      {
        id: part.id,
        key,
        duration: 24_000,
        file: part.file,
        size: part.size,
        container: part.type === 'video/mp4' ? 'mp4' : 'mkv',
        ...leaks,
        Stream: [{ id: part.id + 700_000, streamType: 1, default: true, codec: 'h264', index: 0 }]
      }
    ]
  }
}
