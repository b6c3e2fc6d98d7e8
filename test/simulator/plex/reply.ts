import { createHash, randomUUID } from 'node:crypto'
import type { Answer } from '../answer.ts'
import type { Json, JsonObject } from '../json.ts'
import type { SimRequest } from '../request.ts'
import type { World } from '../world.ts'
import { toXml } from '../xml.ts'

// Codes, statuses and messages of reference/plex.md#error-codes.
const ERRORS = {
  1000: [400, 'X-Plex-Client-Identifier is missing'],
  1001: [401, 'User could not be authenticated'],
  1002: [404, 'The requested resource or endpoint could not be found'],
  1003: [429, 'API rate limit exceeded'],
  1004: [400, 'The request was malformed, missed a required parameter or contained invalid values for them'],
  1005: [405, 'The request method is not allowed for this endpoint'],
  1007: [500, 'Internal Server Error. Something went wrong on our end'],
  1008: [422, 'The server could not perform the action required with the entity provided'],
  1009: [403, "Managed users aren't allowed to perform this action"],
  1020: [404, 'Code not found or expired'],
  1028: [401, 'Invalid verification code'],
  1029: [401, 'Please enter the verification code'],
  1030: [401, 'User could not be authenticated. This account only allows signing in with email address'],
  1031: [
    401,
    'User could not be authenticated. This IP appears to be having trouble signing in to an account (detected repeated failures)'
  ],
  1041: [403, 'A valid PIN is required to perform this action'],
  1043: [403, 'This action is not available for this user'],
  1097: [422, "The token's issuer does not match the device's client identifier"]
} as const

export type PlexCode = keyof typeof ERRORS

const CODES_WITHOUT_STATUS: readonly PlexCode[] = [1020]

export interface ErrorVariation {
  readonly status?: number
  readonly message?: string
  /** Several errors come without `status` in the body (reference/plex.md#error-codes). */
  readonly bare?: boolean
}

/** A coded error of plex.tv in the caller's format. */
export function plexError(request: SimRequest, code: PlexCode, variation: ErrorVariation = {}): Answer {
  const [usual, text] = ERRORS[code]
  const status = variation.status ?? usual
  const bare = variation.bare ?? CODES_WITHOUT_STATUS.includes(code)
  const error: JsonObject = { code, message: variation.message ?? text, ...(bare ? {} : { status }) }
  return request.wantsJson
    ? jsonAnswer(status, { errors: [error] })
    : xmlAnswer(status, toXml('errors', [error], 'wrapped'))
}

/** The 422 without a code that was seen for de-authorised tokens; always XML (reference/plex.md#error-codes). */
export function invalidToken(): Answer {
  return xmlAnswer(
    422,
    '<?xml version="1.0" encoding="UTF-8"?>\n<errors>\n  <error>Invalid token</error>\n</errors>\n'
  )
}

/** The value as JSON, or as XML below `root`. */
export function plexReply(request: SimRequest, status: number, root: string, value: Json): Answer {
  return request.wantsJson ? jsonAnswer(status, value) : xmlAnswer(status, toXml(root, value, 'wrapped'))
}

export function jsonAnswer(status: number, value: Json): Answer {
  return {
    status,
    headers: { 'Content-Type': 'application/json; charset=utf-8' },
    body: JSON.stringify(value)
  }
}

export function xmlAnswer(status: number, body: string): Answer {
  return { status, headers: { 'Content-Type': 'application/xml; charset=utf-8' }, body }
}

export function htmlAnswer(status: number, body: string): Answer {
  return { status, headers: { 'Content-Type': 'text/html; charset=utf-8' }, body }
}

/** The response with the headers that plex.tv sends with everything (reference/plex.md#response-headers). */
export function withPlexHeaders(world: World, answer: Answer): Answer {
  const etag = `W/"${createHash('md5')
    .update(answer.body ?? '')
    .digest('hex')}"`
  return {
    ...answer,
    headers: {
      'X-Frame-Options': 'DENY',
      'Strict-Transport-Security': 'max-age=31536000; includeSubDomains; preload',
      'Referrer-Policy': 'origin-when-cross-origin',
      'X-Content-Type-Options': 'nosniff',
      'X-XSS-Protection': '1; mode=block',
      Vary: 'Origin',
      'Access-Control-Allow-Origin': '*',
      'Access-Control-Allow-Methods': 'GET, POST, PUT, PATCH, HEAD, DELETE, OPTIONS',
      'Access-Control-Expose-Headers': 'Location',
      'Access-Control-Max-Age': '86400',
      'Cache-Control': 'max-age=0, private, must-revalidate',
      'X-Request-Id': randomUUID(),
      'X-Runtime': '0.042',
      ...(answer.status === 200 ? { ETag: etag } : {}),
      ...(world.modes.plexCookie === null ? {} : { 'Set-Cookie': world.modes.plexCookie }),
      ...answer.headers
    }
  }
}
