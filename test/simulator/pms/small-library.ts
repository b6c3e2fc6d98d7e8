import { readFileSync } from 'node:fs'
import type { JsonObject } from '../json.ts'
import { type Item, type Part, toPart } from './catalogue.ts'
import { CLIPS, type Clip, type ClipName, clipFile } from './clips.ts'
import type { Drawing } from './drawings.ts'
import { EPISODES, FILMS, type Invented, SERIES } from './films.ts'
import type { PlaybackState } from './playback-state.ts'

export const FILMS_SECTION = '4'
export const SERIES_SECTION = '5'
const FIRST_FILM = 6001
const SERIES_ITEM = 7000
/** With a rating key, the id of a part. */
const PARTS_FROM = 260_000
const VIDEO = 1
const AUDIO = 2
const SUBTITLES = 3

/** What an item of the small library is, beyond what every item has. */
export interface Details {
  readonly invented: Invented
  /** What is played; null for what has no file of its own. */
  readonly clip: Clip | null
}

/** A dozen invented films and a series, all of which can be played. Every other one is a file that browsers play. */
export function smallLibrary(): Item[] {
  const films = FILMS.map((invented, place): Item => {
    const clip = place % 2 === 0 ? 'tide' : 'ember'
    return itemOf(FIRST_FILM + place, 'movie', invented, null, place + 1, clip)
  })
  const show = itemOf(SERIES_ITEM, 'show', SERIES, null, 1)
  const seasons = EPISODES.flatMap((episodes, place) => {
    const number = place + 1
    const key = SERIES_ITEM + number * 100
    const season = itemOf(key, 'season', { ...SERIES, title: `Season ${number}` }, show, number)
    const entries = episodes.map(([title, summary], index) =>
      itemOf(
        key + index + 1,
        'episode',
        { ...SERIES, title, summary },
        season,
        index + 1,
        index % 2 === 0 ? 'ember' : 'tide'
      )
    )
    return [season, ...entries]
  })
  return [...films, show, ...seasons]
}

function itemOf(
  key: number,
  type: Item['type'],
  invented: Invented,
  parent: Item | null,
  index: number,
  clip?: ClipName
): Item {
  const { title, summary } = invented
  return {
    ratingKey: String(key),
    section: type === 'movie' ? FILMS_SECTION : SERIES_SECTION,
    type,
    title,
    summary,
    parent: parent?.ratingKey ?? null,
    index,
    part: clip === undefined ? null : partOf(key, title, CLIPS[clip]),
    details: { invented, clip: clip === undefined ? null : CLIPS[clip] }
  }
}

function partOf(key: number, title: string, { name, file, type, container }: Clip): Part {
  return toPart(PARTS_FROM + key, `${title}.${container}`, clipFile(name, file).length, type)
}

export type Find = (ratingKey: string) => Item | undefined

/** The members that lists have too. */
export function detailsJson({ invented }: Details, item: Item, find: Find): JsonObject {
  const { year, genres, tagline, contentRating, studio, director, cast } = invented
  const parent = item.parent === null ? undefined : find(item.parent)
  const grandparent = parent?.parent == null ? undefined : find(parent.parent)
  return {
    year,
    contentRating,
    studio,
    originallyAvailableAt: `${year}-0${1 + (item.index % 9)}-14`,
    addedAt: 1_700_000_000 + Number(item.ratingKey),
    ...(tagline !== undefined && { tagline }),
    ...(item.type !== 'season' && item.type !== 'episode' && { Genre: genres.map((tag) => ({ tag })) }),
    ...(director !== undefined && { Director: [{ tag: director }] }),
    Role: cast.map(([tag, role]) => ({ tag, role })),
    ...relation('parent', parent),
    ...relation('grandparent', grandparent)
  }
}

function relation(name: 'parent' | 'grandparent', item: Item | undefined): JsonObject {
  if (item === undefined) return {}
  const key = `/library/metadata/${item.ratingKey}`
  return {
    [`${name}RatingKey`]: item.ratingKey,
    [`${name}Key`]: key,
    [`${name}Title`]: item.title,
    [`${name}Thumb`]: `${key}/thumb/1`,
    ...(name === 'parent' && { parentIndex: item.index })
  }
}

/** Chapters and markers, which only the page of an item has. */
export function scenesJson(clip: Clip, item: Item, part: Part): JsonObject {
  const { durationMs } = clip
  const third = durationMs / 4
  return {
    Chapter: ['Opening', 'The turn', 'The long way', 'Landfall'].map((tag, place) => ({
      id: part.id * 10 + place,
      index: place + 1,
      tag,
      startTimeOffset: place * third,
      endTimeOffset: (place + 1) * third,
      thumb: `/library/media/${part.id + 500_000}/chapterImages/${place + 1}`
    })),
    Marker: [
      ...(item.type === 'episode'
        ? [{ id: part.id * 10 + 8, type: 'intro', startTimeOffset: 3000, endTimeOffset: 9000 }]
        : []),
      {
        id: part.id * 10 + 9,
        type: 'credits',
        startTimeOffset: durationMs - 5000,
        endTimeOffset: durationMs,
        final: true
      }
    ]
  }
}

