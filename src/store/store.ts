/**
 * What each kind of record shares its room with. The bound of a room is the most records that it holds: of too many
 * the one written longest ago goes first, so no flood of one kind takes another's place or the memory.
 */
export const ROOMS = {
  /** Anybody can make them. */
  interactions: { max: 10_000, kinds: ['interaction'] },
  openid: {
    max: 90_000,
    kinds: ['sign-in', 'session', 'authorization', 'grant', 'code', 'access-token', 'refresh-token', 'logout']
  },
  revocations: { max: 300_000, kinds: ['revocation'] },
  counts: { max: 20_000, kinds: ['count'] },
  people: { max: 100_000, kinds: ['person', 'block'] },
  leases: { max: 100, kinds: ['lease'] }
} as const

export type Room = keyof typeof ROOMS
export type Kind = (typeof ROOMS)[Room]['kinds'][number]

export interface NewRecord {
  readonly kind: Kind
  readonly key: string
  readonly value: string
  /** Epoch ms; past it the record is not there. */
  readonly expiresAt: number
  /** Orders the records of a kind: when something is due, say. `expiresAt` where left out. */
  readonly at?: number
  /** Finds it beside its key: the session, account or grant that it belongs to. */
  readonly tags?: readonly string[]
}

export interface RecordName {
  readonly kind: Kind
  readonly key: string
}

export interface Tag {
  readonly kind: Kind
  readonly tag: string
}

/** What must hold for a change to be made: the value of a record (null: there is none), or the number under a tag. */
export type Condition = (RecordName & { readonly value: string | null }) | (Tag & { readonly count: number })

export interface Change {
  readonly when?: readonly Condition[]
  /** After `removeTagged`; replaces what has the same name. */
  readonly put?: readonly NewRecord[]
  readonly remove?: readonly RecordName[]
  readonly removeTagged?: readonly Tag[]
}

/** Where a walk over a kind stands: the `at` of the last record, and how many with that `at` were given. */
export interface Place {
  readonly at: number
  readonly skip: number
}

export interface Page {
  readonly values: readonly string[]
  /** Null at the end. */
  readonly next: Place | null
}

export interface ListEntry {
  readonly id: string
  readonly value: string
}

/**
 * Records with an end, found by name or by tag, and changed all or nothing; lists that forget their oldest entries.
 * Three kinds keep one contract: in this process, in one file, and in Redis for several instances. Every call rejects
 * with StoreAway where the store cannot be used now, and with nothing else.
 */
export interface Store {
  get(name: RecordName): Promise<string | null>
  /** In the order of `at`, the latest `limit` of them. */
  find(tag: Tag, limit?: number): Promise<readonly string[]>
  /** Records of a kind in the order of `at`, up to `until`. */
  page(
    kind: Kind,
    options: { readonly after?: Place; readonly until?: number; readonly limit: number }
  ): Promise<Page>
  /** Whether the change was made: all of it, or nothing where a condition does not hold. */
  commit(change: Change): Promise<boolean>
  /** Adds to a list of at most `max` entries. */
  append(list: string, value: string, max: number): Promise<void>
  /** The newest entries of a list first, those before the entry `before` where one is named. */
  recent(
    list: string,
    options: { readonly before?: string; readonly limit: number }
  ): Promise<readonly ListEntry[]>
  close(): Promise<void>
}

/** The store cannot be used now. `reason` is a code or a word, never a path or an address. */
export class StoreAway extends Error {
  override readonly name = 'StoreAway'
  readonly reason: string

  constructor(reason: string, options?: ErrorOptions) {
    super(`the store is away (${reason})`, options)
    this.reason = reason
  }
}

export const MOST_FOUND = 1000

const ROOM_OF = new Map<Kind, Room>(
  Object.entries(ROOMS).flatMap(([room, { kinds }]) => kinds.map((kind) => [kind, room as Room] as const))
)

export function roomOf(kind: Kind): Room {
  const room = ROOM_OF.get(kind)
  if (room === undefined) throw new TypeError('no room has this kind')
  return room
}

/** The place after some records of a page; `ats` are in order. Null where these are all. */
export function placeAfter(ats: readonly number[], limit: number, before: Place | undefined): Place | null {
  const last = ats.at(-1)
  if (last === undefined || ats.length < limit) return null
  const same = ats.filter((at) => at === last).length
  return { at: last, skip: same + (before?.at === last ? before.skip : 0) }
}
