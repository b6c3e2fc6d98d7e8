import type { Session } from '../session/session.ts'
import type { NewRecord } from '../store/store.ts'

/** One browser's sign-in to apps, kept until its absolute end, over restarts and over a fresh sign-in. */
export interface SignInRecord {
  readonly uid: string
  readonly sessionId: string
  readonly accountId: number
  /** Whose Home a profile belongs to: who ends all sessions of an account ends those of the profiles it opened. */
  readonly openerId: number
  readonly signedInAt: number
  readonly expiresAt: number
  readonly checkedAt: number
  /** The session as `seal` made it, under a purpose of its own: it is no cookie, and its tokens are readable by none. */
  readonly sealed: string
  /** What the account was last known to see; null where no server has told. */
  readonly libraries: readonly string[] | null
}

/** One app that a sign-in entered. */
export interface Authorization {
  readonly uid: string
  readonly clientId: string
  readonly sid: string
  readonly grantId: string
  readonly sub: string
  readonly expiresAt: number
}

/** One app that is to be told of one end. */
export interface Logout {
  readonly clientId: string
  readonly sid: string
  readonly sub: string
  readonly queuedAt: number
  readonly attempts: number
  /** Changes with every lease, so that only its holder takes the entry away. */
  readonly lease: string
}

/** What is not delivered by then is given up. */
export const DELIVERY_MS = 86_400_000

export function toSignIn(
  session: Session,
  uid: string,
  sealed: string,
  libraries: SignInRecord['libraries']
) {
  const { account, homeAdmin, signedInAt, expiresAt, checkedAt } = session
  const openerId = homeAdmin?.accountId ?? account.id
  const record: SignInRecord = {
    uid,
    sessionId: session.id,
    accountId: account.id,
    openerId,
    signedInAt,
    expiresAt,
    checkedAt,
    sealed,
    libraries
  }
  return record
}

export function signInRecord(record: SignInRecord): NewRecord {
  const { uid, sessionId, accountId, openerId, expiresAt } = record
  const tags = new Set([`session ${sessionId}`, `account ${accountId}`, `account ${openerId}`])
  return { kind: 'sign-in', key: uid, value: JSON.stringify(record), expiresAt, tags: [...tags] }
}

export function authorizationRecord(authorization: Authorization): NewRecord {
  const { uid, clientId, sid, expiresAt } = authorization
  return {
    kind: 'authorization',
    key: `${uid} ${clientId}`,
    value: JSON.stringify(authorization),
    expiresAt,
    tags: [`uid ${uid}`, `sid ${sid}`]
  }
}

/** `at`: when it is due. */
export function logoutRecord(logout: Logout, at: number): NewRecord {
  return {
    kind: 'logout',
    key: `${logout.clientId} ${logout.sid}`,
    value: JSON.stringify(logout),
    at,
    // Later than the last attempt, which then finds it and says that it was given up.
    expiresAt: logout.queuedAt + DELIVERY_MS + 3_600_000
  }
}

export const parseSignIn = (text: string): SignInRecord => JSON.parse(text) as SignInRecord
export const parseAuthorization = (text: string): Authorization => JSON.parse(text) as Authorization
export const parseLogout = (text: string): Logout => JSON.parse(text) as Logout
