import { Problem } from '../domain/problems.ts'
import { type Connection, toConnection } from './connection.ts'
import { toFields, toList, toText, toToken } from './fields.ts'

/** What a media server knows about another source; `accessToken` never goes to a browser. */
export interface Source {
  readonly source: string
  readonly name: string
  readonly clientIdentifier: string
  /** A transient token for that source. */
  readonly accessToken: string | null
  readonly connections: readonly Connection[]
}

/** Whether a text is `server://ID` or `provider://ID` and nothing else (SECURITY rule 42). */
export function isSource(text: string): boolean {
  return /^(?:server|provider):\/\/[A-Za-z0-9._-]{1,128}$/.test(text)
}

/**
 * The source in a `/security/resources` response, whose `Device` is an object or a list of one. An empty container
 * means that the server knows no such source: USHER_NOT_FOUND.
 */
export function toSource(source: string, data: unknown): Source {
  const root = toFields(data)
  if (!('MediaContainer' in root)) throw new Problem('USHER_UPSTREAM_INVALID')
  const [device] = toList(toFields(root['MediaContainer'])['Device'])
  if (device === undefined) throw new Problem('USHER_NOT_FOUND')
  const fields = toFields(device)
  const clientIdentifier = toText(fields['clientIdentifier'], 128)
  if (clientIdentifier === '') throw new Problem('USHER_UPSTREAM_INVALID')
  return {
    source,
    name: toText(fields['name'], 200),
    clientIdentifier,
    accessToken: toToken(fields['accessToken']),
    connections: toList(fields['Connection'])
      .map(toConnection)
      .filter((connection) => connection !== null)
  }
}
