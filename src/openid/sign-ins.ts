import type { Seal } from '../seal/seal.ts'
import { sessionCodec } from '../session/cookie/sealed-session.ts'
import type { Session } from '../session/session.ts'
import type { Change, Store } from '../store/store.ts'
import { grantIdOf, sidOf, uidOf } from './names.ts'
import {
  type Authorization,
  authorizationRecord,
  logoutRecord,
  parseAuthorization,
  parseSignIn,
  type SignInRecord,
  signInRecord,
  toSignIn
} from './sign-in-record.ts'

/** Sign-ins to apps in the store. Every change is atomic and made by one instance only. */
export interface SignIns {
  find(uid: string): Promise<SignInRecord | null>
  /** By the session that it currently belongs to. */
  ofSession(sessionId: string): Promise<SignInRecord | null>
  ofAccount(accountId: number): Promise<readonly SignInRecord[]>
  /** The apps that were entered. */
  authorizations(uid: string): Promise<readonly Authorization[]>
  /** The sign-in of a session, made at its first app. */
  begin(session: Session, libraries: readonly string[] | null): Promise<SignInRecord>
  /** Records that an app was entered; false if the sign-in has ended in the meantime. */
  enter(uid: string, clientId: string): Promise<boolean>
  /** Stores a newer state of the session, unless the sign-in has ended. */
  update(record: SignInRecord, session: Session, libraries: readonly string[] | null): Promise<void>
  /** The same person signed in again in the same browser: the sign-in continues under the new session. */
  move(sessionId: string, to: Session): Promise<void>
  /** Ends a sign-in and queues its sign-outs; only one caller succeeds. `except`: an app that already knows. */
  end(uid: string, except?: string): Promise<boolean>
  /** Ends one app of a sign-in. */
  leave(uid: string, clientId: string): Promise<boolean>
  /** The same, found by the app's grant. */
  leaveBySid(sid: string): Promise<void>
  /** The session in a record; null if no key of the ring unseals it. */
  open(record: SignInRecord): Session | null
}

export interface SignInsOptions {
  readonly store: Store
  readonly seal: Seal
  /** Whether an app receives sign-outs. */
  readonly isTold: (clientId: string) => boolean
  /** Something was queued. */
  readonly onQueued: () => void
  readonly now: () => number
}

/** Retries when another instance writes at the same time; it will not win this often in a row. */
const TRIES = 10
/** Everything that belongs to a sign-in, found by its uid. */
const BELONGINGS = ['authorization', 'session', 'code', 'access-token', 'refresh-token', 'grant'] as const
const TOKENS = ['code', 'access-token', 'refresh-token'] as const

