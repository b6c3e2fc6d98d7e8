import { createLruMap } from '../../domain/lru-map.ts'
import type { Session } from '../session.ts'

/** What revocation needs of a session, or of anything that ends with one. */
export type Revocable = Pick<Session, 'id' | 'signedInAt'> & {
  readonly account: { readonly id: number }
  /** The account that opened a profile's session: the session could switch back to it, so both end together. */
  readonly homeAdmin?: { readonly accountId: number } | null
  /** The same for a session that is known only from a token. */
  readonly openerId?: number | null
  /** The scoped token that a session is known from: its revocation revokes the session too. */
  readonly tokenId?: string
}

export type Revocation =
  | { readonly kind: 'session'; readonly id: string; readonly until: number }
  /** Every session of the account that signed in at `before` or earlier. */
  | { readonly kind: 'account'; readonly accountId: number; readonly before: number; readonly until: number }
  /** One scoped token. */
  | { readonly kind: 'token'; readonly id: string; readonly until: number }

type AccountRevocation = Extract<Revocation, { kind: 'account' }>
type IdRevocation = Exclude<Revocation, AccountRevocation>

export interface Revocations {
  isRevoked(session: Revocable): boolean
  isTokenRevoked(id: string): boolean
  /** Takes effect here at once. `until` (epoch ms) is when the revoked thing would have expired. */
  revoke(revocation: Revocation): void
  /** Adds a revocation of another instance: the listeners are called, `onRevoke` is not. */
  learn(revocation: Revocation): void
  /** Called for every new revocation, made here or learned. Returns a function that ends this. */
  listen(listener: (revocation: Revocation) => void): () => void
  /** Every revocation in force, for an instance or a store that has none. */
  all(): readonly Revocation[]
  readonly size: number
}

export interface RevocationOptions {
  readonly now: () => number
  /** Called for each revocation made here, to share it with other instances. */
  readonly onRevoke?: (revocation: Revocation) => void
  /** Entries of each kind; the least recently used goes first. */
  readonly max?: number
}

/**
 * Of each kind here, and of all kinds together in a shared store, so that learning them all in any order evicts none.
 * So many revoked ids take some 66 MB: one for each sign-out within one absolute lifetime.
 */
export const MAX_REVOCATIONS = 300_000

/** The revocations that this instance knows. They are in memory, because every request checks them. */
export function createRevocations({ now, onRevoke, max = MAX_REVOCATIONS }: RevocationOptions): Revocations {
  const life = { perf: { now }, ttl: 1, ttlResolution: 0 }
  const sessions = createLruMap<string, IdRevocation>(max, life)
  const accounts = createLruMap<number, AccountRevocation>(max, life)
  const tokens = createLruMap<string, IdRevocation>(max, life)
  const listeners = new Set<(revocation: Revocation) => void>()

  function learn(revocation: Revocation): void {
    if (!remember(revocation)) return
    for (const listener of listeners) listener(revocation)
  }

  /** True if it was new: shared revocations arrive more than once. */
  function remember(revocation: Revocation): boolean {
    const ttl = revocation.until - now()
    if (ttl <= 0) return false
    if (revocation.kind !== 'account') {
      const ids = revocation.kind === 'session' ? sessions : tokens
      if ((ids.peek(revocation.id)?.until ?? 0) >= revocation.until) return false
      ids.set(revocation.id, revocation, { ttl })
      return true
    }
    const known = accounts.peek(revocation.accountId)
    const before = Math.max(revocation.before, known?.before ?? 0)
    const until = Math.max(revocation.until, known?.until ?? 0)
    if (known !== undefined && known.before === before && known.until === until) return false
    accounts.set(revocation.accountId, { ...revocation, before, until }, { ttl: until - now() })
    return true
  }

  function isAccountRevoked(id: number, signedInAt: number): boolean {
    const before = accounts.get(id)?.before
    return before !== undefined && signedInAt <= before
  }

  return {
    isRevoked(session) {
      if (sessions.size > 0 && sessions.get(session.id) !== undefined) return true
      if (session.tokenId !== undefined && tokens.get(session.tokenId) !== undefined) return true
      if (accounts.size === 0) return false
      const { account, homeAdmin, signedInAt } = session
      const openerId = homeAdmin?.accountId ?? session.openerId ?? account.id
      return isAccountRevoked(account.id, signedInAt) || isAccountRevoked(openerId, signedInAt)
    },
    isTokenRevoked: (id) => tokens.get(id) !== undefined,
    revoke(revocation) {
      learn(revocation)
      onRevoke?.(revocation)
    },
    learn,
    listen(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    all: () => [...sessions.values(), ...tokens.values(), ...accounts.values()],
    get size() {
      return sessions.size + accounts.size + tokens.size
    }
  }
}
