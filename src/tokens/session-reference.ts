import { isRole } from '../domain/roles.ts'
import type { Session } from '../session/session.ts'

/**
 * What an assertion or a scoped token carries of its session, sealed: enough to ask its media server, to ask plex.tv
 * whether it still holds, and to die with it on every instance. Names of the person stay out: they would take
 * room in nginx's header buffers, and nothing needs them.
 */
export function toReference(session: Session): readonly unknown[] {
  const { server } = session
  return [
    session.id,
    session.account.id,
    session.accountToken,
    session.clientIdentifier,
    session.role,
    server === null ? null : [server.name, server.machineIdentifier, server.uri],
    // An owned server's access token is the account token in practice: said once.
    session.serverToken === session.accountToken ? true : session.serverToken,
    session.signedInAt,
    session.checkedAt,
    session.expiresAt,
    session.idleExpiresAt,
    session.homeAdmin?.accountId ?? null
  ]
}

/** A session known from a reference; of the account that opened its Home only the number is known. */
export type ReferencedSession = Session & { readonly openerId: number | null }

/** The session that a reference stands for, its names empty; null for any other shape (SECURITY rule 10). */
export function fromReference(value: unknown): ReferencedSession | null {
  if (!Array.isArray(value) || value.length !== 12) return null
  const [id, accountId, accountToken, clientIdentifier, role, server, serverToken] =
    value as readonly unknown[]
  const times = (value as readonly unknown[]).slice(7, 11)
  const openerId: unknown = value[11]
  if (![id, accountToken, clientIdentifier].every(isText) || !isRole(role)) return null
  if (![accountId, ...times].every(Number.isSafeInteger)) return null
  if (openerId !== null && !Number.isSafeInteger(openerId)) return null
  if (serverToken !== null && serverToken !== true && !isText(serverToken)) return null
  if (server !== null && !isServer(server)) return null
  const [signedInAt = 0, checkedAt = 0, expiresAt = 0, idleExpiresAt = 0] = times as readonly number[]
  return {
    id: id as string,
    account: {
      id: accountId as number,
      uuid: '',
      username: '',
      title: '',
      email: '',
      restricted: false
    },
    accountToken: accountToken as string,
    clientIdentifier: clientIdentifier as string,
    role,
    server: server === null ? null : { name: server[0], machineIdentifier: server[1], uri: server[2] },
    serverToken: serverToken === true ? (accountToken as string) : (serverToken as string | null),
    method: 'password',
    signedInAt,
    expiresAt,
    seenAt: signedInAt,
    idleExpiresAt,
    checkedAt,
    homeAdmin: null,
    openerId: openerId as number | null
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isServer(value: unknown): value is readonly [string, string, string | null] {
  return (
    Array.isArray(value) &&
    value.length === 3 &&
    isText(value[0]) &&
    isText(value[1]) &&
    (value[2] === null || isText(value[2]))
  )
}
