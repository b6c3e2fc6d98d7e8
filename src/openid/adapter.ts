import type { Adapter, AdapterPayload } from 'oidc-provider'
import type { Kind, NewRecord, Store } from '../store/store.ts'
import type { OidcLibrary } from './library.ts'
import { digest, sessionIdOf } from './names.ts'
import type { SignIns } from './sign-ins.ts'
import { rethrow, type Unavailable } from './unavailable.ts'

export interface AdapterOptions {
  readonly library: OidcLibrary
  readonly store: Store
  readonly signIns: SignIns
  readonly unavailable: Unavailable
  /** The app of the current request; null outside one. */
  readonly clientOfRequest: () => string | null
  /** The sign-in of the current request. */
  readonly uidOfRequest: () => string | null
  readonly now: () => number
}

const KINDS: Readonly<Record<string, Kind>> = {
  Interaction: 'interaction',
  Grant: 'grant',
  AuthorizationCode: 'code',
  AccessToken: 'access-token',
  RefreshToken: 'refresh-token'
}
/**
 * Apps may refresh twice at once. A second use within this time counts as the first, because reuse revokes the grant.
 */
const REUSE_MS = 10_000
const FORM_MS = 3_600_000

/** The library's records in the store: secrets by digest, and sessions assembled from Usher's own. */
export function createAdapterFactory(options: AdapterOptions): (model: string) => Adapter {
  return (model) => {
    if (model === 'Session') return available(sessionAdapter(options), options.unavailable)
    const kind = KINDS[model]
    return kind === undefined ? noRecords() : available(recordAdapter(options, kind), options.unavailable)
  }
}

/** Models of features that are off, and of clients, which the configuration lists. */
function noRecords(): Adapter {
  const nothing = async () => undefined
  return {
    upsert: nothing,
    find: nothing,
    findByUserCode: nothing,
    findByUid: nothing,
    consume: nothing,
    destroy: nothing,
    revokeByGrantId: nothing
  }
}

/** Turns every call's StoreAway into the error that leaves apps signed in. */
function available(adapter: Adapter, unavailable: Unavailable): Adapter {
  const calls = Object.entries(adapter).map(([name, call]) => [
    name,
    async (...args: readonly unknown[]) => {
      try {
        return await (call as (...given: readonly unknown[]) => Promise<unknown>)(...args)
      } catch (error) {
        return rethrow(error, unavailable)
      }
    }
  ])
  return Object.fromEntries(calls) as Adapter
}

function recordAdapter(options: AdapterOptions, kind: Kind): Adapter {
  const { library, store, uidOfRequest, now } = options
  const { InvalidGrant } = library.errors
  // A grant's id gives no access; the others are secrets.
  const keyOf = (id: string) => (kind === 'grant' ? id : digest(kind, id))

  function toRecord(id: string, payload: AdapterPayload, expiresAt: number): NewRecord {
    const { jti: _, ...named } = payload
    // In milliseconds, to tell whether a sign-in came after it; the library counts seconds.
    const rest = kind === 'interaction' ? { ...named, madeAt: now() } : named
    const uid = payload['sessionUid'] ?? (kind === 'grant' ? uidOfRequest() : null)
    const tags = [
      ...(typeof payload.grantId === 'string' ? [`grant ${payload.grantId}`] : []),
      ...(typeof uid === 'string' ? [`uid ${uid}`] : [])
    ]
    return { kind, key: keyOf(id), value: JSON.stringify(rest), expiresAt, tags }
  }

  async function read(id: string): Promise<{ text: string; payload: AdapterPayload } | null> {
    const text = await store.get({ kind, key: keyOf(id) })
    return text === null ? null : { text, payload: { ...(JSON.parse(text) as AdapterPayload), jti: id } }
  }

  const isFresh = (consumed: unknown) => typeof consumed === 'number' && now() - consumed * 1000 < REUSE_MS

  return {
    ...noRecords(),
    async upsert(id, payload, expiresIn) {
      await store.commit({ put: [toRecord(id, payload, now() + (expiresIn ?? 0) * 1000)] })
      return undefined
    },
    async find(id) {
      const found = await read(id)
      if (found === null) return undefined
      const { consumed, ...unused } = found.payload
      return kind === 'refresh-token' && isFresh(consumed) ? (unused as AdapterPayload) : found.payload
    },
    async consume(id) {
      const found = await read(id)
      if (found === null) throw new InvalidGrant('gone before it was used')
      const { text, payload } = found
      if (payload.consumed !== undefined) {
        if (kind === 'refresh-token' && isFresh(payload.consumed)) return undefined
        throw new InvalidGrant('used already')
      }
      const used = { ...payload, consumed: Math.floor(now() / 1000) } as unknown as AdapterPayload
      const record = toRecord(id, used, Number(payload.exp) * 1000)
      const when = [{ kind, key: keyOf(id), value: text }] as const
      if (await store.commit({ when, put: [record] })) return undefined
      // Another request was faster: a code is honoured once, a refresh token for both.
      if (kind !== 'refresh-token') throw new InvalidGrant('used at the same moment')
      return undefined
    },
    async destroy(id) {
      await store.commit({ remove: [{ kind, key: keyOf(id) }] })
      return undefined
    },
    async revokeByGrantId(grantId) {
      await store.commit({ removeTagged: [{ kind, tag: `grant ${grantId}` }] })
      return undefined
    }
  }
}

/**
 * The library's session is a view: the sign-in says whose it is, and each app that it entered has its own record. In
 * one record, entering two apps at once would lose one of them. Only the state of a form is stored.
 */
function sessionAdapter({ store, signIns, clientOfRequest, now }: AdapterOptions): Adapter {
  return {
    ...noRecords(),
    async upsert(_id, payload, expiresIn) {
      const { uid, accountId, state } = payload
      // Nobody is signed in: nothing to store.
      if (typeof uid !== 'string' || typeof accountId !== 'string') return undefined
      if (state !== undefined) {
        const expiresAt = now() + Math.min((expiresIn ?? 0) * 1000, FORM_MS)
        const value = JSON.stringify(state)
        await store.commit({ put: [{ kind: 'session', key: uid, value, expiresAt, tags: [`uid ${uid}`] }] })
      }
      const clientId = clientOfRequest()
      const entered = payload['authorizations'] as Record<string, { grantId?: string }> | undefined
      if (clientId !== null && entered?.[clientId]?.grantId !== undefined) await signIns.enter(uid, clientId)
      return undefined
    },
    async findByUid(uid) {
      const record = await signIns.find(uid)
      if (record === null) return undefined
      const [rows, state] = await Promise.all([
        signIns.authorizations(uid),
        store.get({ kind: 'session', key: uid })
      ])
      const authorizations = Object.fromEntries(
        rows.map(({ clientId, sid, grantId }) => [clientId, { sid, grantId }])
      )
      return {
        kind: 'Session',
        jti: sessionIdOf(uid),
        uid,
        accountId: String(record.accountId),
        loginTs: Math.floor(record.signedInAt / 1000),
        iat: Math.floor(record.signedInAt / 1000),
        exp: Math.floor(record.expiresAt / 1000),
        authorizations,
        ...(state !== null && { state: JSON.parse(state) as Record<string, unknown> })
      } as AdapterPayload
    }
  }
}
