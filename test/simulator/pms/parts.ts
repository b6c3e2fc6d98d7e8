import { readFileSync } from 'node:fs'
import type { Answer, ByteSource } from '../answer.ts'
import type { SimRequest } from '../request.ts'
import type { Route } from '../router.ts'
import type { Callers } from './caller.ts'
import { type Catalogue, CHANGE_STAMP, CLIP_FILE, CLIP_PART, type Item, type Part } from './catalogue.ts'
import { type Clip, clipFile, clipPreview, clipSubtitles } from './clips.ts'
import { NAMED_STREAMS } from './names.ts'
import { pmsError } from './reply.ts'
import { streamId } from './small-library.ts'

// A prime, so that a power-of-two chunk in the wrong place has wrong bytes.
const PATTERN_BYTES = 65_521
const MAX_READ_BYTES = 262_144

const PATTERN = makePattern()
const MODIFIED = new Date(Number(CHANGE_STAMP) * 1000).toUTCString()
const PLAIN_STREAM = ['text/plain; charset=utf-8', '1\n00:00:00,000 --> 00:00:04,000\nA subtitle.\n'] as const

/** The bytes of every generated file depend on the offset only, so a client can verify any range. */
export function partBytes(offset: number, length: number): Buffer {
  const start = offset % PATTERN_BYTES
  if (length <= MAX_READ_BYTES) return PATTERN.subarray(start, start + length)
  const bytes = Buffer.alloc(length)
  for (let done = 0; done < length; done += MAX_READ_BYTES) {
    partBytes(offset + done, Math.min(MAX_READ_BYTES, length - done)).copy(bytes, done)
  }
  return bytes
}

/** Media files with ranges and conditions (reference/plex.md#media-server-paths; RFC 9110 §13, §14). */
export function partRoutes(callers: Callers, catalogue: Catalogue): Route[] {
  const playable = (id: number): Item | undefined => catalogue.items.find(({ part }) => part?.id === id)
  return [
    [
      'GET',
      '/library/parts/{id}/indexes/sd',
      callers.any(({ params }) => {
        const clip = playable(Number(params['id']))?.details?.clip
        if (!clip) return pmsError(404)
        const headers = { 'Content-Type': 'application/octet-stream' }
        return { status: 200, headers, body: clipFile(clip.name, 'previews.bif') }
      })
    ],
    [
      'GET',
      '/library/parts/{id}/indexes/sd/{offset}',
      callers.any(({ params }) => {
        const clip = playable(Number(params['id']))?.details?.clip
        if (!clip) return pmsError(404)
        const body = clipPreview(clip.name, Number(params['offset']))
        return { status: 200, headers: { 'Content-Type': 'image/jpeg' }, body }
      })
    ],
    [
      'GET',
      '/library/parts/{id}/{stamp}/{name}',
      callers.any((request) => {
        const part = catalogue.part(Number(request.params['id']))
        if (!part || request.params['stamp'] !== CHANGE_STAMP) return pmsError(404)
        return partAnswer(request, part, playable(part.id)?.details?.clip ?? null)
      })
    ],
    [
      'GET',
      '/library/streams/{id}',
      callers.any((request) => {
        const id = request.params['id'] ?? ''
        const [type, text] = subtitles(catalogue, id, request) ?? NAMED_STREAMS.get(id) ?? PLAIN_STREAM
        const bytes = Buffer.from(text)
        const file = {
          size: bytes.length,
          read: (from: number, length: number) => bytes.subarray(from, from + length)
        }
        return ranged(request, file, {
          ...(type !== '' && { 'Content-Type': type }),
          'Accept-Ranges': 'bytes',
          ETag: `"s${request.params['id']}"`,
          'Last-Modified': MODIFIED
        })
      })
    ]
  ]
}

const SUBTITLE_TYPES = { srt: 'application/x-subrip', vtt: 'text/vtt', ass: 'text/x-ssa' } as const

