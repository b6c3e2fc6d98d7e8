import { setImmediate as yieldToOthers } from 'node:timers/promises'
import type { Config } from '../config/config.ts'
import { Problem } from '../domain/problems.ts'
import { hasRole, isRole } from '../domain/roles.ts'
import type { Audit, KeptEvent } from '../observe/audit.ts'
import { deploymentIdentifier } from '../plex/identity.ts'
import { sessionCodec } from '../session/cookie/sealed-session.ts'
import type { EndReason, SessionEnds } from '../session/end.ts'
import type { LiveSessions } from '../session/live/live-sessions.ts'
import type { Session } from '../session/session.ts'
import { type Store, StoreAway } from '../store/store.ts'
import type { Blocks } from './blocks.ts'
import type { Register } from './register.ts'
import type { SealedJson } from './sealed-json.ts'
import type { SessionRecord } from './session-record.ts'
import type { TitleLookup } from './title-lookup.ts'
import { type AccountView, type SessionList, toAccountViews, toSessionViews } from './views.ts'

/** Who asks: a session for itself or as the owner, or a service. */
export type Asker = { readonly session: Session } | { readonly service: string }

export interface EventList {
  readonly events: readonly ({ readonly id: string } & KeptEvent)[]
}

/** Who is signed in, and the power to end it. What an asker may not see is not there. */
export interface People {
  sessions(asker: Asker, accountId?: number): Promise<SessionList>
  /** Throws USHER_NOT_FOUND where there is none, or it is somebody else's. */
  end(asker: Asker, handle: string): Promise<Session>
  accounts(asker: Asker): Promise<readonly AccountView[]>
  endAccount(asker: Asker, accountId: number): Promise<void>
  block(asker: Asker, accountId: number): Promise<void>
  unblock(asker: Asker, accountId: number): Promise<void>
  events(asker: Asker, before?: string): Promise<EventList>
  /**
   * Reads the blocks, and ends what blocked accounts have open. For a store that can be used now, and could not before:
   * while it was away an account may have signed in whose block was not known here. Never rejects.
   */
  enforceBlocks(): Promise<void>
  isOwner(session: Session): boolean
}

export interface PeopleOptions {
  readonly config: Pick<Config, 'pms' | 'apps' | 'oidc' | 'sessionIdleMs' | 'plexToken' | 'publicUrl'>
  readonly store: Store
  readonly sealed: SealedJson
  readonly register: Register
  readonly blocks: Blocks
  readonly titles: TitleLookup
  readonly live: Pick<LiveSessions, 'find'>
  readonly sessionEnds: Pick<SessionEnds, 'end' | 'endAccount'>
  readonly audit: Audit
  readonly now: () => number
}

const MOST_SESSIONS = 1000
const MOST_COUNTED = 10_000
const EVENTS_A_PAGE = 100
export const EVENTS = 'events'

