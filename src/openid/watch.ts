import { isDeepStrictEqual } from 'node:util'
import type { AccessRules } from '../apps/access.ts'
import type { Libraries } from '../apps/libraries.ts'
import type { Recheck } from '../session/check/recheck.ts'
import type { LiveSessions } from '../session/live/live-sessions.ts'
import type { Revocations } from '../session/live/revocation.ts'
import type { Session } from '../session/session.ts'
import { takeLease } from '../store/lease.ts'
import { everyValue, type Store } from '../store/store.ts'
import type { OpenIdClient } from './clients.ts'
import type { People } from './people.ts'
import { parseSignIn, type SignInRecord } from './sign-in-record.ts'
import type { SignIns } from './sign-ins.ts'

export interface Watch {
  start(): void
  /** At this instance's last round. */
  readonly signIns: number
  close(): Promise<void>
}

export interface WatchOptions {
  readonly store: Store
  readonly signIns: SignIns
  readonly people: People
  readonly clients: ReadonlyMap<string, OpenIdClient>
  readonly rules: Pick<AccessRules, 'asksLibraries' | 'namesLibraries'>
  readonly libraries: Libraries
  readonly live: Pick<LiveSessions, 'of'>
  readonly recheck: Pick<Recheck, 'touch'>
  readonly revocations: Pick<Revocations, 'isRevoked'>
  readonly recheckMs: number
  /** Holds the lease of the walk. */
  readonly holder: string
  readonly now: () => number
}

const EVERY_MS = 30_000
/** After this much without a walk, another instance takes over. */
const HANDOVER_MS = 5000

/**
 * Re-checks every session with which an app was entered, until its absolute end. A person who opened an app may not
 * come back to Usher for weeks, so no request would start the re-check.
 */
export function createWatch(options: WatchOptions): Watch {
  const {
    store,
    signIns,
    people,
    clients,
    rules,
    libraries,
    live,
    recheck,
    revocations,
    recheckMs,
    holder,
    now
  } = options
  const everyMs = Math.min(recheckMs, EVERY_MS)
  let count = 0
  let walking: Promise<void> | null = null
  let isClosed = false
  let timer: NodeJS.Timeout | undefined

  async function walk(): Promise<void> {
    // One instance does this; another takes over when it stops.
    const lease = { name: 'watch', holder, durationMs: everyMs + HANDOVER_MS, now: now() }
    if (!(await takeLease(store, lease))) return
    let seen = 0
    for await (const text of everyValue(store, 'sign-in')) {
      if (isClosed) return
      await look(parseSignIn(text))
      seen += 1
    }
    count = seen
  }

  async function look(record: SignInRecord): Promise<void> {
    const kept = signIns.open(record)
    // Sealed with a retired key: nobody can tell any more whether access remains.
    if (kept === null || revocations.isRevoked(kept)) {
      await signIns.end(record.uid)
      return
    }
    const known = live.of(kept)
    recheck.touch(known)
    await keep(record, kept, known.session)
  }

  async function keep(record: SignInRecord, kept: Session, session: Session): Promise<void> {
    const authorizations = await signIns.authorizations(record.uid)
    const asks = authorizations.some(({ clientId }) =>
      rules.asksLibraries(clients.get(clientId)?.access ?? null)
    )
    const names = asks || record.libraries !== null ? await libraries.ask(session) : null
    const isNew =
      session.checkedAt > record.checkedAt ||
      names?.join() !== record.libraries?.join() ||
      // A ping reads names and addresses, and says nothing of the access.
      !isDeepStrictEqual(session.account, kept.account)
    if (isNew) await signIns.update(record, session, names)
    const person = await people.person(session, false)
    for (const { uid, clientId } of authorizations) {
      const client = clients.get(clientId)
      // The app was removed, or this person lost access to it: end this app only.
      if (client === undefined || people.decide(client, person) === 'no') await signIns.leave(uid, clientId)
    }
  }

  function begin(): void {
    // If the store is away, the next round does it.
    walking ??= walk()
      .catch(() => undefined)
      .finally(() => {
        walking = null
      })
  }

  return {
    start() {
      timer = setInterval(begin, everyMs)
      timer.unref()
      begin()
    },
    get signIns() {
      return count
    },
    async close() {
      isClosed = true
      clearInterval(timer)
      await walking
    }
  }
}
