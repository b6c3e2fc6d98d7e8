import { gzipSync } from 'node:zlib'
import type { Answer } from '../answer.ts'
import type { JsonObject } from '../json.ts'
import type { SimRequest } from '../request.ts'
import { toXml } from '../xml.ts'

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  412: 'Precondition Failed',
  416: 'Requested Range Not Satisfiable',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  509: 'Bandwidth Limit Exceeded'
}

// Redirects the web client to its sign-in page; the whole response is 193 bytes
// (reference/plex.md#media-server-errors).
const ROOT_401 =
  "<html><head><script>window.location = window.location.href.match(/(^.+\\/)[^\\/]*$/)[1] + 'web/index.html';</script><title>Unauthorized</title></head><body><h1>401 Unauthorized</h1></body></html>"

/** The media server's HTML page for a status, whatever the caller accepts. */
export function pmsError(status: number, request?: SimRequest): Answer {
  const reason = REASONS[status] ?? 'Error'
  const page = `<html><head><title>${reason}</title></head><body><h1>${status} ${reason}</h1></body></html>`
  return {
    status,
    headers: { 'Content-Type': 'text/html', Connection: 'close' },
    body: status === 401 && request?.path === '/' ? ROOT_401 : page
  }
}

/** The response of an action: empty, as HTML. */
export function pmsDone(): Answer {
  return { status: 200, headers: { 'Content-Type': 'text/html' }, body: '' }
}

/** A MediaContainer as JSON, or as XML, which is the default. */
export function container(
  request: SimRequest,
  content: JsonObject,
  headers: Record<string, string> = {}
): Answer {
  return request.wantsJson
    ? {
        status: 200,
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify({ MediaContainer: content })
      }
    : {
        status: 200,
        headers: { 'Content-Type': 'text/xml;charset=utf-8', ...headers },
        body: toXml('MediaContainer', content, 'flat')
      }
}

/** A list, paged when the caller asks: mirrored in headers and body (reference/plex.md#response-headers). */
export function listContainer(
  request: SimRequest,
  head: JsonObject,
  name: string,
  entries: readonly JsonObject[]
): Answer {
  const start = request.plex('Container-Start')
  const size = request.plex('Container-Size')
  if (start === undefined && size === undefined) {
    return container(request, { size: entries.length, ...head, [name]: [...entries] })
  }
  const offset = Math.max(0, Number(start ?? 0) || 0)
  const page = entries.slice(
    offset,
    offset + (size === undefined ? entries.length : Math.max(0, Number(size) || 0))
  )
  const content = { size: page.length, totalSize: entries.length, offset, ...head, [name]: page }
  return container(request, content, {
    'X-Plex-Container-Start': String(offset),
    'X-Plex-Container-Total-Size': String(entries.length)
  })
}

/** The response with the headers that a media server always sends, compressed if the caller accepts that. */
export function withPmsHeaders(request: SimRequest, answer: Answer): Answer {
  const headers = {
    'X-Plex-Protocol': '1.0',
    'Cache-Control': 'no-cache',
    'Access-Control-Allow-Origin': '*',
    ...answer.headers
  }
  const type = String(answer.headers?.['Content-Type'] ?? '')
  const accepted = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))
  if (answer.body === undefined || !accepted || !/json|xml|html|mpegurl/i.test(type))
    return { ...answer, headers }
  const plain = Buffer.from(answer.body)
  const packed = gzipSync(plain)
  if (plain.length < 150 || packed.length >= plain.length) return { ...answer, headers }
  return {
    ...answer,
    body: packed,
    headers: {
      ...headers,
      'Content-Encoding': 'gzip',
      Vary: 'Accept-Encoding',
      'X-Plex-Content-Original-Length': String(plain.length),
      'X-Plex-Content-Compressed-Length': String(packed.length)
    }
  }
}
