import type { JsonObject } from '../json.ts'
import type { Route } from '../router.ts'
import type { World } from '../world.ts'
import type { Callers, PmsHandler } from './caller.ts'
import type { Item } from './catalogue.ts'
import { itemJson, type LibraryOptions } from './library.ts'
import type { WatchState } from './playback-state.ts'
import { container, listContainer, pmsDone, pmsError } from './reply.ts'

export interface PlayQueue {
  readonly id: number
  readonly accountId: number
  readonly ratingKeys: readonly string[]
}

export interface PlaybackOptions extends LibraryOptions {
  readonly world: World
  readonly callers: Callers
  readonly queues: Map<number, PlayQueue>
}

/** A film counts as seen from here on. */
const WATCHED_FROM = 0.9

/** Playback reports, accepted by every method, and play queues (reference/plex.md#media-server-paths). */
export function playbackRoutes(options: PlaybackOptions): Route[] {
  const { world, callers, catalogue, playback, queues } = options
  const change = (apply: (state: WatchState, query: URLSearchParams, item: Item) => void): PmsHandler => {
    return (request, { account }) => {
      const ratingKey = request.query.get('ratingKey') ?? request.query.get('key') ?? ''
      const item = catalogue.find(ratingKey)
      if (!item) return pmsError(404)
      const state = playback.of(account.id, ratingKey)
      const before = state.viewCount
      apply(state, request.query, item)
      playback.noteChange(state)
      if (state.viewCount > before) {
        playback.history.push({
          accountId: account.id,
          ratingKey,
          viewedAt: Math.floor(world.clock.now() / 1000)
        })
      }
      return pmsDone()
    }
  }
  const report = change((state, query, item) => {
    const before = state.viewOffset
    state.state = query.get('state')
    state.viewOffset = Number(query.get('time') ?? 0)
    const length = item.details?.clip?.durationMs
    if (length === undefined || state.viewOffset < length * WATCHED_FROM) return
    // It counts once, however often a player reports from the credits.
    if (before > 0 || state.viewCount === 0) state.viewCount++
    state.viewOffset = 0
  })
  const rate = change((state, query) => {
    state.rating = Number(query.get('rating'))
  })
  const watched = change((state) => {
    state.viewCount++
    state.viewOffset = 0
  })
  const unwatched = change((state) => {
    state.viewCount = 0
    state.viewOffset = 0
  })
  return [
    ['*', '/:/timeline', callers.any((request, caller) => timeline(request, caller, report))],
    ['*', '/:/progress', callers.any(report)],
    ['*', '/:/scrobble', callers.any(watched)],
    ['*', '/:/unscrobble', callers.any(unwatched)],
    ['*', '/:/rate', callers.any(rate)],
    [
      'POST',
      '/playQueues',
      callers.any((request, caller) => {
        const key = /metadata(?:%2F|\/)(\d+)/.exec(request.query.get('uri') ?? '')?.[1] ?? ''
        if (!catalogue.find(key)) return pmsError(400)
        const queue = { id: 4000 + queues.size + 1, accountId: caller.account.id, ratingKeys: [key] }
        queues.set(queue.id, queue)
        return container(request, queueJson(options, queue, caller))
      })
    ],
    [
      'GET',
      '/playQueues/{id}',
      callers.any((request, caller) => {
        const queue = queues.get(Number(request.params['id']))
        if (!queue || queue.accountId !== caller.account.id) return pmsError(404)
        return container(request, queueJson(options, queue, caller))
      })
    ],
    [
      'GET',
      '/status/sessions/history/all',
      callers.any((request, caller) => {
        const rows = playback.history
          .filter(({ accountId }) => caller.role === 'admin' || accountId === caller.account.id)
          .map(
            (row): JsonObject => ({
              ...row,
              accountID: row.accountId,
              key: `/library/metadata/${row.ratingKey}`
            })
          )
        return listContainer(request, {}, 'Metadata', rows)
      })
    ]
  ]
}

const timeline: (...args: [...Parameters<PmsHandler>, PmsHandler]) => ReturnType<PmsHandler> = async (
  request,
  caller,
  report
) => {
  const done = await report(request, caller)
  return done.status === 200 ? container(request, { size: 0 }) : done
}

function queueJson(
  options: PlaybackOptions,
  queue: PlayQueue,
  caller: Parameters<PmsHandler>[1]
): JsonObject {
  const items = queue.ratingKeys.flatMap((key) => options.catalogue.find(key) ?? [])
  return {
    size: items.length,
    identifier: 'com.plexapp.plugins.library',
    playQueueID: queue.id,
    playQueueSelectedItemID: queue.id * 10,
    playQueueSelectedItemOffset: 0,
    playQueueTotalCount: items.length,
    playQueueVersion: 1,
    Metadata: items.map((item, index) => ({
      ...itemJson(options, item, caller),
      playQueueItemID: queue.id * 10 + index
    }))
  }
}
