import { isTokenDead, Problem } from '../../domain/problems.ts'
import type { Role } from '../../domain/roles.ts'
import type { HomeUserList } from '../../plex/home-user.ts'
import type { PlexTv } from '../../plex/plex-tv.ts'
import { isServer } from '../../plex/resources.ts'
import type { SharedUserList } from '../../plex/shared-user.ts'
import type { Session } from '../session.ts'
import type { CallBudget } from './call-budget.ts'

/**
 * What the owner's lists say about a session. `ask`: nothing, so its own token must be asked. `missing`: they are
 * believable, and the account is not in them.
 */
export type RollAnswer = { readonly role: Role } | 'missing' | 'ask'

/** Why the owner's token does not serve. */
export type RollTrouble = 'dead' | 'not_the_owner'

/** Who has access to the configured server, by its owner's lists: two calls for all sessions together. */
export interface Roll {
  /** Epoch ms at which the newest lists were asked for; 0 before the first. */
  readonly at: number
  isFresh(time: number): boolean
  /** Asks for new lists, or joins a call in progress. Rejects while plex.tv is away, and pauses between attempts. */
  refresh(): Promise<void>
  answer(session: Session): RollAnswer
  /** Called with each new roll. */
  listen(listener: () => void): void
  /**
   * Null before the first answer. False while the owner's token is dead or not the owner's: then each session is
   * asked.
   */
  readonly isUsable: boolean | null
  /** Why it is not usable; null while it is. */
  readonly trouble: RollTrouble | null
}

export interface RollOptions {
  readonly plexTv: Pick<PlexTv, 'account' | 'resourceList' | 'sharedUserList' | 'homeUserList'>
  readonly owner: { readonly token: string; readonly clientIdentifier: string }
  readonly machineId: () => string | null
  readonly budget: Pick<CallBudget, 'spend'>
  /** The accounts of the live sessions here. */
  readonly accountsHere: () => Iterable<number>
  /** Called when the owner's token starts or stops working. */
  readonly onChange: (isUsable: boolean, reason: RollTrouble) => void
  /** Called once for a doubt: until a list is believed, the next ones say no more. */
  readonly onDoubt: (counts: { readonly known: number; readonly missing: number }) => void
  readonly recheckMs: number
  readonly now: () => number
}

const REST_MS = 30_000
/** If more than this part of the known people, and at least this many, lose access at once, the list is doubted. */
const DOUBT_PART = 10
const DOUBT_LEAST = 2

interface Lists {
  readonly at: number
  readonly machineId: string
  readonly ownerId: number
  /** The people who may use the server. */
  readonly roles: ReadonlyMap<number, 'home' | 'shared'>
  readonly homeIds: ReadonlySet<number>
  readonly isDoubted: boolean
}

