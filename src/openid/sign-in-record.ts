import type { Session } from '../session/session.ts'
import type { NewRecord } from '../store/store.ts'

/** One browser's sign-in to apps; survives restarts and repeated sign-ins, until its absolute end. */
export interface SignInRecord {
  readonly uid: string
  readonly sessionId: string
  readonly accountId: number
  /** The account that switched to this profile: ending all sessions of an account includes its profiles'. */
  readonly openerId: number
  readonly signedInAt: number
  readonly expiresAt: number
  readonly checkedAt: number
  /** The sealed session, under its own purpose: it is no cookie, and its tokens are not readable. */
  readonly sealed: string
  /** The libraries that the account last saw; null if no server has reported them. */
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

/** One sign-out to deliver to one app. */
export interface Logout {
  readonly clientId: string
  readonly sid: string
  readonly sub: string
  readonly queuedAt: number
  readonly attempts: number
  /** Changes with every lease, so that only its holder removes the entry. */
  readonly lease: string
}

/** Undelivered entries are given up after this. */
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
    // After the last attempt, which then finds the entry and logs that it was given up.
    expiresAt: logout.queuedAt + DELIVERY_MS + 3_600_000
  }
}

export const parseSignIn = (text: string): SignInRecord => JSON.parse(text) as SignInRecord
export const parseAuthorization = (text: string): Authorization => JSON.parse(text) as Authorization
export const parseLogout = (text: string): Logout => JSON.parse(text) as Logout
