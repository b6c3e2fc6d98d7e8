import { isRole } from '../domain/roles.ts'
import { createLayout, integer, nullable, text, tuple } from '../seal/codec.ts'
import { namelessAccount, type Session } from '../session/session.ts'

/**
 * What an assertion or a scoped token contains of its session: enough to use its media server, to re-check it at
 * plex.tv, and to end with it on every instance. Names stay out: nothing needs them, and they would take space in
 * nginx's header buffers.
 */
const reference = createLayout({
  id: text,
  accountId: integer,
  accountToken: text,
  clientIdentifier: text,
  role: isRole,
  server: nullable(tuple(text, text, nullable(text))),
  // `true` stands for the account token: an owned server's access token is the same in practice, and is written once.
  serverToken: (value): value is string | true | null =>
    value === null || value === true || typeof value === 'string',
  signedInAt: integer,
  checkedAt: integer,
  expiresAt: integer,
  idleExpiresAt: integer,
  openerId: nullable(integer)
})

/** A session known only from a reference; of the account that opened its Home it has the id alone. */
export type ReferencedSession = Session & { readonly openerId: number | null }

export function toReference(session: Session): readonly unknown[] {
  const { server } = session
  return reference.write({
    ...session,
    accountId: session.account.id,
    server: server === null ? null : [server.name, server.machineIdentifier, server.uri],
    serverToken: session.serverToken === session.accountToken ? true : session.serverToken,
    openerId: session.homeAdmin?.accountId ?? null
  })
}

/** The session of a reference, with empty names; null for any other shape (SECURITY rule 10). */
export function fromReference(members: readonly unknown[]): ReferencedSession | null {
  const record = reference.read(members)
  if (record === null) return null
  const { accountId, server, serverToken, ...rest } = record
  return {
    ...rest,
    account: namelessAccount(accountId),
    server: server === null ? null : { name: server[0], machineIdentifier: server[1], uri: server[2] },
    serverToken: serverToken === true ? record.accountToken : serverToken,
    method: 'password',
    seenAt: record.signedInAt,
    homeAdmin: null
  }
}
