import { randomBytes } from 'node:crypto'
import type { Answer } from '../answer.ts'
import { posterJpeg, posterPng } from '../poster.ts'
import type { SimRequest } from '../request.ts'
import type { Route } from '../router.ts'
import type { World } from '../world.ts'
import type { Callers } from './caller.ts'
import type { Catalogue } from './catalogue.ts'
import { clipPreview } from './clips.ts'
import { drawSvg } from './drawings.ts'
import { pmsError } from './reply.ts'
import { drawingOf } from './small-library.ts'

const CACHED = { 'Cache-Control': 'public, max-age=86400' }

/** Pictures, scaled or original (reference/plex.md#media-server-paths). */
export function photoRoutes(world: World, callers: Callers, catalogue: Catalogue): Route[] {
  const jpeg: Answer = {
    status: 200,
    headers: { 'Content-Type': 'image/jpeg', ...CACHED },
    body: posterJpeg()
  }
  const picture = callers.any(() => jpeg)
  const draw = (path: string, width: number, height: number): Answer | null => {
    const [, key = '', kind] = /^\/library\/metadata\/(\d+)\/(thumb|art)\b/.exec(path) ?? []
    const item = catalogue.find(key)
    const drawing = item ? drawingOf(item, kind === 'art' ? 'art' : 'thumb', width, height) : null
    if (drawing === null) return null
    if (world.modes.pictureBytes > 0) return photograph(world.modes.pictureBytes)
    const body = drawSvg(drawing)
    return { status: 200, headers: { 'Content-Type': 'image/svg+xml', ...CACHED }, body }
  }
  const own = (width: number, height: number) => callers.any(({ path }) => draw(path, width, height) ?? jpeg)
  return [
    [
      'GET',
      '/photo/:/transcode',
      callers.any((request) => {
        const side = (name: string): number => Math.min(4096, Number(request.query.get(name)) || 300)
        return draw(request.query.get('url') ?? '', side('width'), side('height')) ?? transcode(request)
      })
    ],
    ['GET', '/library/metadata/{key}/thumb/{stamp}', own(600, 900)],
    ['GET', '/library/metadata/{key}/art/{stamp}', own(1280, 720)],
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
