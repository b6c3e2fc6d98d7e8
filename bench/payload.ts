import { closeSync, ftruncateSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What the upstream serves, under paths of a media server that every role may read. */
export const PATHS = {
  small: '/library/sections',
  large: '/library/metadata/1',
  /** The list of a big library, 20 MB. */
  list: '/library/all',
  part: '/library/parts/1/1/file.mkv',
  events: '/:/eventsource/notifications'
} as const

export const PART_BYTES = 200_000_000
export const SMALL_BYTES = 1024
export const LARGE_BYTES = 65_536
export const LIST_BYTES = 20_000_000

export interface Payload {
  readonly small: string
  readonly large: string
  readonly list: string
  readonly part: string
  readonly events: string
}

/** Writes the files into a directory and returns their paths. The 200 MB file is sparse and takes no space. */
export function writePayload(directory: string): Payload {
  const payload = {
    small: join(directory, 'small.json'),
    large: join(directory, 'large.json'),
    list: join(directory, 'list.json'),
    part: join(directory, 'file.mkv'),
    events: join(directory, 'events.txt')
  }
  writeFileSync(payload.small, mediaContainer(SMALL_BYTES))
  writeFileSync(payload.large, mediaContainer(LARGE_BYTES))
  // The same films over and over: what matters is its size.
  writeFileSync(payload.list, `[${mediaContainer(LARGE_BYTES).repeat(Math.floor(LIST_BYTES / LARGE_BYTES))}]`)
  writeFileSync(payload.events, 'event: playing\ndata: {"NotificationContainer":{"size":1}}\n\n'.repeat(2000))
  const file = openSync(payload.part, 'w')
  ftruncateSync(file, PART_BYTES)
  closeSync(file)
  return payload
}

/** JSON in the shape of a media server's, of exactly that many bytes. */
export function mediaContainer(bytes: number): string {
  const items: string[] = []
  const wrap = (padding: string): string =>
    `{"MediaContainer":{"size":${items.length},"title1":"${padding}","Metadata":[${items.join(',')}]}}`
  for (let key = 1; wrap('').length + 300 < bytes; key++) items.push(item(key))
  return wrap('.'.repeat(bytes - wrap('').length))
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