export function createRoll(options: RollOptions): Roll {
  const { plexTv, owner, machineId, budget, accountsHere, onChange, onDoubt, recheckMs, now } = options
  const { token, clientIdentifier } = owner
  const listeners: (() => void)[] = []
  let lists: Lists | null = null
  let known: ReadonlySet<number> = new Set()
  let proven: { readonly machineId: string; readonly ownerId: number } | null = null
  let isUsable: boolean | null = null
  let trouble: RollTrouble | null = null
  let isDoubtNoted = false
  let restsUntil = 0
  let failure: unknown = null
  let under: Promise<void> | null = null

  function setUsable(usable: boolean, reason: RollTrouble = 'dead'): void {
    const before = isUsable
    isUsable = usable
    trouble = usable ? null : reason
    if (before !== usable && (before !== null || !usable)) onChange(usable, reason)
  }

  /** Whose token it is, and whether they own the server: anybody else's lists would say that nobody has access. */
  async function prove(machine: string): Promise<number | null> {
    if (proven?.machineId === machine) return proven.ownerId
    budget.spend(2)
    const [account, { resources }] = await Promise.all([
      plexTv.account(token, clientIdentifier),
      plexTv.resourceList(token, clientIdentifier)
    ])
    const isOwner = resources.some(
      (each) => isServer(each) && each.machineIdentifier === machine && each.owned && !account.restricted
    )
    if (!isOwner) return null
    proven = { machineId: machine, ownerId: account.id }
    return account.id
  }

  async function load(): Promise<void> {
    const machine = machineId()
    const at = now()
    if (machine === null) return
    const ownerId = await prove(machine)
    if (ownerId === null) {
      restsUntil = at + recheckMs
      setUsable(false, 'not_the_owner')
      return
    }
    budget.spend(2)
    const [shared, home] = await Promise.all([
      orOdd<SharedUserList>(plexTv.sharedUserList(token, clientIdentifier)),
      orOdd<HomeUserList>(plexTv.homeUserList(token, clientIdentifier))
    ])
    lists = read({ at, machineId: machine, ownerId }, shared, home)
    setUsable(true)
    for (const listener of listeners) listener()
  }

  function read(
    head: Pick<Lists, 'at' | 'machineId' | 'ownerId'>,
    shared: SharedUserList,
    home: HomeUserList
  ) {
    const homeIds = new Set(home.users.map(({ id }) => id))
    const roles = new Map<number, 'home' | 'shared'>()
    for (const user of shared.users) {
      if (!user.servers.includes(head.machineId)) continue
      const isHome = user.home || homeIds.has(user.id)
      roles.set(user.id, isHome ? 'home' : 'shared')
    }
    const people = new Set([...known, ...accountsHere()])
    people.delete(head.ownerId)
    const missing = [...people].filter((id) => !roles.has(id))
    const isMuch = missing.length >= DOUBT_LEAST && missing.length > people.size / DOUBT_PART
    const isWhole = shared.isWhole && home.isWhole && shared.users.length > 0
    const isDoubted = !isWhole || isMuch
    // Of a doubted list only people with a session here are remembered as missing: nobody else can be asked for.
    const here = isDoubted ? new Set(accountsHere()) : new Set<number>()
    known = new Set([...roles.keys(), ...missing.filter((id) => here.has(id))])
    if (isDoubted && missing.length > 0 && !isDoubtNoted) {
      isDoubtNoted = true
      onDoubt({ known: people.size, missing: missing.length })
    }
    if (!isDoubted) isDoubtNoted = false
    return { ...head, roles, homeIds, isDoubted }
  }

  async function attempt(): Promise<void> {
    const at = now()
    if (at < restsUntil && restsUntil <= at + recheckMs + REST_MS) {
      if (failure !== null) throw failure
      return
    }
    try {
      failure = null
      await load()
    } catch (error) {
      if (isTokenDead(error)) {
        // It may be a mistake of plex.tv: the next round asks again.
        restsUntil = at + recheckMs
        setUsable(false)
        return
      }
      restsUntil = at + Math.min(REST_MS, recheckMs)
      failure = error
      throw error
    }
  }

  return {
    get at() {
      return lists?.at ?? 0
    },
    get isUsable() {
      return isUsable
    },
    get trouble() {
      return trouble
    },
    isFresh: (time) => lists !== null && isUsable === true && Math.abs(time - lists.at) < recheckMs,
    refresh() {
      under ??= attempt().finally(() => {
        under = null
      })
      return under
    },
    answer({ account, server, role: before }) {
      if (lists === null || isUsable !== true || machineId() !== lists.machineId) return 'ask'
      if (server !== null && server.machineIdentifier !== lists.machineId) return 'ask'
      const role = account.id === lists.ownerId ? 'owner' : lists.roles.get(account.id)
      // Without a server token there is none to keep: an account that gained access gets one by its own list.
      if (server === null) return role === undefined ? { role: before } : 'ask'
      // A list does not change ownership: an owner that it does not confirm is asked.
      if (before === 'owner' && role !== 'owner') return 'ask'
      if (role !== undefined)
        return lists.isDoubted && before === 'home' && role === 'shared' ? 'ask' : { role }
      return lists.isDoubted || lists.homeIds.has(account.id) ? 'ask' : 'missing'
    },
    listen: (listener) => void listeners.push(listener)
  }
}

/** A list that cannot be read counts as odd: it names nobody, and does not say who is missing. */
async function orOdd<T extends { readonly users: readonly unknown[]; readonly isWhole: boolean }>(
  list: Promise<T>
): Promise<T | { readonly users: readonly never[]; readonly isWhole: false }> {
  try {
    return await list
  } catch (error) {
    if (error instanceof Problem && error.code === 'USHER_UPSTREAM_INVALID')
      return { users: [], isWhole: false }
    throw error
  }
}
