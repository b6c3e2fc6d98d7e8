import type { Answer } from '../answer.ts'
import type { JsonObject } from '../json.ts'
import type { SimRequest } from '../request.ts'
import type { Route } from '../router.ts'
import type { PmsCaller } from './caller.ts'
import { type Item, isListed } from './catalogue.ts'
import { itemJson, type LibraryOptions } from './library.ts'
import { container, listContainer } from './reply.ts'
import { continueWatching, FILMS_SECTION, SERIES_SECTION } from './small-library.ts'

const SHELF_LENGTH = 12

/** Hubs, lists and search of the small library; with the numbered one, library.ts answers these paths. */
export function hubRoutes(options: LibraryOptions): Route[] {
  const { world, callers, catalogue, playback } = options
  const listed = (): Item[] => catalogue.items.filter((item) => isListed(item, world))
  const hub = (
    caller: PmsCaller,
    [hubIdentifier, title, type]: readonly [string, string, string],
    items: readonly Item[]
  ): JsonObject[] =>
    items.length === 0
      ? []
      : [
          {
            key: `/hubs/${hubIdentifier.replaceAll('.', '/')}`,
            hubIdentifier,
            title,
            type,
            more: items.length > SHELF_LENGTH,
            size: Math.min(items.length, SHELF_LENGTH),
            Metadata: items.slice(0, SHELF_LENGTH).map((item) => itemJson(options, item, caller))
          }
        ]
  const begun = (caller: PmsCaller): Item[] => continueWatching(listed(), playback, caller.account.id)
  const going = (caller: PmsCaller): JsonObject[] =>
    hub(caller, ['home.continue', 'Continue Watching', 'mixed'], begun(caller))
  const ofType = (type: Item['type']): Item[] => listed().filter((item) => item.type === type)
  const genre = (caller: PmsCaller, tag: string): JsonObject[] => {
    const films = ofType('movie').filter(({ details }) => details?.invented.genres.includes(tag))
    return hub(caller, [`movie.genre.${tag.toLowerCase().replaceAll(' ', '-')}`, tag, 'movie'], films)
  }
  const shelves = (caller: PmsCaller, section?: string): JsonObject[] => [
    ...(section === undefined ? going(caller) : []),
    ...(section === SERIES_SECTION
      ? []
      : hub(caller, ['home.movies.recent', 'Recently Added Films', 'movie'], ofType('movie').toReversed())),
    ...(section === FILMS_SECTION
      ? []
      : hub(caller, ['home.television.recent', 'Recently Added Series', 'show'], ofType('show'))),
    ...(section === SERIES_SECTION
      ? []
      : ['Science Fiction', 'Drama', 'Fantasy'].flatMap((tag) => genre(caller, tag)))
  ]
  const hubs =
    (choose: (caller: PmsCaller, request: SimRequest) => JsonObject[]) =>
    (request: SimRequest, caller: PmsCaller): Answer => {
      const Hub = choose(caller, request)
      return container(request, { size: Hub.length, allowSync: true, Hub })
    }
  const related = (caller: PmsCaller, { params }: SimRequest): JsonObject[] => {
    const genres = catalogue.find(params['key'] ?? '')?.details?.invented.genres ?? []
    const similar = ofType('movie').filter(
      ({ ratingKey, details }) =>
        ratingKey !== params['key'] && details?.invented.genres.some((tag) => genres.includes(tag))
    )
    return hub(caller, ['movie.similar', 'More Like This', 'movie'], similar)
  }
  const find = (caller: PmsCaller, { query }: SimRequest): JsonObject[] => {
    const words = (query.get('query') ?? '').toLowerCase()
    const fits = ({ title, details }: Item): boolean =>
      [title, ...(details?.invented.cast ?? []).map(([name]) => name)].some((text) =>
        text.toLowerCase().includes(words)
      )
    const kinds = [
      ['movie', 'Films'],
      ['show', 'Series'],
      ['episode', 'Episodes']
    ] as const
    return words === ''
      ? []
      : kinds.flatMap(([type, title]) => hub(caller, [type, title, type], ofType(type).filter(fits)))
  }
  return [
    ['GET', '/hubs', callers.any(hubs((caller) => shelves(caller)))],
    ['GET', '/hubs/promoted', callers.any(hubs((caller) => shelves(caller)))],
    ['GET', '/hubs/continueWatching', callers.any(hubs(going))],
    ['GET', '/hubs/search', callers.any(hubs(find))],
    ['GET', '/hubs/metadata/{key}/related', callers.any(hubs(related))],
    [
      'GET',
      '/hubs/sections/{section}',
      callers.any(hubs((caller, { params }) => shelves(caller, params['section'])))
    ],
    [
      'GET',
      '/library/search',
      callers.any((request, caller) => {
        const found = find(caller, request).flatMap(({ Metadata }) => Metadata as JsonObject[])
        const SearchResult = found.map((Metadata, place) => ({ score: 1 / (place + 1), Metadata }))
        return container(request, { size: SearchResult.length, SearchResult })
      })
    ],
    ...['/library/onDeck', '/hubs/continueWatching/items', '/hubs/home/continue'].map(
      (path): Route => [
        'GET',
        path,
        callers.any((request, caller) => {
          const items = begun(caller).map((item) => itemJson(options, item, caller))
          return listContainer(request, {}, 'Metadata', items)
        })
      ]
    ),
    [
      'GET',
      '/library/recentlyAdded',
      callers.any((request, caller) => {
        const items = [...ofType('show'), ...ofType('movie').toReversed()]
        const entries = items.map((item) => itemJson(options, item, caller))
        return listContainer(request, {}, 'Metadata', entries)
      })
    ]
  ]
}
