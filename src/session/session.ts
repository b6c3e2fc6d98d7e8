import type { Role } from '../domain/roles.ts'
import type { SignInMethod } from '../domain/sign-in-methods.ts'
import type { Account } from '../plex/account.ts'

export interface SessionAccount {
  readonly id: number
  readonly uuid: string
  readonly username: string
  readonly title: string
  readonly email: string
  /** Whether plex.tv has confirmed that the address is this account's. */
  readonly emailVerified: boolean
  readonly restricted: boolean
}

export interface SessionServer {
  readonly name: string
  readonly machineIdentifier: string
  /** The connection that was proven; null where the deployment names its one server. */
  readonly uri: string | null
}

/** The token of the Home member who signed in, kept through a profile switch so that the next switch works. */
export interface HomeAdmin {
  /** Ending all sessions of this account also ends those of the profiles that it opened. */
  readonly accountId: number
  readonly uuid: string
  readonly token: string
  readonly clientIdentifier: string
}

/** `checkedAt` of a session that no sign-in started: its token is the operator's own and is never signed out. */
export const NEVER_CHECKED = Number.MAX_SAFE_INTEGER

/** One signed-in account in one browser: plain immutable data. Times are epoch milliseconds. */
export interface Session {
  readonly id: string
  readonly account: SessionAccount
  readonly accountToken: string
  readonly clientIdentifier: string
  readonly role: Role
  readonly server: SessionServer | null
  /** The server's own access token for this account, which is not the account token on a shared server. */
  readonly serverToken: string | null
  readonly method: SignInMethod
  readonly signedInAt: number
  readonly expiresAt: number
  readonly seenAt: number
  readonly idleExpiresAt: number
  /** When plex.tv last confirmed the token and the access. */
  readonly checkedAt: number
  readonly homeAdmin: HomeAdmin | null
}

/**
 * What a browser may know of a session (reference/http.md#session-view). It is built field by field, so that no token
 * gets into it.
 */
export interface SessionView {
  readonly account: {
    readonly id: number
    readonly uuid: string
    readonly username: string
    readonly title: string
    readonly email: string
    readonly thumb: string
    readonly restricted: boolean
  }
  readonly role: Role
  readonly server: { readonly name: string; readonly machineIdentifier: string } | null
  readonly method: SignInMethod
  readonly signedInAt: string
  readonly expiresAt: string
  readonly idleExpiresAt: string
  readonly stale: boolean
}

/** `basePath` is where the public listener's paths begin, '' or '/x'. */
export function toView(session: Session, stale: boolean, basePath: string): SessionView {
  const { account, server } = session
  return {
    account: {
      id: account.id,
      uuid: account.uuid,
      username: account.username,
      title: account.title,
      email: account.email,
      thumb: `${basePath}/plex/users/${account.uuid}/avatar`,
      restricted: account.restricted
    },
    role: session.role,
    server: server === null ? null : { name: server.name, machineIdentifier: server.machineIdentifier },
    method: session.method,
    signedInAt: new Date(session.signedInAt).toISOString(),
    expiresAt: new Date(session.expiresAt).toISOString(),
    idleExpiresAt: new Date(session.idleExpiresAt).toISOString(),
    stale
  }
}

/** An account of which nothing is known but its id. */
export function namelessAccount(id: number): SessionAccount {
  return { id, uuid: '', username: '', title: '', email: '', emailVerified: false, restricted: false }
}

export function toSessionAccount(account: Account): SessionAccount {
  const { id, uuid, username, title, email, confirmed, restricted } = account
  return { id, uuid, username, title, email, emailVerified: confirmed, restricted }
}

/** The session with its account as plex.tv describes it now; the same object if nothing has changed. */
export function withAccount(session: Session, account: Account): Session {
  const { username, title, email, emailVerified, restricted } = session.account
  const now = toSessionAccount(account)
  const isSame =
    now.username === username &&
    now.title === title &&
    now.email === email &&
    now.emailVerified === emailVerified &&
    now.restricted === restricted
  return isSame ? session : { ...session, account: { ...now, uuid: session.account.uuid } }
}

/** Every account token that a session holds: its own, and that of the account whose Home it was switched in. */
export function tokensOf({ accountToken, homeAdmin }: Session): readonly string[] {
  return homeAdmin === null ? [accountToken] : [accountToken, homeAdmin.token]
}
