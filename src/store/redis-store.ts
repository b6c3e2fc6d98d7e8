import type { RedisLink } from './redis.ts'
import type { RedisNames } from './redis-names.ts'
import { APPEND, COMMIT, FIND, GET, PAGE, RECENT } from './redis-scripts.ts'
import {
  type Change,
  type Condition,
  type ListEntry,
  MOST_FOUND,
  placeAfter,
  type RecordName,
  ROOMS,
  roomOf,
  type Store,
  StoreAway,
  type Tag
} from './store.ts'

export interface RedisStoreOptions {
  readonly link: Pick<RedisLink, 'isUp' | 'run' | 'suspect'>
  readonly names: Pick<RedisNames, 'of'>
  readonly prefix: string
  readonly now: () => number
}

/** A list that is no longer added to expires. */
const LIST_MS = 400 * 86_400_000

/** The store of several instances. While Redis is away, calls reject at once. */
export function createRedisStore({ link, names, prefix, now }: RedisStoreOptions): Store {
  async function run(script: string, args: readonly (string | number)[]): Promise<unknown> {
    if (!link.isUp()) throw new StoreAway('not connected')
    try {
      return await link.run(script, prefix, args)
    } catch (error) {
      link.suspect(error)
      throw new StoreAway('a call failed', { cause: error })
    }
  }

  const idOf = ({ kind, key }: RecordName) => `${kind}:${names.of(kind, key)}`
  const tagOf = ({ kind, tag }: Tag) => names.of(`tag ${kind}`, tag)

  function toWords(condition: Condition): unknown {
    return 'tag' in condition
      ? { tag: tagOf(condition), count: condition.count }
      : { id: idOf(condition), value: condition.value }
  }

  function toChange({ when = [], put = [], remove = [], removeTagged = [] }: Change): string {
    return JSON.stringify({
      now: now(),
      when: when.map(toWords),
      removeTagged: removeTagged.map((tag) => ({ tag: tagOf(tag), room: roomOf(tag.kind) })),
      remove: remove.map((name) => ({ id: idOf(name), room: roomOf(name.kind) })),
      put: put.map((record) => ({
        id: idOf(record),
        room: roomOf(record.kind),
        value: record.value,
        expires: record.expiresAt,
        at: record.at ?? record.expiresAt,
        tags: (record.tags ?? []).map((tag) => tagOf({ kind: record.kind, tag }))
      })),
      rooms: Object.fromEntries(put.map(({ kind }) => [roomOf(kind), ROOMS[roomOf(kind)].max]))
    })
  }

  return {
    async get(name) {
      const value = await run(GET, [idOf(name), now()])
      return typeof value === 'string' ? value : null
    },
    async find(tag, limit = MOST_FOUND) {
      return toTexts(await run(FIND, [tagOf(tag), now(), limit]))
    },
    async page(kind, { after, until, limit }) {
      const args = [after?.at ?? '-inf', until ?? '+inf', after?.skip ?? 0, limit, now()]
      const flat = await run(PAGE, [kind, ...args])
      const list = Array.isArray(flat) ? flat : []
      const ats = list.filter((_, index) => index % 2 === 0).map(Number)
      const values = toTexts(list.filter((_, index) => index % 2 === 1))
      return { values, next: placeAfter(ats, limit, after) }
    },
    async commit(change) {
      return (await run(COMMIT, [toChange(change)])) === 1
    },
    async append(list, value, max) {
      await run(APPEND, [names.of('list', list), value, max, LIST_MS])
    },
    async recent(list, { before, limit }) {
      const end = before === undefined ? '+' : `(${before}`
      return toEntries(await run(RECENT, [names.of('list', list), end, limit]))
    },
    async close() {
      // The connection belongs to the shared store.
    }
  }
}

function toTexts(answer: unknown): readonly string[] {
  return Array.isArray(answer) ? answer.filter((value): value is string => typeof value === 'string') : []
}

function toEntries(answer: unknown): readonly ListEntry[] {
  if (!Array.isArray(answer)) return []
  return answer.flatMap((entry: unknown) => {
    if (!Array.isArray(entry) || !Array.isArray(entry[1])) return []
    return [{ id: String(entry[0]), value: String(entry[1][1]) }]
  })
}
