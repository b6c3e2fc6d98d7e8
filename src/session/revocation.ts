import { LRUCache } from 'lru-cache'
import type { Session } from './session.ts'

/** What revocation needs to know of a session, or of anything that lives and dies with one. */
export type Revocable = Pick<Session, 'id' | 'signedInAt'> & {
  readonly account: { readonly id: number }
  /** Of a session known only from a scoped token: it is revoked with the token too. */
  readonly tokenId?: string
}

export type Revocation =
  | { readonly kind: 'session'; readonly id: string; readonly until: number }
  /** Every session of the account that signed in at `before` or earlier. */
  | { readonly kind: 'account'; readonly accountId: number; readonly before: number; readonly until: number }
  /** One scoped token. */
  | { readonly kind: 'token'; readonly id: string; readonly until: number }

export interface Revocations {
  isRevoked(session: Revocable): boolean
  isTokenRevoked(id: string): boolean
  /** Known here at once; `until` (epoch ms) is when the revoked thing would have ended by itself. */
  revoke(revocation: Revocation): void
  /** Takes in what another instance revoked; the listeners hear of it, `onRevoke` does not. */
  learn(revocation: Revocation): void
  /** Called for every revocation that was not known yet, made here or learned; for what must end with a session. */
  listen(listener: (revocation: Revocation) => void): void
  /** Everything known and not over, for an instance or a store that knows nothing. */
  all(): readonly Revocation[]
  readonly size: number
}

export interface RevocationOptions {
  readonly now: () => number
  /** Told of what was revoked here, to tell other instances. */
  readonly onRevoke?: (revocation: Revocation) => void
  /** Entries of each kind; the one least recently asked for goes first. */
  readonly max?: number
}

/** 100,000 revoked ids take some 20 MB, and stand for as many sign-outs within one absolute lifetime. */
const MAX_ENTRIES = 100_000

/** What is revoked, in this process: asked on every request, so it answers at once and from memory. */
export function createRevocations({ now, onRevoke, max = MAX_ENTRIES }: RevocationOptions): Revocations {
  const perf = { now }
  const sessions = new LRUCache<string, true>({ max, perf, ttl: 1, ttlResolution: 0 })
  const accounts = new LRUCache<number, number>({ max, perf, ttl: 1, ttlResolution: 0 })
  const tokens = new LRUCache<string, true>({ max, perf, ttl: 1, ttlResolution: 0 })
  const listeners: ((revocation: Revocation) => void)[] = []

  function learn(revocation: Revocation): void {
    if (!remember(revocation)) return
    for (const listener of listeners) listener(revocation)
  }

  /** Whether that was news: what is shared among instances arrives more than once. */
  function remember(revocation: Revocation): boolean {
    const ttl = revocation.until - now()
    if (ttl <= 0) return false
    if (revocation.kind !== 'account') {
      const known = revocation.kind === 'session' ? sessions : tokens
      if (known.getRemainingTTL(revocation.id) >= ttl) return false
      known.set(revocation.id, true, { ttl })
      return true
    }
    const { accountId } = revocation
    const known = accounts.get(accountId) ?? 0
    const left = accounts.getRemainingTTL(accountId)
    if (known >= revocation.before && left >= ttl) return false
    accounts.set(accountId, Math.max(known, revocation.before), { ttl: Math.max(left, ttl) })
    return true
  }

  function ids(kind: 'session' | 'token', cache: LRUCache<string, true>): Revocation[] {
    return [...cache.keys()].map((id) => ({ kind, id, until: now() + cache.getRemainingTTL(id) }))
  }

  return {
    isRevoked(session) {
      if (sessions.size > 0 && sessions.get(session.id) !== undefined) return true
      if (session.tokenId !== undefined && tokens.get(session.tokenId) !== undefined) return true
      const before = accounts.size > 0 ? accounts.get(session.account.id) : undefined
      return before !== undefined && session.signedInAt <= before
    },
    isTokenRevoked: (id) => tokens.get(id) !== undefined,
    revoke(revocation) {
      learn(revocation)
      onRevoke?.(revocation)
    },
    learn,
    listen: (listener) => void listeners.push(listener),
    all: () => [
      ...ids('session', sessions),
      ...ids('token', tokens),
      ...[...accounts].map(
        ([accountId, before]): Revocation => ({
          kind: 'account',
          accountId,
          before,
          until: now() + accounts.getRemainingTTL(accountId)
        })
      )
    ],
    get size() {
      return sessions.size + accounts.size + tokens.size
    }
  }
}
