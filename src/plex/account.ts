import { Problem } from '../domain/problems.ts'
import { type Fields, toBoolean, toFields, toInteger, toText, toToken } from './fields.ts'

/** The part of an account that a session needs; small enough for its cookie. */
export interface Account {
  readonly id: number
  readonly uuid: string
  /** '' for managed users. */
  readonly username: string
  readonly title: string
  /** '' for managed users. */
  readonly email: string
  /** Whether plex.tv has confirmed the e-mail address; false without one. */
  readonly confirmed: boolean
  /** Path and query on plex.tv. */
  readonly thumb: string
  readonly restricted: boolean
  readonly home: boolean
  readonly homeAdmin: boolean
  readonly twoFactorEnabled: boolean
}

/** The fields of an account response: at the top level in JSON, in `user` in XML and legacy JSON. */
export function accountFields(data: unknown): Fields {
  const fields = toFields(data)
  return 'user' in fields ? toFields(fields['user']) : fields
}

/** The account in a `/user`, sign-in or switch response; throws USHER_UPSTREAM_INVALID without a usable id and uuid. */
export function toAccount(data: unknown): Account {
  const fields = accountFields(data)
  const id = toInteger(fields['id'])
  const uuid = toUuid(fields['uuid'])
  if (id === null || id <= 0 || uuid === null) throw new Problem('USHER_UPSTREAM_INVALID')
  const username = toText(fields['username'], 200)
  const email = toEmail(fields['email'])
  return {
    id,
    uuid,
    username,
    title: toText(fields['title'], 200) || username,
    email,
    confirmed: email !== '' && toBoolean(fields['confirmed']),
    thumb: toThumb(fields['thumb'], uuid),
    restricted: toBoolean(fields['restricted']),
    home: toBoolean(fields['home']),
    homeAdmin: toBoolean(fields['homeAdmin']),
    twoFactorEnabled: toBoolean(fields['twoFactorEnabled'])
  }
}

/** The account and its new token; throws USHER_UPSTREAM_INVALID if either is missing. */
export function toSignedIn(data: unknown): { account: Account; token: string } {
  const fields = accountFields(data)
  const token = toToken(fields['authToken'] ?? fields['authenticationToken'])
  if (token === null) throw new Problem('USHER_UPSTREAM_INVALID')
  return { account: toAccount(data), token }
}

/** An account's uuid, lower-case hex, or null. */
export function toUuid(value: unknown): string | null {
  return typeof value === 'string' && /^[0-9a-f]{8,64}$/i.test(value) ? value.toLowerCase() : null
}

/** The path of an account's picture on plex.tv. */
export function avatarPath(uuid: string): string {
  return `/users/${uuid}/avatar`
}

/** The picture's path; of plex.tv's address only the cache-busting number is kept. */
export function toThumb(value: unknown, uuid: string): string {
  const version = typeof value === 'string' ? /[?&]c=(\d{1,16})$/.exec(value)?.[1] : undefined
  return avatarPath(uuid) + (version ? `?c=${version}` : '')
}

// A truncated address would be a different address, so one that is too long counts as none (RFC 5321 §4.5.3.1).
function toEmail(value: unknown): string {
  const email = toText(value, 255)
  return Buffer.byteLength(email) > 254 ? '' : email
}
