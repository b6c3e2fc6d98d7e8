import { randomBytes } from 'node:crypto'
import type { Answer } from '../answer.ts'
import { posterJpeg, posterPng } from '../poster.ts'
import type { SimRequest } from '../request.ts'
import type { Route } from '../router.ts'
import type { World } from '../world.ts'
import type { Callers } from './caller.ts'
import type { Catalogue } from './catalogue.ts'
import { clipPreview } from './clips.ts'
import { pmsError } from './reply.ts'
import { pictureOf } from './small-library.ts'

const CACHED = { 'Cache-Control': 'public, max-age=86400' }

/** Pictures, scaled or original (reference/plex.md#media-server-paths). */
export function photoRoutes(world: World, callers: Callers, catalogue: Catalogue): Route[] {
  const jpeg: Answer = {
    status: 200,
    headers: { 'Content-Type': 'image/jpeg', ...CACHED },
    body: posterJpeg()
  }
  const picture = callers.any(() => jpeg)
  /** The one size of an item of the small library, whichever is asked for. */
  const stored = (path: string): Answer | null => {
    const [, key = '', kind] = /^\/library\/metadata\/(\d+)\/(thumb|art)\b/.exec(path) ?? []
    const item = catalogue.find(key)
    const body = item ? pictureOf(item, kind === 'art' ? 'art' : 'thumb') : null
    if (body === null) return null
    if (world.modes.pictureBytes > 0) return photograph(world.modes.pictureBytes)
    return { status: 200, headers: { 'Content-Type': 'image/webp', ...CACHED }, body }
  }
  const own = callers.any(({ path }) => stored(path) ?? jpeg)
  return [
    [
      'GET',
      '/photo/:/transcode',
      callers.any((request) => stored(request.query.get('url') ?? '') ?? transcode(request))
    ],
    ['GET', '/library/metadata/{key}/thumb/{stamp}', own],
    ['GET', '/library/metadata/{key}/art/{stamp}', own],
    [
      'GET',
      '/library/media/{id}/chapterImages/{number}',
      callers.any(({ params }) => {
        const part = Number(params['id']) - 500_000
        const clip = catalogue.items.find((item) => item.part?.id === part)?.details?.clip
        if (!clip) return pmsError(404)
        const start = ((Number(params['number']) - 1) * clip.durationMs) / 4
        const headers = { 'Content-Type': 'image/jpeg', ...CACHED }
        return { status: 200, headers, body: clipPreview(clip.name, start) }
      })
    ],
    ['GET', '/library/metadata/{key}/file', callers.admin(() => jpeg)],
    ['GET', '/library/sections/{key}/composite/{stamp}', picture],
    ['GET', '/:/resources/{name}', picture]
  ]
}

/** A JPEG of so many bytes. Decoders ignore what follows its end, and what follows does not compress. */
function photograph(bytes: number): Answer {
  const jpeg = posterJpeg()
  const body = Buffer.concat([jpeg, randomBytes(Math.max(0, bytes - jpeg.length))])
  return { status: 200, headers: { 'Content-Type': 'image/jpeg', ...CACHED }, body }
}

function transcode(request: SimRequest): Answer {
  const url = request.query.get('url')
  if (url === null || url === '') return pmsError(400)
  // The real server fetches this address; the simulator only reports that it would
  // (reference/plex.md#server-side-fetches).
  if (url.startsWith('/library/') && !/^\/library\/(?:metadata|sections)\/\d+\//.test(url))
    return pmsError(404)
  const format = request.query.get('format') ?? 'jpeg'
  if (format === 'png') {
    const side = (name: string): number => Number(request.query.get(name) ?? 100) || 100
    const body = posterPng(url, side('width'), side('height'))
    return { status: 200, headers: { 'Content-Type': 'image/png', ...CACHED }, body }
  }
  return { status: 200, headers: { 'Content-Type': 'image/jpeg', ...CACHED }, body: posterJpeg() }
}
