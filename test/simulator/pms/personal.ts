import type { Route } from '../router.ts'
import type { Callers } from './caller.ts'
import type { Catalogue } from './catalogue.ts'
import type { PlaybackState } from './playback-state.ts'
import { container, listContainer, pmsDone } from './reply.ts'

/**
 * What each account changes for itself, and further views of the library (reference/plex.md#media-server-paths): only
 * that they are reached is of interest, so they answer with what is empty.
 */
export function personalRoutes(callers: Callers, catalogue: Catalogue, playback: PlaybackState): Route[] {
  const done = callers.any(() => pmsDone())
  const list = callers.any((request) => listContainer(request, {}, 'Metadata', []))
  const playlist = callers.any((request) =>
    container(request, {
      size: 1,
      Metadata: [{ ratingKey: '3002', type: 'playlist', title: request.query.get('title') ?? '' }]
    })
  )
  return [
    [
      'PUT',
      '/library/parts/{id}',
      callers.any(({ params, query }, { account }) => {
        const part = catalogue.part(Number(params['id']))
        if (part) {
          const choice = playback.chosen(account.id, part.id)
          choice.audio = Number(query.get('audioStreamID') ?? choice.audio)
          choice.subtitles = Number(query.get('subtitleStreamID') ?? choice.subtitles)
        }
        return pmsDone()
      })
    ],
    ['PUT', '/actions/removeFromContinueWatching', done],
    ['POST', '/playlists', playlist],
    ['PUT', '/playlists/{key}', done],
    ['DELETE', '/playlists/{key}', done],
    ['PUT', '/playlists/{key}/items', playlist],
    ['DELETE', '/playlists/{key}/items', done],
    ['DELETE', '/playlists/{key}/items/{item}', done],
    ['PUT', '/playlists/{key}/items/{item}/move', done],
    ['DELETE', '/playQueues/{id}/items/{item}', done],
    ['GET', '/library/search', list],
    ['GET', '/library/tags', list],
    ['GET', '/library/shared/all', list],
    ['GET', '/library/sections/{section}/computePath', list],
    ['GET', '/library/sections/{section}/mood/{tag}', list],
    ['GET', '/library/sections/{section}/style/{tag}', list],
    ['GET', '/library/sections/{section}/collection/{tag}', list],
    [
      'GET',
      '/library/metadata/{key}/posters',
      callers.admin((request) =>
        listContainer(request, {}, 'Metadata', [
          {
            key: `/library/metadata/${request.params['key']}/file?url=upload%3A%2F%2Fposters%2Fa1`,
            ratingKey: 'upload://posters/a1',
            thumb: `/library/metadata/${request.params['key']}/file?url=upload%3A%2F%2Fposters%2Fa1`,
            selected: true
          }
        ])
      )
    ],
    ['POST', '/library/metadata/{key}/posters', callers.admin(() => pmsDone())],
    ['PUT', '/library/metadata/{key}/poster', callers.admin(() => pmsDone())]
  ]
}
