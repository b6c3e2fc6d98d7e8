/**
 * Rooms bound how many records of certain kinds are kept. When a room is full, its least recently written record is
 * dropped, so a flood of one kind cannot displace another or fill the memory.
 */
export const ROOMS = {
  /** Anyone can create these. */
  interactions: { max: 10_000, kinds: ['interaction'] },
  openid: {
    max: 90_000,
    kinds: ['sign-in', 'session', 'authorization', 'grant', 'code', 'access-token', 'refresh-token', 'logout']
  },
  revocations: { max: 300_000, kinds: ['revocation'] },
  counts: { max: 20_000, kinds: ['count'] },
  people: { max: 100_000, kinds: ['person'] },
  /** Apart, so that no number of sessions lets a blocked account in again. */
  blocks: { max: 10_000, kinds: ['block'] },
  leases: { max: 100, kinds: ['lease'] }
} as const

export type Room = keyof typeof ROOMS
export type Kind = (typeof ROOMS)[Room]['kinds'][number]

export interface NewRecord {
  readonly kind: Kind
  readonly key: string
  readonly value: string
  /** Epoch ms; after it the record does not exist. */
  readonly expiresAt: number
  /** Orders the records of a kind, for example by when something is due. Default: `expiresAt`. */
  readonly at?: number
  /** Further ways to find it: the session, account or grant that it belongs to. */
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

/** A precondition of a change: the value of a record (null: none), or the number of records under a tag. */
export type Condition = (RecordName & { readonly value: string | null }) | (Tag & { readonly count: number })

export interface Change {
  readonly when?: readonly Condition[]
  /** Applied after `removeTagged`; replaces a record of the same name. */
  readonly put?: readonly NewRecord[]
  readonly remove?: readonly RecordName[]
  readonly removeTagged?: readonly Tag[]
}

/** A position in a kind: the `at` of the last record, and how many with that `at` were returned. */
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
 * Records that expire, found by name or tag and changed atomically; lists that drop their oldest entries. There are
 * three implementations: in memory, in a file, and in Redis for several instances. Every call rejects with StoreAway,
 * and nothing else, if the store cannot be used now.
 */
export interface Store {
  get(name: RecordName): Promise<string | null>
  /** The latest `limit`, ordered by `at`. */
  find(tag: Tag, limit?: number): Promise<readonly string[]>
  /** Records of a kind, ordered by `at`, up to `until`. */
  page(
    kind: Kind,
    options: { readonly after?: Place; readonly until?: number; readonly limit: number }
  ): Promise<Page>
  /** Whether the change was made: all of it, or none if a precondition fails. */
  commit(change: Change): Promise<boolean>
  /** Appends to a list of at most `max` entries. */
  append(list: string, value: string, max: number): Promise<void>
  /** Entries of a list, newest first; with `before`, those older than that entry. */
  recent(
    list: string,
    options: { readonly before?: string; readonly limit: number }
  ): Promise<readonly ListEntry[]>
  close(): Promise<void>
}

/** The store cannot be used now. `reason` is a code or a word, never a path or address. */
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

/** The position after these records of a page; `ats` are ordered. Null if they are all. */
export function placeAfter(ats: readonly number[], limit: number, before: Place | undefined): Place | null {
  const last = ats.at(-1)
  if (last === undefined || ats.length < limit) return null
  const same = ats.filter((at) => at === last).length
  return { at: last, skip: same + (before?.at === last ? before.skip : 0) }
}

/** Records read at once by those who read all. */
const PAGE = 1000

/** Every value of a kind, ordered as `page` has them. */
export async function* everyValue(store: Pick<Store, 'page'>, kind: Kind): AsyncGenerator<string> {
  let after: Place | null | undefined
  do {
    const { values, next } = await store.page(kind, { ...(after && { after }), limit: PAGE })
    yield* values
    after = next
  } while (after !== null)
}