/** Subtitles of the small library, as they are or in the format that the name or the query asks for. */
function subtitles(
  catalogue: Catalogue,
  name: string,
  { query }: SimRequest
): readonly [type: string, text: string] | null {
  const [id = '', extension] = name.split('.')
  const item = catalogue.items.find(({ part }) => part?.id === Math.floor(Number(id) / 10))
  const clip = item?.details?.clip
  if (!item?.part || !clip) return null
  const part = item.part
  const stream = clip.subtitles.find(
    (_, place) => streamId(part, 1 + clip.audio.length + place) === Number(id)
  )
  if (!stream) return null
  const wanted = query.get('format') ?? extension
  const as = wanted === 'vtt' || wanted === 'srt' ? wanted : stream.codec
  return [`${SUBTITLE_TYPES[as]}; charset=utf-8`, clipSubtitles(stream, as)]
}

function partAnswer(request: SimRequest, part: Part, small: Clip | null): Answer {
  const file = small
    ? inMemory(clipFile(small.name, small.file))
    : part.id === CLIP_PART
      ? inMemory(readFileSync(CLIP_FILE))
      : { size: part.size, read: partBytes }
  const download = request.query.get('download') === '1'
  return ranged(request, file, {
    ...(part.type !== '' && { 'Content-Type': part.type }),
    'Accept-Ranges': 'bytes',
    ETag: `"${part.id}-${CHANGE_STAMP}"`,
    'Last-Modified': MODIFIED,
    ...(download && {
      'Content-Disposition': `attachment; filename="${part.rawName.replaceAll(/["\\]/g, '\\$&')}"`
    })
  })
}

/** A file whole or in part, as the request's conditions and range have it. */
function ranged(request: SimRequest, file: ByteSource, headers: Readonly<Record<string, string>>): Answer {
  const { ETag: etag, 'Last-Modified': modified } = headers
  const known = request.headers['if-none-match']
  if (known === etag) return { status: 304, headers }
  if (known === undefined && request.headers['if-modified-since'] === modified)
    return { status: 304, headers }
  const condition = request.headers['if-range']
  const range =
    condition === undefined || condition === etag || condition === modified
      ? request.headers.range
      : undefined
  const wanted = range === undefined ? null : parseRange(range, file.size)
  if (wanted === 'unsatisfiable') {
    const refusal = pmsError(416)
    return { ...refusal, headers: { ...refusal.headers, 'Content-Range': `bytes */${file.size}` } }
  }
  if (wanted === null) return { status: 200, headers, source: file }
  const [first, last] = wanted
  return {
    status: 206,
    headers: { ...headers, 'Content-Range': `bytes ${first}-${last}/${file.size}` },
    source: { size: last - first + 1, read: (offset, length) => file.read(first + offset, length) }
  }
}

/** First and last byte of a single range; null for ranges to ignore (another unit, several ranges). */
function parseRange(header: string, size: number): readonly [number, number] | 'unsatisfiable' | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header.trim())
  if (!match || (match[1] === '' && match[2] === '')) return null
  const [, start = '', end = ''] = match
  if (start === '') {
    const length = Math.min(Number(end), size)
    return length === 0 ? 'unsatisfiable' : [size - length, size - 1]
  }
  const first = Number(start)
  const last = end === '' ? size - 1 : Math.min(Number(end), size - 1)
  if (end !== '' && Number(end) < first) return null
  return first >= size ? 'unsatisfiable' : [first, last]
}

function inMemory(bytes: Buffer): ByteSource {
  return { size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) }
}

function makePattern(): Buffer {
  const bytes = Buffer.alloc(PATTERN_BYTES + MAX_READ_BYTES)
  let state = 0x2545f491
  for (let index = 0; index < bytes.length; index++) {
    if (index >= PATTERN_BYTES) {
      bytes[index] = bytes[index - PATTERN_BYTES] ?? 0
      continue
    }
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[index] = state >>> 24
  }
  return bytes
}
