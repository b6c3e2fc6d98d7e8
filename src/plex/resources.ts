import { Problem } from '../domain/problems.ts'
import type { ServerRole } from '../domain/roles.ts'
import type { Account } from './account.ts'
import { type Connection, toConnection } from './connection.ts'
import { isFields, toBoolean, toFields, toList, toText, toToken } from './fields.ts'

/** A server or player that plex.tv lists for an account. */
export interface Resource {
  readonly name: string
  /** `clientIdentifier` at plex.tv; for a server the same as its `machineIdentifier`. */
  readonly machineIdentifier: string
  readonly product: string
  readonly provides: readonly string[]
  readonly owned: boolean
  readonly home: boolean
  /** Whether it was recently in contact with plex.tv. */
  readonly presence: boolean
  /** This account's own token for this resource; players have none. */
  readonly accessToken: string | null
  /** The owner's name if it is shared. */
  readonly sourceTitle: string | null
  readonly httpsRequired: boolean
  readonly connections: readonly Connection[]
}

/** The usable entries of a `/resources` response. */
export interface ResourceList {
  readonly resources: readonly Resource[]
  /** Whether that is all of them: an entry that could not be read may be the one that is missing. */
  readonly isWhole: boolean
}

/** Reads a `/resources` response, JSON or XML, new or legacy; throws USHER_UPSTREAM_INVALID for anything else. */
export function toResourceList(data: unknown): ResourceList {
  const entries = resourceEntries(data)
  const resources = entries.map(toResource).filter((resource) => resource !== null)
  return { resources, isWhole: resources.length === entries.length }
}

/** Whether the resource is a Plex Media Server. */
export function isServer(resource: Resource): boolean {
  return resource.provides.includes('server') && resource.product === 'Plex Media Server'
}

/** The account's role at a server that plex.tv lists for it. A managed user owns nothing, whatever the list says. */
export function roleFor(resource: Resource, account: Pick<Account, 'restricted'>): ServerRole {
  if (resource.owned && !account.restricted) return 'owner'
  return resource.home || resource.owned ? 'home' : 'shared'
}

function resourceEntries(data: unknown): readonly unknown[] {
  if (Array.isArray(data)) return data
  const root = toFields(data)
  if ('resources' in root) return toList(toFields(root['resources'])['resource'])
  if ('MediaContainer' in root) return toList(toFields(root['MediaContainer'])['Device'])
  throw new Problem('USHER_UPSTREAM_INVALID')
}

function toResource(entry: unknown): Resource | null {
  const fields = toFields(entry)
  const machineIdentifier = toMachineIdentifier(fields['clientIdentifier'])
  if (machineIdentifier === null) return null
  const listed = isFields(fields['connections']) ? fields['connections']['connection'] : fields['connections']
  return {
    name: toText(fields['name'], 200),
    machineIdentifier,
    product: toText(fields['product'], 100),
    provides: toText(fields['provides'], 300)
      .split(',')
      .map((provided) => provided.trim())
      .filter((provided) => provided !== ''),
    owned: toBoolean(fields['owned']),
    home: toBoolean(fields['home']),
    presence: toBoolean(fields['presence']),
    accessToken: toToken(fields['accessToken']),
    sourceTitle: toText(fields['sourceTitle'], 200) || null,
    httpsRequired: toBoolean(fields['httpsRequired']),
    connections: toList(listed ?? fields['Connection'])
      .map(toConnection)
      .filter((connection) => connection !== null)
  }
}

/** A server's or client's identifier that is valid in a header and a path, or null. */
export function toMachineIdentifier(value: unknown): string | null {
  return typeof value === 'string' && /^[A-Za-z0-9._-]{1,128}$/.test(value) ? value : null
}
