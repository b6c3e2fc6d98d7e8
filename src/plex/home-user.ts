import { Problem } from '../domain/problems.ts'
import { toThumb, toUuid } from './account.ts'
import { toBoolean, toFields, toInteger, toList, toText } from './fields.ts'

/** A profile of a Plex Home. */
export interface HomeUser {
  readonly id: number
  readonly uuid: string
  readonly title: string
  /** '' for managed users. */
  readonly username: string
  /** Path and query on plex.tv. */
  readonly thumb: string
  readonly admin: boolean
  readonly guest: boolean
  readonly restricted: boolean
  /** Switching to it requires its PIN. */
  readonly protected: boolean
  readonly hasPassword: boolean
}

/** The readable profiles of a Home, and whether these are all. */
export interface HomeUserList {
  readonly users: readonly HomeUser[]
  readonly isWhole: boolean
}

/** The profiles in a `/home/users` response, JSON or XML; throws USHER_UPSTREAM_INVALID for anything else. */
export function toHomeUserList(data: unknown): HomeUserList {
  const root = toFields(data)
  const home = toFields(root['home'] ?? root['MediaContainer'] ?? root)
  const users = home['users'] ?? home['User']
  // A Home without profiles is an empty list; without the list it is some other response.
  if (users === undefined) throw new Problem('USHER_UPSTREAM_INVALID')
  const list = Array.isArray(users) ? users : toList(toFields(users)['user'] ?? users)
  const read = list.map(toHomeUser).filter((user) => user !== null)
  return { users: read, isWhole: read.length === list.length }
}

function toHomeUser(entry: unknown): HomeUser | null {
  const fields = toFields(entry)
  const id = toInteger(fields['id'])
  const uuid = toUuid(fields['uuid'])
  if (id === null || id <= 0 || uuid === null) return null
  const username = toText(fields['username'], 200)
  return {
    id,
    uuid,
    title: toText(fields['title'], 200) || username,
    username,
    thumb: toThumb(fields['thumb'], uuid),
    admin: toBoolean(fields['admin']),
    guest: toBoolean(fields['guest']),
    restricted: toBoolean(fields['restricted']),
    protected: toBoolean(fields['protected']),
    hasPassword: toBoolean(fields['hasPassword'])
  }
}
