import { Problem } from '../domain/problems.ts'
import { toBoolean, toFields, toInteger, toList, toText } from './fields.ts'
import { toMachineIdentifier } from './resources.ts'

/** An account that an owner shares servers with. */
export interface SharedUser {
  readonly id: number
  readonly username: string
  readonly title: string
  /** Whether it belongs to the owner's Home. */
  readonly home: boolean
  /** The servers that it may use; an invitation that waits for its answer is no access. */
  readonly servers: readonly string[]
}

export interface SharedUserList {
  readonly users: readonly SharedUser[]
  /** Whether that is all of them: what could not be read may be the one that is missing. */
  readonly isWhole: boolean
}

/** Reads a `/api/users` response, which is XML; throws USHER_UPSTREAM_INVALID for anything else. */
export function toSharedUserList(data: unknown): SharedUserList {
  const root = toFields(data)
  if (!('MediaContainer' in root)) throw new Problem('USHER_UPSTREAM_INVALID')
  const container = toFields(root['MediaContainer'])
  const entries = toList(container['User'])
  const read = entries.map(toSharedUser)
  const users = read.filter((user) => user !== null)
  const counts = [toInteger(container['size']), toInteger(container['totalSize'])]
  const isCounted = counts.every((count) => count === null || count === entries.length)
  return { users, isWhole: isCounted && users.length === entries.length }
}

/** Null where the entry cannot be read whole. */
function toSharedUser(entry: unknown): SharedUser | null {
  const fields = toFields(entry)
  const id = toInteger(fields['id'])
  if (id === null || id <= 0) return null
  const servers: string[] = []
  for (const server of toList(fields['Server'])) {
    const share = toFields(server)
    const machineIdentifier = toMachineIdentifier(share['machineIdentifier'])
    if (machineIdentifier === null) return null
    if (!toBoolean(share['pending'])) servers.push(machineIdentifier)
  }
  return {
    id,
    username: toText(fields['username'], 200),
    title: toText(fields['title'], 200),
    home: toBoolean(fields['home']),
    servers
  }
}
