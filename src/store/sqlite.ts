import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { reasonOf } from './sqlite-file.ts'
import {
  type Change,
  type Condition,
  MOST_FOUND,
  type NewRecord,
  placeAfter,
  ROOMS,
  type Room,
  roomOf,
  type Store,
  StoreAway,
  type Tag
} from './store.ts'

export interface SqliteStoreOptions {
  readonly database: DatabaseSync
  readonly now: () => number
  /** Called once until a write succeeds again: a full disk fails every write. */
  readonly onAway: (reason: string) => void
  readonly onBack: () => void
}

type Row = Readonly<Record<string, unknown>>

/** Expired records beyond this number are left to the next write, so that none takes long. */
const SWEEP = 200

/** The store of one machine, in one file. Calls are synchronous inside: SQLite answers in microseconds. */
export function createSqliteStore({ database, now, onAway, onBack }: SqliteStoreOptions): Store {
  const statements = new Map<string, StatementSync>()
  /** An upper bound of the records in each room; an unknown room is counted first. */
  const counts = new Map<Room, number>()
  let isAway = false
  /** Increases with every write and continues where the previous process ended. */
  let written = Number(one('SELECT MAX(written) AS last FROM record')?.['last'] ?? 0)

  function prepare(sql: string): StatementSync {
    let statement = statements.get(sql)
    if (statement === undefined) {
      statement = database.prepare(sql)
      statements.set(sql, statement)
    }
    return statement
  }

  function run(sql: string, ...values: readonly SQLInputValue[]): void {
    prepare(sql).run(...values)
  }

  function one(sql: string, ...values: readonly SQLInputValue[]): Row | undefined {
    return prepare(sql).get(...values)
  }

  function all(sql: string, ...values: readonly SQLInputValue[]): readonly Row[] {
    return prepare(sql).all(...values)
  }

  /** Runs one call; SQLite's errors become StoreAway. A successful write shows that the file is usable again. */
  async function call<T>(isWrite: boolean, work: () => T): Promise<T> {
    try {
      const result = work()
      if (isWrite && isAway) {
        isAway = false
        onBack()
      }
      return result
    } catch (error) {
      const reason = reasonOf(error)
      if (isWrite && !isAway) {
        isAway = true
        onAway(reason)
      }
      throw new StoreAway(reason, { cause: error })
    }
  }

  function transact<T>(work: () => T): T {
    database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      database.exec('COMMIT')
      return result
    } catch (error) {
      // After some errors, such as a full disk, SQLite has already rolled back.
      if (database.isTransaction) database.exec('ROLLBACK')
      throw error
    }
  }

  function holds(condition: Condition): boolean {
    if ('tag' in condition) return keysUnder(condition).length === condition.count
    const { kind, key } = condition
    const row = one('SELECT value FROM record WHERE kind = ? AND key = ? AND expires > ?', kind, key, now())
    return (row?.['value'] ?? null) === condition.value
  }

  function keysUnder({ kind, tag }: Tag): readonly string[] {
    return all(
      `SELECT tag.key FROM tag JOIN record USING (kind, key)
       WHERE tag.kind = ? AND tag.tag = ? AND record.expires > ?`,
      kind,
      tag,
      now()
    ).map((row) => String(row['key']))
  }

  function remove(kind: string, key: string): void {
    run('DELETE FROM tag WHERE kind = ? AND key = ?', kind, key)
    run('DELETE FROM record WHERE kind = ? AND key = ?', kind, key)
  }

  function put({ kind, key, value, expiresAt, at = expiresAt, tags = [] }: NewRecord): void {
    const room = roomOf(kind)
    written += 1
    run('DELETE FROM tag WHERE kind = ? AND key = ?', kind, key)
    run(
      `INSERT INTO record (kind, key, room, value, at, expires, written) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (kind, key) DO UPDATE
       SET value = excluded.value, at = excluded.at, expires = excluded.expires, written = excluded.written`,
      ...[kind, key, room, value, at, expiresAt, written]
    )
    for (const tag of tags) run('INSERT OR IGNORE INTO tag (kind, tag, key) VALUES (?, ?, ?)', kind, tag, key)
  }

  function removeRows(rows: readonly Row[]): void {
    for (const row of rows) remove(String(row['kind']), String(row['key']))
  }

  function makeRoom(room: Room, added: number): void {
    removeRows(all('SELECT kind, key FROM record WHERE expires <= ? LIMIT ?', now(), SWEEP))
    const { max } = ROOMS[room]
    const estimate = (counts.get(room) ?? max) + added
    counts.set(room, estimate)
    if (estimate <= max) return
    // Counting reads a whole index. Drop a hundredth more than necessary, so that it is rarely done.
    const count = Number(one('SELECT COUNT(*) AS count FROM record WHERE room = ?', room)?.['count'])
    const surplus = count > max ? count - max + Math.floor(max / 100) : 0
    removeRows(all('SELECT kind, key FROM record WHERE room = ? ORDER BY written LIMIT ?', room, surplus))
    counts.set(room, count - surplus)
  }

  function change({ when = [], put: puts = [], remove: removes = [], removeTagged = [] }: Change): boolean {
    if (!when.every(holds)) return false
    for (const tag of removeTagged) for (const key of keysUnder(tag)) remove(tag.kind, key)
    for (const { kind, key } of removes) remove(kind, key)
    for (const record of puts) put(record)
    const rooms = Map.groupBy(puts, ({ kind }) => roomOf(kind))
    for (const [room, records] of rooms) makeRoom(room, records.length)
    return true
  }

  return {
    get: ({ kind, key }) =>
      call(false, () => {
        const row = one(
          'SELECT value FROM record WHERE kind = ? AND key = ? AND expires > ?',
          kind,
          key,
          now()
        )
        return row === undefined ? null : String(row['value'])
      }),
    find: ({ kind, tag }, limit = MOST_FOUND) =>
      call(false, () =>
        all(
          `SELECT value FROM tag JOIN record USING (kind, key)
           WHERE tag.kind = ? AND tag.tag = ? AND record.expires > ? ORDER BY at DESC, key DESC LIMIT ?`,
          ...[kind, tag, now(), limit]
        )
          .map((row) => String(row['value']))
          .reverse()
      ),
    page: (kind, { after, until = Number.MAX_SAFE_INTEGER, limit }) =>
      call(false, () => {
        const rows = all(
          `SELECT value, at FROM record WHERE kind = ? AND at BETWEEN ? AND ? AND expires > ?
           ORDER BY at, key LIMIT ? OFFSET ?`,
          ...[kind, after?.at ?? Number.MIN_SAFE_INTEGER, until, now(), limit, after?.skip ?? 0]
        )
        const ats = rows.map((row) => Number(row['at']))
        return { values: rows.map((row) => String(row['value'])), next: placeAfter(ats, limit, after) }
      }),
    commit: (changes) => call(true, () => transact(() => change(changes))),
    append: (list, value, max) =>
      call(true, () =>
        transact(() => {
          run('INSERT INTO entry (list, value) VALUES (?, ?)', list, value)
          run(
            `DELETE FROM entry WHERE list = ? AND id <=
             (SELECT id FROM entry WHERE list = ? ORDER BY id DESC LIMIT 1 OFFSET ?)`,
            ...[list, list, max]
          )
        })
      ),
    recent: (list, { before, limit }) =>
      call(false, () =>
        all(
          'SELECT id, value FROM entry WHERE list = ? AND id < ? ORDER BY id DESC LIMIT ?',
          ...[list, Number(before ?? Number.MAX_SAFE_INTEGER), limit]
        ).map((row) => ({ id: String(row['id']), value: String(row['value']) }))
      ),
    async close() {
      if (database.isOpen) database.close()
    }
  }
}