/** `Media` with its file; with its streams only where `isWhole`. */
export function clipMediaJson(
  clip: Clip,
  part: Part,
  key: string,
  chosen: { readonly audio: number; readonly subtitles: number },
  isWhole: boolean
): JsonObject {
  const [best] = clip.qualities
  return {
    id: part.id + 500_000,
    duration: clip.durationMs,
    bitrate: (best?.kbps ?? 0) + 20,
    width: 480,
    height: 270,
    videoResolution: 'sd',
    videoCodec: 'h264',
    audioCodec: 'aac',
    audioChannels: 1,
    container: clip.container,
    Part: [
      {
        id: part.id,
        key,
        duration: clip.durationMs,
        file: part.file,
        size: part.size,
        container: clip.container,
        indexes: 'sd',
        ...(isWhole && { Stream: streamsJson(clip, part, chosen) })
      }
    ]
  }
}

/** The ids of a part's streams: the picture, then sounds, then subtitles. */
export const streamId = (part: Part, place: number): number => part.id * 10 + place

function streamsJson(
  clip: Clip,
  part: Part,
  chosen: { readonly audio: number; readonly subtitles: number }
): JsonObject[] {
  const sound = clip.audio.map(({ language, code, title }, place): JsonObject => {
    const id = streamId(part, 1 + place)
    const isSelected = chosen.audio === id || (chosen.audio === 0 && place === 0)
    return {
      id,
      streamType: AUDIO,
      index: 1 + place,
      codec: 'aac',
      channels: 1,
      language,
      languageTag: code,
      displayTitle: title,
      default: place === 0,
      ...(isSelected && { selected: true })
    }
  })
  const words = clip.subtitles.map(({ codec, language, code, title }, place): JsonObject => {
    const id = streamId(part, 1 + clip.audio.length + place)
    return {
      id,
      key: `/library/streams/${id}`,
      streamType: SUBTITLES,
      codec,
      format: codec,
      language,
      languageTag: code,
      displayTitle: title,
      ...(chosen.subtitles === id && { selected: true })
    }
  })
  const picture = { id: streamId(part, 0), streamType: VIDEO, index: 0, codec: 'h264', default: true }
  return [{ ...picture, profile: 'baseline', displayTitle: '270p (H.264)' }, ...sound, ...words]
}

/** How the pictures of an item look: a backdrop, and a poster for all but episodes. */
export function drawingsOf(item: Item): Drawing[] {
  if (item.details === undefined) return []
  const { motif, palette } = item.details.invented
  const title = item.type === 'season' ? `${SERIES.title} ${item.index}` : item.title
  const common = { motif, palette, seed: item.type === 'movie' ? 0 : Number(item.ratingKey) }
  const backdrop: Drawing = { ...common, title: '', shape: 'backdrop' }
  return item.type === 'episode' ? [backdrop] : [{ ...common, title, shape: 'poster' }, backdrop]
}

/** A picture of an item, as make-pictures.ts drew it; null outside the small library. */
export function pictureOf(item: Item, kind: 'thumb' | 'art'): Buffer | null {
  if (item.details === undefined) return null
  const shape = kind === 'thumb' && item.type !== 'episode' ? 'poster' : 'backdrop'
  return readFileSync(new URL(`../fixtures/pictures/${item.ratingKey}-${shape}.webp`, import.meta.url))
}

/** What an account goes on with: what it has begun, and the next episode of a series; what it saw last comes first. */
export function continueWatching(items: readonly Item[], playback: PlaybackState, accountId: number): Item[] {
  const stateOf = ({ ratingKey }: Item) => playback.of(accountId, ratingKey)
  const episodes = items.filter(({ type }) => type === 'episode')
  const begun = items.filter((item) => item.part !== null && stateOf(item).viewOffset > 0)
  const lastSeen = episodes.findLastIndex((item) => stateOf(item).viewCount > 0)
  const next = lastSeen === -1 ? undefined : episodes[lastSeen + 1]
  const isOpen = next !== undefined && !begun.some(({ type }) => type === 'episode')
  const since = (item: Item): number =>
    item === next && isOpen
      ? (episodes[lastSeen] && stateOf(episodes[lastSeen]).lastChange) || 0
      : stateOf(item).lastChange
  return [...begun, ...(isOpen ? [next] : [])].sort((one, other) => since(other) - since(one))
}
