import type { Scrubber } from '../scrub/scrubber.ts'
import { Manifest } from './manifest.ts'
import { Playlist } from './playlist.ts'
import { cleanQuery } from './query.ts'

/** Adds a token to the addresses that are Usher's own. */
export interface AddressMark {
  /** The address with the token, or as it is: that of another host, and what would make the text too long. */
  add(address: string): string
  /** Whether an address leads below the media server here. */
  isOwn(address: string): boolean
}

/** Bytes that one text may grow by; a long film's playlist of 5,000 segments needs four million. */
const MAX_ADDED = 8 * 1024 * 1024
/** A host that no address names. */
const NOWHERE = 'http://playlist.invalid'
/** Characters of the longest directory that a playlist may be in: it is read again for every address (SECURITY rule 53). */
const MAX_DIRECTORY = 2048

/** `asked`: the target of the playlist's own request, from which relative addresses count. */
export function createAddressMark(mount: string, asked: string, token: string): AddressMark {
  const parameter = `X-Plex-Token=${token}`
  const [path = ''] = asked.split('?', 1)
  const directory = path.slice(0, path.lastIndexOf('/') + 1)
  let left = MAX_ADDED

  function isOwn(address: string): boolean {
    if (directory.length > MAX_DIRECTORY) return false
    // A variable (RFC 8216bis §4.4.2.3) may become anything; a browser skips blanks and reads '\' as '/'.
    if (!/^[\x21-\x7e\x80-\uffff]+$/.test(address) || /\\|\{\$|^[a-z][a-z0-9+.-]*:|^\/\//i.test(address))
      return false
    const url = URL.parse(address, NOWHERE + directory)
    return url !== null && url.origin === NOWHERE && url.pathname.startsWith(`${mount}/`)
  }

  return {
    isOwn,
    add(address) {
      if (left < parameter.length || !isOwn(address)) return address
      left -= parameter.length
      const fragment = address.indexOf('#')
      const plain = fragment === -1 ? address : address.slice(0, fragment)
      const mark = plain.indexOf('?')
      const path = mark === -1 ? plain : plain.slice(0, mark)
      const query = mark === -1 ? '' : plain.slice(mark + 1)
      // A media server repeats the token that it was asked with; by now it is masked, and would be taken for this one.
      const kept = /token/i.test(query) ? (cleanQuery(query)?.query ?? '') : query
      return `${path}?${kept === '' ? '' : `${kept}&`}${parameter}${fragment === -1 ? '' : address.slice(fragment)}`
    }
  }
}

/** A filter that hands the token on in a playlist of this type; null for what is no playlist. */
export function createHandOn(contentType: string, path: string, mark: AddressMark): Scrubber | null {
  if (/mpegurl/i.test(contentType)) return new Playlist(mark)
  if (/dash\+xml/i.test(contentType) || /\.mpd(?:\?|$)/i.test(path)) return new Manifest(mark)
  return /\.m3u8(?:\?|$)/i.test(path) ? new Playlist(mark) : null
}

/** First the one, then the other: tokens of the media server are masked before Usher's own is added. */
export class Chain implements Scrubber {
  private readonly first: Scrubber
  private readonly second: Scrubber

  constructor(first: Scrubber, second: Scrubber) {
    this.first = first
    this.second = second
  }

  scrub(chunk: Buffer): Buffer {
    return this.second.scrub(this.first.scrub(chunk))
  }

  flush(): Buffer {
    return Buffer.concat([this.second.scrub(this.first.flush()), this.second.flush()])
  }
}
