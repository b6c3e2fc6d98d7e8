import { createClient } from 'usher-client'

/** The one client of the page: on Usher's own origin, it needs no address. */
export const usher = createClient()

/** What the pages read of the media server's items; it sends much more. */
export interface Item {
  readonly ratingKey: string
  readonly type: 'movie' | 'show' | 'season' | 'episode'
  readonly title: string
  readonly thumb?: string
  readonly art?: string
  readonly summary?: string
  readonly tagline?: string
  readonly year?: number
  readonly contentRating?: string
  readonly duration?: number
  readonly viewOffset?: number
  readonly viewCount?: number
  readonly index?: number
  readonly parentIndex?: number
  readonly parentRatingKey?: string
  readonly grandparentTitle?: string
  readonly grandparentThumb?: string
  readonly Genre?: readonly { readonly tag: string }[]
  readonly Director?: readonly { readonly tag: string }[]
  readonly Role?: readonly { readonly tag: string; readonly role?: string }[]
  readonly Chapter?: readonly {
    readonly tag?: string
    readonly startTimeOffset: number
    readonly thumb?: string
  }[]
}

export interface Hub {
  readonly title: string
  readonly hubIdentifier?: string
  readonly Metadata?: readonly Item[]
}

async function read(path: string): Promise<{ Metadata?: readonly Item[]; Hub?: readonly Hub[] }> {
  const response = await usher.pms.fetch(path, { headers: { accept: 'application/json' } })
  return ((await response.json()) as { MediaContainer: object }).MediaContainer
}

const filled = (hubs: readonly Hub[] = []): Hub[] => hubs.filter(({ Metadata }) => Metadata?.length)

export const readHome = async (): Promise<Hub[]> => filled((await read('/hubs?count=12')).Hub)
export const search = async (words: string): Promise<Hub[]> =>
  filled((await read(`/hubs/search?limit=12&query=${encodeURIComponent(words)}`)).Hub)
export const readItem = async (key: string): Promise<Item | undefined> =>
  (await read(`/library/metadata/${key}?includeChapters=1`)).Metadata?.[0]
export const readChildren = async (key: string): Promise<readonly Item[]> =>
  (await read(`/library/metadata/${key}/children`)).Metadata ?? []
/** Not every server has something similar to say. */
export const readRelated = async (key: string): Promise<Hub[]> =>
  filled((await read(`/hubs/metadata/${key}/related?count=12`).catch(() => ({ Hub: [] }))).Hub)

/** "2021 · 1 min · 6", or "S1 · E2 · 1 min". */
export function factsOf({ type, year, duration, contentRating, parentIndex, index }: Item): string {
  const minutes =
    duration !== undefined && type !== 'show' ? `${Math.max(1, Math.round(duration / 60_000))} min` : ''
  const place = type === 'episode' ? `S${parentIndex} · E${index}` : String(year ?? '')
  return [place, minutes, contentRating ?? ''].filter((fact) => fact !== '').join(' · ')
}
