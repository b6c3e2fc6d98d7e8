import { statSync } from 'node:fs'
import type { JsonObject } from '../json.ts'
import type { World } from '../world.ts'
import { NAMED_FILMS, NAMED_PART_BYTES, NAMES_FIRST_ITEM, NAMES_FIRST_PART, NAMES_SECTION } from './names.ts'
import { type Details, smallLibrary } from './small-library.ts'

export interface Part {
  readonly id: number
  readonly name: string
  readonly size: number
  readonly type: string
  /** A path of the server's file system. */
  readonly file: string
  /** The name as a Content-Disposition has it, one character a byte. */
  readonly rawName: string
}

export interface Item {
  readonly ratingKey: string
  readonly section: '1' | '2' | '3' | '4' | '5'
  readonly type: 'movie' | 'show' | 'season' | 'episode'
  readonly title: string
  readonly summary?: string
  readonly parent: string | null
  readonly index: number
  readonly part: Part | null
  /** Of the small library only. */
  readonly details?: Details
}

/** Part of a file's URL; changes when the file changes. */
export const CHANGE_STAMP = '1745854354'
export const SMALL_PART = 221_638
export const BIG_PART = 221_639
export const CLIP_PART = 221_640
export const BIG_PART_BYTES = 209_715_200
/** The item whose metadata contains the caller's token in a URL. */
export const LEAKING_ITEM = '1002'

export const CLIP_FILE = new URL('../fixtures/clip.mp4', import.meta.url)

const MOVIES = 60

/**
 * The libraries of a media server: 60 films, one show with two seasons of four episodes, films of any name, and the
 * small library. Which are listed is a mode; all items answer by their keys.
 */
export interface Catalogue {
  readonly items: readonly Item[]
  find(ratingKey: string): Item | undefined
  children(ratingKey: string): Item[]
  part(id: number): Part | undefined
}

export function createCatalogue(serverName: string): Catalogue {
  const items = [...movies(serverName), ...shows(serverName), ...named(), ...smallLibrary()]
  const parts = new Map(items.flatMap(({ part }) => (part ? [[part.id, part] as const] : [])))
  return {
    items,
    find: (ratingKey) => items.find((item) => item.ratingKey === ratingKey),
    children: (ratingKey) => items.filter((item) => item.parent === ratingKey),
    part: (id) => parts.get(id)
  }
}

function movies(serverName: string): Item[] {
  const special: Record<number, Part> = {
    1: toPart(SMALL_PART, 'file.mkv', 5_000_000, 'video/x-matroska'),
    2: toPart(BIG_PART, 'big.mkv', BIG_PART_BYTES, 'video/x-matroska'),
    3: toPart(CLIP_PART, 'clip.mp4', statSync(CLIP_FILE).size, 'video/mp4')
  }
  return Array.from({ length: MOVIES }, (_, place) => {
    const number = place + 1
    return {
      ratingKey: String(1000 + number),
      section: '1',
      type: 'movie',
      title: `${serverName} film ${number}`,
      parent: null,
      index: number,
      part:
        special[number] ??
        toPart(222_000 + number, `film-${number}.mkv`, 1_000_000 + number, 'video/x-matroska')
    }
  })
}

function named(): Item[] {
  return NAMED_FILMS.map(({ title, summary, file, type = 'video/x-matroska', latin1 }, place) => {
    const entry = toPart(NAMES_FIRST_PART + place, file, NAMED_PART_BYTES, type)
    return {
      ratingKey: String(NAMES_FIRST_ITEM + place),
      section: NAMES_SECTION,
      type: 'movie',
      title,
      summary,
      parent: null,
      index: 101 + place,
      part: latin1 === true ? { ...entry, rawName: file } : entry
    }
  })
}

function shows(serverName: string): Item[] {
  const show: Item = {
    ...SHOW_DEFAULTS,
    ratingKey: '2000',
    type: 'show',
    title: `${serverName} show`,
    index: 1
  }
  const seasons = [1, 2].map(
    (index): Item => ({
      ...SHOW_DEFAULTS,
      ratingKey: String(2000 + index * 100),
      type: 'season',
      title: `Season ${index}`,
      parent: '2000',
      index
    })
  )
  const episodes = seasons.flatMap((season) =>
    [1, 2, 3, 4].map((index): Item => {
      const id = Number(season.ratingKey) + index
      return {
        ...SHOW_DEFAULTS,
        ratingKey: String(id),
        type: 'episode',
        title: `${serverName} episode ${season.index}.${index}`,
        parent: season.ratingKey,
        index,
        part: toPart(230_000 + id, `s${season.index}e${index}.mkv`, 700_000 + id, 'video/x-matroska')
      }
    })
  )
  return [show, ...seasons, ...episodes]
}

const SHOW_DEFAULTS = { section: '2', parent: null, part: null } as const

export function toPart(id: number, name: string, size: number, type: string): Part {
  const rawName = Buffer.from(name).toString('latin1')
  return { id, name, size, type, rawName, file: `/data/media/${id}/${name}` }
}

/** The sections that are listed, by mode; the vectors know the films only. */
export function sections({ vectors, modes }: Pick<World, 'vectors' | 'modes'>): JsonObject[] {
  if (modes.library === 'small')
    return [
      section('4', 'movie', 'Films', 'tv.plex.agents.movie', 'Plex Movie', '/data/films'),
      section('5', 'show', 'Series', 'tv.plex.agents.series', 'Plex TV Series', '/data/series')
    ]
  const films = section('1', 'movie', 'Movies', 'tv.plex.agents.movie', 'Plex Movie', '/data/movies')
  const shows = section('2', 'show', 'Shows', 'tv.plex.agents.series', 'Plex TV Series', '/data/shows')
  const names = section(
    NAMES_SECTION,
    'movie',
    'Names & "tokens"',
    'tv.plex.agents.movie',
    'Plex Movie',
    '/data/names'
  )
  return vectors ? [films] : [films, shows, names]
}

/** Whether lists contain an item: those of one library do not show the other's. */
export function isListed(item: Item, { modes }: Pick<World, 'modes'>): boolean {
  return (item.details !== undefined) === (modes.library === 'small')
}

function section(
  key: string,
  type: string,
  title: string,
  agent: string,
  scanner: string,
  path: string
): JsonObject {
  return {
    allowSync: true,
    art: `/:/resources/${type}-fanart.jpg`,
    composite: `/library/sections/${key}/composite/1706626696`,
    filters: true,
    refreshing: false,
    thumb: `/:/resources/${type}.png`,
    key,
    type,
    title,
    agent,
    scanner,
    language: 'en-US',
    uuid: `0f0f0f0f-0000-4000-8000-00000000000${key}`,
    updatedAt: 1_689_270_983,
    createdAt: 1_689_270_983,
    scannedAt: 1_706_626_696,
    content: true,
    directory: true,
    contentChangedAt: 1234,
    hidden: false,
    Location: [{ id: Number(key), path }]
  }
}
