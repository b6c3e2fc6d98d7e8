import type { Answer } from '../answer.ts'
import { posterJpeg, posterPng } from '../poster.ts'
import type { SimRequest } from '../request.ts'
import type { Route } from '../router.ts'
import type { Callers } from './caller.ts'
import { pmsError } from './reply.ts'

const CACHED = { 'Cache-Control': 'public, max-age=86400' }

/** Pictures, scaled or original (reference/plex.md#media-server-paths). */
export function photoRoutes(callers: Callers): Route[] {
  const jpeg: Answer = {
    status: 200,
    headers: { 'Content-Type': 'image/jpeg', ...CACHED },
    body: posterJpeg()
  }
  const picture = callers.any(() => jpeg)
  return [
    ['GET', '/photo/:/transcode', callers.any(transcode)],
    ['GET', '/library/metadata/{key}/thumb/{stamp}', picture],
    ['GET', '/library/metadata/{key}/art/{stamp}', picture],
    ['GET', '/library/metadata/{key}/file', callers.admin(() => jpeg)],
    ['GET', '/library/sections/{key}/composite/{stamp}', picture],
    ['GET', '/:/resources/{name}', picture]
  ]
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
