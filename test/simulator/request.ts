import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { isObject } from './json.ts'

export type Service = 'plex' | 'pms' | 'pms2'

/** A request as both services read it. */
export interface SimRequest {
  readonly service: Service
  readonly method: string
  /** The raw request target. */
  readonly target: string
  /** The decoded path. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly ip: string
  readonly params: Readonly<Record<string, string>>
  /**
   * `X-Plex-NAME` from a header, the query or a form, in any letter case (reference/plex.md#request-headers).
   */
  plex(name: string): string | undefined
  /** A field of the query, a form body or a JSON body. */
  field(name: string): string | undefined
  readonly json: unknown
  readonly wantsJson: boolean
}

export function toSimRequest(
  service: Service,
  message: IncomingMessage,
  body: Buffer,
  params: Readonly<Record<string, string>> = {}
): SimRequest {
  const target = message.url ?? '/'
  const mark = target.indexOf('?')
  const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1))
  const json = parseJson(message, body)
  const form = parseForm(message, body)
  return {
    service,
    method: message.method ?? 'GET',
    target,
    path: decodePath(mark < 0 ? target : target.slice(0, mark)),
    query,
    headers: message.headers,
    body,
    ip: message.socket.remoteAddress ?? '',
    params,
    plex: (name) => {
      const full = `x-plex-${name}`.toLowerCase()
      const header = message.headers[full]
      return (typeof header === 'string' && header) || findAnyCase(query, full) || findAnyCase(form, full)
    },
    field: (name) => {
      const value = isObject(json) ? json[name] : undefined
      return (
        query.get(name) ??
        form.get(name) ??
        (value === undefined || value === null ? undefined : String(value))
      )
    },
    json,
    wantsJson: (message.headers.accept ?? '').toLowerCase().includes('application/json')
  }
}

function findAnyCase(values: URLSearchParams, name: string): string | undefined {
  for (const [key, value] of values) if (key.toLowerCase() === name && value !== '') return value
  return undefined
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    // A malformed escape: both services then use the raw text.
    return path
  }
}

function parseJson(message: IncomingMessage, body: Buffer): unknown {
  if (!(message.headers['content-type'] ?? '').includes('json')) return undefined
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    // Not JSON: the routes answer 400/1004 when a field is missing.
    return undefined
  }
}

function parseForm(message: IncomingMessage, body: Buffer): URLSearchParams {
  const type = message.headers['content-type'] ?? ''
  return new URLSearchParams(type.includes('x-www-form-urlencoded') ? body.toString('utf8') : '')
}
