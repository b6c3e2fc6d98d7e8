import { isRole } from '../../domain/roles.ts'
import { isSignInMethod } from '../../domain/sign-in-methods.ts'
import type { HomeAdmin, Session } from '../session.ts'

/** First element of the sealed array; a later format takes the next number and may read this one. */
const VERSION = 1

/** The session as an array without names, which saves some 300 of a cookie's 4,096 bytes. */
export function toSealed(session: Session): readonly unknown[] {
  const { account, server, homeAdmin } = session
  return [
    VERSION,
    session.id,
    account.id,
    account.uuid,
    account.username,
    account.title,
    account.email,
    account.restricted,
    session.accountToken,
    session.clientIdentifier,
    session.role,
    server === null ? null : [server.name, server.machineIdentifier, server.uri],
    // An owned server's access token is the account token in practice: said once.
    session.serverToken === session.accountToken ? true : session.serverToken,
    session.method,
    session.signedInAt,
    session.expiresAt,
    session.seenAt,
    session.idleExpiresAt,
    session.checkedAt,
    homeAdmin === null
      ? null
      : [homeAdmin.uuid, homeAdmin.token, homeAdmin.clientIdentifier, homeAdmin.accountId]
  ]
}

/** The session in an unsealed value, or null for any other version or shape (SECURITY rule 10). */
export function fromSealed(value: unknown): Session | null {
  if (!Array.isArray(value) || value[0] !== VERSION) return null
  const list: readonly unknown[] = value
  const [, id, accountId, uuid, username, title, email, restricted, accountToken, clientIdentifier, role] =
    list
  const [server, serverToken, method, signedInAt, expiresAt, seenAt, idleExpiresAt, checkedAt, homeAdmin] =
    list.slice(11)
  const texts = [id, uuid, username, title, email, accountToken, clientIdentifier]
  const times = [accountId, signedInAt, expiresAt, seenAt, idleExpiresAt, checkedAt]
  if (!texts.every(isText) || !times.every(Number.isSafeInteger)) return null
  if (!isRole(role) || !isSignInMethod(method)) return null
  if (server !== null && !(isTexts(server, 2) && (server[2] === null || isText(server[2])))) return null
  if (homeAdmin !== null && !(isTexts(homeAdmin, 3) && Number.isSafeInteger(homeAdmin[3]))) return null
  if (serverToken !== null && serverToken !== true && !isText(serverToken)) return null
  return {
    id: id as string,
    account: {
      id: accountId as number,
      uuid: uuid as string,
      username: username as string,
      title: title as string,
      email: email as string,
      restricted: restricted === true
    },
    accountToken: accountToken as string,
    clientIdentifier: clientIdentifier as string,
    role,
    server:
      server === null
        ? null
        : {
            name: server[0] as string,
            machineIdentifier: server[1] as string,
            uri: server[2] as string | null
          },
    serverToken: serverToken === true ? (accountToken as string) : (serverToken as string | null),
    method,
    signedInAt: signedInAt as number,
    expiresAt: expiresAt as number,
    seenAt: seenAt as number,
    idleExpiresAt: idleExpiresAt as number,
    checkedAt: checkedAt as number,
    homeAdmin: homeAdmin === null ? null : toHomeAdmin(homeAdmin)
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

/** Whether the first `count` elements are texts. */
function isTexts(value: unknown, count: number): value is readonly unknown[] {
  return Array.isArray(value) && value.length >= count && value.slice(0, count).every(isText)
}

function toHomeAdmin(list: readonly unknown[]): HomeAdmin {
  return {
    uuid: list[0] as string,
    token: list[1] as string,
    clientIdentifier: list[2] as string,
    accountId: list[3] as number
  }
}