export function createPeople(options: PeopleOptions): People {
  const { config, store, sealed, register, blocks, titles, live, sessionEnds, audit, now } = options
  /** A reload may change them. */
  const appNames = () => new Map([...config.oidc.clients, ...config.apps].map(({ id, name }) => [id, name]))

  /** A role at a server that a person chose says nothing here (SECURITY rule 75). */
  const isOwner = ({ role }: Session) => config.pms.url !== null && hasRole(role, 'owner')

  function requireOwner(asker: Asker): void {
    if ('session' in asker && !isOwner(asker.session)) throw new Problem('USHER_SERVER_ACCESS_DENIED')
  }

  const sees = (asker: Asker, record: SessionRecord): boolean =>
    !('session' in asker) || isOwner(asker.session) || record.account.id === asker.session.account.id

  /** Since when the store has noted every session: those that are not seen since are missing. */
  async function isComplete(): Promise<boolean> {
    const time = now()
    const name = { kind: 'lease', key: 'people-since' } as const
    const value = await store.get(name)
    if (value === null) {
      const put = [{ ...name, value: String(time), expiresAt: time + 100 * 365 * 86_400_000 }]
      await store.commit({ when: [{ ...name, value: null }], put })
    }
    return value !== null && time - Number(value) >= config.sessionIdleMs
  }

  function reasonOf(asker: Asker, accountId: number): EndReason {
    if ('service' in asker) return 'revoked'
    return asker.session.account.id === accountId ? 'ended_elsewhere' : 'ended_by_owner'
  }

  function sessionOf(record: SessionRecord): Session | null {
    const known = live.find(record.id)?.session
    if (known !== undefined) return known
    return sessionCodec.decode(record.session)
  }

  /** By the asker's own token, so that nobody learns more than the media server would show them. */
  async function lookUpTitles(asker: Asker, records: readonly SessionRecord[]): Promise<void> {
    const items = records.flatMap(({ streams }) =>
      streams.flatMap(({ title, item }) => (title === null ? (item ?? []) : []))
    )
    if (items.length === 0) return
    if ('session' in asker) {
      const { serverToken: token, clientIdentifier } = asker.session
      if (token !== null)
        await titles.look(items, { token, clientIdentifier, isOwner: isOwner(asker.session) })
    } else if (config.plexToken !== null) {
      const clientIdentifier = deploymentIdentifier(config.publicUrl.href)
      await titles.look(items, { token: config.plexToken, clientIdentifier, isOwner: true })
    }
  }

  async function recordsOf(accountId: number): Promise<readonly SessionRecord[]> {
    try {
      await register.flush()
      return await register.ofAccount(accountId)
    } catch (error) {
      if (error instanceof StoreAway) return []
      throw error
    }
  }

  const people: People = {
    isOwner,
    async sessions(asker, accountId) {
      await register.flush()
      const complete = await isComplete()
      const whose = 'session' in asker && !isOwner(asker.session) ? asker.session.account.id : accountId
      const current = 'session' in asker ? asker.session.id : null
      const { records, isAll } =
        whose === undefined
          ? await register.latest(MOST_SESSIONS)
          : { records: await register.ofAccount(whose), isAll: true }
      // Somebody else's account: nothing of it, as if nobody were signed in with it.
      const isOthers = accountId !== undefined && whose !== accountId
      if (isOthers) return { sessions: [], complete: complete && isAll }
      await lookUpTitles(asker, records)
      const sessions = toSessionViews(records, { current, appNames: appNames(), titleOf: titles.of })
      return { sessions, complete: complete && isAll }
    },
    async end(asker, handle) {
      await register.flush()
      const record = await register.find(handle)
      if (record === null || !sees(asker, record)) throw new Problem('USHER_NOT_FOUND')
      const session = sessionOf(record)
      if (session === null) throw new Problem('USHER_NOT_FOUND')
      sessionEnds.end(session, reasonOf(asker, record.account.id))
      return session
    },
    async accounts(asker) {
      requireOwner(asker)
      await register.flush()
      const { records } = await register.latest(MOST_COUNTED)
      return toAccountViews(records, await blocks.all())
    },
    async endAccount(asker, accountId) {
      requireOwner(asker)
      const reason = reasonOf(asker, accountId)
      // Those listed are signed out at plex.tv too. Without the list all of them end just the same.
      for (const record of await recordsOf(accountId)) {
        const session = sessionOf(record)
        if (session !== null) sessionEnds.end(session, reason)
      }
      sessionEnds.endAccount(accountId, reason)
    },
    async block(asker, accountId) {
      requireOwner(asker)
      await register.flush()
      const records = await register.ofAccount(accountId)
      const isSelf = 'session' in asker && asker.session.account.id === accountId
      // Nobody could lift it again.
      if (isSelf || records.some(({ role }) => isRole(role) && role === 'owner'))
        throw new Problem('USHER_INVALID_REQUEST', { detail: 'The owner cannot be blocked.' })
      const { username = '', title = '' } = records[0]?.account ?? {}
      await blocks.set({ accountId, username, title, at: now() })
      for (const record of records) {
        const session = sessionOf(record)
        if (session !== null) sessionEnds.end(session, 'blocked')
      }
      sessionEnds.endAccount(accountId, 'blocked')
      audit.note('account.blocked', { accountId, blocked: true, by: nameOf(asker) })
    },
    async unblock(asker, accountId) {
      requireOwner(asker)
      await blocks.lift(accountId)
      audit.note('account.blocked', { accountId, blocked: false, by: nameOf(asker) })
    },
    async enforceBlocks() {
      // The store calls from within.
      await null
      const all = await blocks.all().catch(() => [])
      for (const { accountId } of all) {
        sessionEnds.endAccount(accountId, 'blocked')
        // Each looks at every session.
        await yieldToOthers()
      }
    },
    async events(asker, before) {
      requireOwner(asker)
      const limit = EVENTS_A_PAGE
      const entries = await store.recent(EVENTS, before === undefined ? { limit } : { before, limit })
      const events = entries.flatMap(({ id, value }) => {
        const event = sealed.read<KeptEvent>(value)?.value
        return event === undefined ? [] : [{ id, ...event }]
      })
      return { events }
    }
  }

  return {
    ...people,
    sessions: orUnavailable(people.sessions),
    end: orUnavailable(people.end),
    accounts: orUnavailable(people.accounts),
    endAccount: orUnavailable(people.endAccount),
    block: orUnavailable(people.block),
    unblock: orUnavailable(people.unblock),
    events: orUnavailable(people.events)
  }
}

function nameOf(asker: Asker): string {
  return 'service' in asker ? asker.service : String(asker.session.account.id)
}

/** A store that is away is an outage, not a defect. */
function orUnavailable<A extends readonly unknown[], R>(ask: (...args: A) => Promise<R>) {
  return async (...args: A): Promise<R> => {
    try {
      return await ask(...args)
    } catch (error) {
      if (!(error instanceof StoreAway)) throw error
      throw new Problem('USHER_UPSTREAM_UNREACHABLE', {
        detail: 'Where sessions are listed cannot be reached now. Nobody was signed out; try again later.'
      })
    }
  }
}
