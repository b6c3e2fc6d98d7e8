import {
  type Change,
  type Condition,
  type Kind,
  type ListEntry,
  MOST_FOUND,
  type NewRecord,
  placeAfter,
  ROOMS,
  type Room,
  roomOf,
  type Store,
  type Tag
} from './store.ts'

interface Held extends NewRecord {
  readonly at: number
}

const SWEEP_MS = 1000

/** The store of a single process, lost when it ends. */
export function createMemoryStore({ now }: { readonly now: () => number }): Store {
  /** By room, in the order of writing, so that the oldest is first. */
  const rooms = new Map<Room, Map<string, Held>>()
  const tagged = new Map<string, Set<string>>()
  const lists = new Map<string, ListEntry[]>()
  const sweptAt = new Map<Room, number>()
  let entries = 0

  function roomFor(kind: Kind): Map<string, Held> {
    const room = roomOf(kind)
    let records = rooms.get(room)
    if (records === undefined) {
      records = new Map()
      rooms.set(room, records)
    }
    return records
  }

  function read(kind: Kind, key: string): Held | undefined {
    const record = roomFor(kind).get(nameOf(kind, key))
    return record !== undefined && record.expiresAt > now() ? record : undefined
  }

  function under({ kind, tag }: Tag): Held[] {
    const room = roomFor(kind)
    const time = now()
    return [...(tagged.get(nameOf(kind, tag)) ?? [])]
      .map((name) => room.get(name))
      .filter((record) => record !== undefined && record.expiresAt > time) as Held[]
  }

  function remove(kind: Kind, key: string): void {
    const name = nameOf(kind, key)
    const room = roomFor(kind)
    const record = room.get(name)
    if (record === undefined) return
    room.delete(name)
    for (const tag of record.tags ?? []) {
      const names = tagged.get(nameOf(kind, tag))
      names?.delete(name)
      if (names?.size === 0) tagged.delete(nameOf(kind, tag))
    }
  }

  function put(record: NewRecord): void {
    remove(record.kind, record.key)
    if (record.expiresAt <= now()) return
    const name = nameOf(record.kind, record.key)
    roomFor(record.kind).set(name, { ...record, at: record.at ?? record.expiresAt })
    for (const tag of record.tags ?? []) {
      const names = tagged.get(nameOf(record.kind, tag)) ?? new Set()
      names.add(name)
      tagged.set(nameOf(record.kind, tag), names)
    }
    makeRoom(record.kind)
  }

  function makeRoom(kind: Kind): void {
    const { max } = ROOMS[roomOf(kind)]
    const room = roomFor(kind)
    if (room.size <= max) return
    sweep(roomOf(kind), room)
    for (const held of room.values()) {
      if (room.size <= max) return
      remove(held.kind, held.key)
    }
  }

  /** Once a second: during a flood, each new record must not cause a scan of all live ones. */
  function sweep(name: Room, room: Map<string, Held>): void {
    const time = now()
    if (Math.abs(time - (sweptAt.get(name) ?? 0)) < SWEEP_MS) return
    sweptAt.set(name, time)
    for (const held of room.values()) if (held.expiresAt <= time) remove(held.kind, held.key)
  }

  function holds(condition: Condition): boolean {
    return 'tag' in condition
      ? under(condition).length === condition.count
      : (read(condition.kind, condition.key)?.value ?? null) === condition.value
  }

  function commit({ when = [], put: puts = [], remove: removes = [], removeTagged = [] }: Change): boolean {
    if (!when.every(holds)) return false
    for (const tag of removeTagged) for (const { kind, key } of under(tag)) remove(kind, key)
    for (const { kind, key } of removes) remove(kind, key)
    for (const record of puts) put(record)
    return true
  }

  return {
    get: async ({ kind, key }) => read(kind, key)?.value ?? null,
    find: async (tag, limit = MOST_FOUND) =>
      under(tag)
        .sort(inOrder)
        .slice(-limit)
        .map(({ value }) => value),
    async page(kind, { after, until = Number.POSITIVE_INFINITY, limit }) {
      const time = now()
      const from = after?.at ?? Number.NEGATIVE_INFINITY
      const records = [...roomFor(kind).values()]
        .filter((held) => held.kind === kind && held.expiresAt > time && held.at >= from && held.at <= until)
        .sort(inOrder)
        .slice(after?.skip ?? 0)
        .slice(0, limit)
      const ats = records.map(({ at }) => at)
      return { values: records.map(({ value }) => value), next: placeAfter(ats, limit, after) }
    },
    commit: async (change) => commit(change),
    async append(list, value, max) {
      entries += 1
      const known = lists.get(list) ?? []
      known.push({ id: String(entries), value })
      lists.set(list, known.length > max ? known.slice(-max) : known)
    },
    recent: async (list, { before, limit }) =>
      (lists.get(list) ?? [])
        .filter(({ id }) => before === undefined || Number(id) < Number(before))
        .slice(-limit)
        .reverse(),
    async close() {
      rooms.clear()
      tagged.clear()
      lists.clear()
    }
  }
}

function nameOf(kind: Kind, key: string): string {
  return `${kind} ${key}`
}

function inOrder(one: Held, other: Held): number {
  return one.at - other.at || (one.key < other.key ? -1 : 1)
}
