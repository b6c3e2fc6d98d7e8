import { LRUCache } from 'lru-cache'
import type { Session } from '../session.ts'

/** What revocation needs to know of a session, or of anything that lives and dies with one. */
export type Revocable = Pick<Session, 'id' | 'signedInAt'> & {
  readonly account: { readonly id: number }
  /** Whose Home a profile's session belongs to: it could be switched back to that account, so it ends with it. */
  readonly homeAdmin?: { readonly accountId: number } | null
  /** The same, of a session known only from a token. */
  readonly openerId?: number | null
  /** Of a session known only from a scoped token: it is revoked with the token too. */
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

/**
 * Of each kind, and of all together in a shared store, so that a catch-up pushes nothing out here: it learns in no order.
 * So many revoked ids take some 66 MB, and stand for as many sign-outs within one absolute lifetime.
 */
export const MAX_REVOCATIONS = 300_000

/** What is revoked, in this process: asked on every request, so it answers at once and from memory. */
export function createRevocations({ now, onRevoke, max = MAX_REVOCATIONS }: RevocationOptions): Revocations {
  // Grows as it fills: `max` would make room for all of them at once, which takes a quarter of a start.
  const room = { maxSize: max, sizeCalculation: () => 1, perf: { now }, ttl: 1, ttlResolution: 0 }
  const sessions = new LRUCache<string, IdRevocation>(room)
  const accounts = new LRUCache<number, AccountRevocation>(room)
  const tokens = new LRUCache<string, IdRevocation>(room)
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
    listen: (listener) => void listeners.push(listener),
    all: () => [...sessions.values(), ...tokens.values(), ...accounts.values()],
    get size() {
      return sessions.size + accounts.size + tokens.size
    }
  }
}
