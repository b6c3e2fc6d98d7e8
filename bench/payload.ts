import { closeSync, ftruncateSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What the upstream serves, under paths of a media server that every role may read. */
export const PATHS = {
  small: '/library/sections',
  large: '/library/metadata/1',
  /** The list of a library, as JSON and as XML, of 1 MB and of 20 MB. */
  json1: '/library/sections/1/all',
  xml1: '/library/sections/2/all',
  list: '/library/all',
  xml20: '/library/sections/3/all',
  part: '/library/parts/1/1/file.mkv',
  events: '/:/eventsource/notifications',
  socket: '/:/websockets/notifications'
} as const

export const PART_BYTES = 200_000_000
export const SMALL_BYTES = 1024
export const LARGE_BYTES = 65_536
export const LIST_BYTES = 20_000_000
const MEGABYTE = 1_000_000

export interface Payload {
  readonly small: string
  readonly large: string
  readonly json1: string
  readonly xml1: string
  readonly list: string
  readonly xml20: string
  readonly part: string
  readonly events: string
}

/** Writes the files into a directory and returns their paths. The 200 MB file is sparse and takes no space. */
export function writePayload(directory: string): Payload {
  const payload = {
    small: join(directory, 'small.json'),
    large: join(directory, 'large.json'),
    json1: join(directory, '1.json'),
    xml1: join(directory, '1.xml'),
    list: join(directory, 'list.json'),
    xml20: join(directory, '20.xml'),
    part: join(directory, 'file.mkv'),
    events: join(directory, 'events.txt')
  }
  writeFileSync(payload.small, mediaContainer(SMALL_BYTES))
  writeFileSync(payload.large, mediaContainer(LARGE_BYTES))
  writeFileSync(payload.json1, mediaContainer(MEGABYTE))
  writeFileSync(payload.list, mediaContainer(LIST_BYTES))
  writeFileSync(payload.xml1, xmlContainer(MEGABYTE))
  writeFileSync(payload.xml20, xmlContainer(LIST_BYTES))
  writeFileSync(payload.events, 'event: playing\ndata: {"NotificationContainer":{"size":1}}\n\n'.repeat(2000))
  const file = openSync(payload.part, 'w')
  ftruncateSync(file, PART_BYTES)
  closeSync(file)
  return payload
}

/** JSON in the shape of a media server's, of exactly that many bytes. */
export function mediaContainer(bytes: number): string {
  const items: string[] = []
  let length = 0
  const wrap = (padding: string): string =>
    `{"MediaContainer":{"size":${items.length},"title1":"${padding}","Metadata":[${items.join(',')}]}}`
  for (let key = 1; length + 400 < bytes; key++) {
    const text = item(key)
    items.push(text)
    length += text.length + 1
  }
  return wrap('.'.repeat(bytes - wrap('').length))
}

/** The same as XML, of about that many bytes. */
function xmlContainer(bytes: number): string {
  const films: string[] = []
  for (let key = 1, length = 0; length < bytes; key++) {
    const film = `<Video ratingKey="${key}" key="/library/metadata/${key}" type="movie" title="A film of the benchmark, number ${key}" thumb="/library/metadata/${key}/thumb/1700000000" year="2001" duration="5400000" viewCount="2" />\n`
    films.push(film)
    length += film.length
  }
  return `<?xml version="1.0" encoding="UTF-8"?>\n<MediaContainer size="${films.length}">\n${films.join('')}</MediaContainer>\n`
}

function item(key: number): string {
  return JSON.stringify({
    ratingKey: String(key),
    key: `/library/metadata/${key}`,
    type: 'movie',
    title: `A film of the benchmark, number ${key}`,
    thumb: `/library/metadata/${key}/thumb/1700000000`,
    year: 2001,
    duration: 5_400_000,
    viewCount: 2
  })
}