export function createSignIns({ store, seal, isTold, onQueued, now }: SignInsOptions): SignIns {
  async function readText(uid: string): Promise<string | null> {
    return store.get({ kind: 'sign-in', key: uid })
  }

  async function find(uid: string): Promise<SignInRecord | null> {
    const text = await readText(uid)
    return text === null ? null : parseSignIn(text)
  }

  async function ofSession(sessionId: string): Promise<SignInRecord | null> {
    const [text] = await store.find({ kind: 'sign-in', tag: `session ${sessionId}` }, 1)
    return text === undefined ? null : parseSignIn(text)
  }

  async function authorizations(uid: string): Promise<readonly Authorization[]> {
    return (await store.find({ kind: 'authorization', tag: `uid ${uid}` })).map(parseAuthorization)
  }

  const sealSession = (session: Session) => seal.seal('kept', sessionCodec.encode(session))

  /** Retries until nobody else wrote in between; `attempt` returns null to try again. */
  async function settle<T>(attempt: () => Promise<T | null>): Promise<T> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const result = await attempt()
      if (result !== null) return result
    }
    throw new Error('a record changes all the time')
  }

  function toLogout({ clientId, sid, sub }: Authorization): NonNullable<Change['put']> {
    if (!isTold(clientId)) return []
    const time = now()
    return [logoutRecord({ clientId, sid, sub, queuedAt: time, attempts: 0, lease: '' }, time)]
  }

  async function leave(authorization: Authorization): Promise<boolean> {
    const { uid, clientId, grantId } = authorization
    const row = authorizationRecord(authorization)
    const queued = toLogout(authorization)
    const done = await store.commit({
      when: [{ kind: 'authorization', key: row.key, value: row.value }],
      remove: [
        { kind: 'authorization', key: row.key },
        { kind: 'grant', key: grantIdOf(uid, clientId) }
      ],
      removeTagged: TOKENS.map((kind) => ({ kind, tag: `grant ${grantId}` })),
      put: queued
    })
    if (done && queued.length > 0) onQueued()
    return done
  }

  return {
    find,
    ofSession,
    ofAccount: async (accountId) =>
      (await store.find({ kind: 'sign-in', tag: `account ${accountId}` })).map(parseSignIn),
    authorizations,

    begin: (session, libraries) =>
      settle(async () => {
        const known = await ofSession(session.id)
        if (known !== null) return known
        const record = toSignIn(session, uidOf(session.id), sealSession(session), libraries)
        const when = [{ kind: 'sign-in', key: record.uid, value: null }] as const
        return (await store.commit({ when, put: [signInRecord(record)] })) ? record : null
      }),

    enter: (uid, clientId) =>
      settle(async () => {
        const text = await readText(uid)
        if (text === null) return false
        const { accountId, expiresAt } = parseSignIn(text)
        const row = authorizationRecord({
          uid,
          clientId,
          sid: sidOf(uid, clientId),
          grantId: grantIdOf(uid, clientId),
          sub: String(accountId),
          expiresAt
        })
        // In one change with the record of the sign-in: an end of it finds the app, or the app is not recorded.
        const when = [{ kind: 'sign-in', key: uid, value: text }] as const
        return (await store.commit({ when, put: [row] })) ? true : null
      }),

    async update(record, session, libraries) {
      const text = await readText(record.uid)
      if (text === null || parseSignIn(text).sessionId !== session.id) return
      const put = [signInRecord(toSignIn(session, record.uid, sealSession(session), libraries))]
      // Written by another instance in the meantime, which knows as much.
      await store.commit({ when: [{ kind: 'sign-in', key: record.uid, value: text }], put })
    },

    move: (sessionId, to) =>
      settle(async () => {
        const record = await ofSession(sessionId)
        if (record === null || record.accountId !== to.account.id) return true
        const { uid, libraries } = record
        const rows = (await authorizations(uid)).map((row) =>
          authorizationRecord({ ...row, expiresAt: to.expiresAt })
        )
        const moved = signInRecord(toSignIn(to, uid, sealSession(to), libraries))
        const when = [{ kind: 'sign-in', key: uid, value: signInRecord(record).value }] as const
        return (await store.commit({ when, put: [moved, ...rows] })) ? true : null
      }).then(() => undefined),

    end: (uid, except) =>
      settle(async () => {
        const text = await readText(uid)
        if (text === null) return false
        const rows = await authorizations(uid)
        const put = rows.filter(({ clientId }) => clientId !== except).flatMap(toLogout)
        const done = await store.commit({
          when: [
            { kind: 'sign-in', key: uid, value: text },
            { kind: 'authorization', tag: `uid ${uid}`, count: rows.length }
          ],
          remove: [{ kind: 'sign-in', key: uid }],
          removeTagged: BELONGINGS.map((kind) => ({ kind, tag: `uid ${uid}` })),
          put
        })
        if (done && put.length > 0) onQueued()
        return done ? true : null
      }),

    async leave(uid, clientId) {
      const text = await store.get({ kind: 'authorization', key: `${uid} ${clientId}` })
      return text !== null && leave(parseAuthorization(text))
    },

    async leaveBySid(sid) {
      const [text] = await store.find({ kind: 'authorization', tag: `sid ${sid}` }, 1)
      if (text !== undefined) await leave(parseAuthorization(text))
    },

    open({ sealed }) {
      const unsealed = seal.unseal('kept', sealed)
      return typeof unsealed === 'string' ? null : sessionCodec.decode(unsealed.value)
    }
  }
}
