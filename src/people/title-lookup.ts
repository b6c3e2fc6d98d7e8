import { createLruMap } from '../domain/lru-map.ts'
import type { MediaServer } from '../plex/media-server.ts'
import type { TitledItem } from '../plex/titled-item.ts'

export interface TitleLookup {
  /** What is known now. */
  of(item: string): string | null
  /**
   * Asks the media server about items that are not known, when somebody looks at a list of streams. Resolves when it
   * has answered, or after a second; never rejects.
   */
  look(items: readonly string[], by: TitleToken): Promise<void>
}

export interface TitleToken {
  readonly token: string
  readonly clientIdentifier: string
  /** Only the owner may ask what others play. */
  readonly isOwner: boolean
}

export interface TitleLookupOptions {
  /** Null if each session picks its own server. */
  readonly mediaServer: Pick<MediaServer, 'titledItems'> | null
  readonly now: () => number
}

const MAX_TITLES = 5000
/** A page of lists is read again every second. What stays unknown is asked for this often by each browser. */
const EVERY_MS = 10_000
const MAX_BROWSERS = 1000
const WAIT_MS = 1000
const MOST_ITEMS = 50

/**
 * Titles of what is playing, by the media server: two calls at most in ten seconds for each browser that looks, so that
 * none of them takes another's turn, and none while nobody looks.
 */
export function createTitleLookup({ mediaServer, now }: TitleLookupOptions): TitleLookup {
  const titles = createLruMap<string, string>(MAX_TITLES)
  const turns = createLruMap<string, { readonly askedAt: number; readonly asking: Promise<void> }>(
    MAX_BROWSERS
  )

  function learn(items: readonly TitledItem[]): void {
    for (const { title, itemId, partIds, transcodeIds } of items) {
      if (itemId !== null) titles.set(`item ${itemId}`, title)
      for (const id of partIds) titles.set(`part ${id}`, title)
      for (const id of transcodeIds) titles.set(`transcode ${id}`, title)
    }
  }

  const unknownOf = (items: readonly string[]) => items.filter((item) => !titles.has(item))

  async function ask(server: Pick<MediaServer, 'titledItems'>, items: readonly string[], by: TitleToken) {
    const { token, clientIdentifier, isOwner } = by
    if (isOwner) learn(await server.titledItems('playing', token, clientIdentifier))
    const ids = unknownOf(items).flatMap((item) => /^item (\d+)$/.exec(item)?.[1] ?? [])
    if (ids.length > 0) learn(await server.titledItems(ids.slice(0, MOST_ITEMS), token, clientIdentifier))
  }

  return {
    of: (item) => titles.get(item) ?? null,
    async look(items, by) {
      const unknown = unknownOf(items)
      if (mediaServer === null || unknown.length === 0) return
      const time = now()
      let turn = turns.get(by.clientIdentifier)
      if (turn === undefined || Math.abs(time - turn.askedAt) >= EVERY_MS) {
        // Away, or refused: the list shows what is known.
        turn = { askedAt: time, asking: ask(mediaServer, unknown, by).catch(() => undefined) }
        turns.set(by.clientIdentifier, turn)
      }
      let timer: NodeJS.Timeout | undefined
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, WAIT_MS)
      })
      await Promise.race([turn.asking, patience])
      clearTimeout(timer)
    }
  }
}
