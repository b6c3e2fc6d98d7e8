import { chmodSync, closeSync, existsSync, openSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'

/** Why the state directory cannot be used; the process does not start then. */
export class StateError extends Error {
  override readonly name = 'StateError'
}

const FILE = 'usher.db'
/** How long to wait for another process's lock, such as a backup's. */
const BUSY_MS = 5000

/** Each migrates the file from the previous version. Applied migrations are never changed. */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE record (
     kind TEXT NOT NULL, key TEXT NOT NULL, room TEXT NOT NULL, value TEXT NOT NULL,
     at INTEGER NOT NULL, expires INTEGER NOT NULL, written INTEGER NOT NULL,
     PRIMARY KEY (kind, key)) WITHOUT ROWID;
   CREATE INDEX record_at ON record (kind, at, key);
   CREATE INDEX record_expires ON record (expires);
   CREATE INDEX record_written ON record (room, written);
   CREATE TABLE tag (
     kind TEXT NOT NULL, tag TEXT NOT NULL, key TEXT NOT NULL,
     PRIMARY KEY (kind, tag, key)) WITHOUT ROWID;
   CREATE INDEX tag_record ON tag (kind, key);
   CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, list TEXT NOT NULL, value TEXT NOT NULL);
   CREATE INDEX entry_list ON entry (list, id);`
]

/**
 * Opens or creates the file in the directory and migrates its tables. Throws StateError with the reason, and does not
 * touch a file of a newer version.
 */
export function openDatabase(directory: string, migrations: readonly string[] = MIGRATIONS): DatabaseSync {
  const path = join(directory, FILE)
  let database: DatabaseSync | null = null
  try {
    // Before the first write: the files that SQLite creates next to it inherit the mode.
    closeSync(openSync(path, 'a', 0o600))
    chmodSync(path, 0o600)
    // Loaded only if there is a file to open (docs/decisions/0012-a-quick-start.md).
    const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite')
    database = new DatabaseSync(path, { timeout: BUSY_MS })
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;')
    migrate(database, migrations)
    return database
  } catch (error) {
    database?.close()
    if (error instanceof StateError) throw error
    throw new StateError(`USHER_STATE_DIR: ${FILE} cannot be opened (${reasonOf(error)})`, { cause: error })
  }
}

/**
 * Throws StateError where `openDatabase` would, as far as reading shows: a file that is not a database, or of a newer
 * version. Creates and changes nothing, so it can run next to a live instance.
 */
export function inspectDatabase(directory: string, migrations: readonly string[] = MIGRATIONS): void {
  const path = join(directory, FILE)
  if (!existsSync(path)) return
  const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite')
  let database: DatabaseSync | null = null
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS })
    requireKnown(database, migrations)
  } catch (error) {
    if (error instanceof StateError) throw error
    throw new StateError(`USHER_STATE_DIR: ${FILE} cannot be opened (${reasonOf(error)})`, { cause: error })
  } finally {
    database?.close()
  }
}

/** The version of the file's tables; throws StateError for an unknown one. */
function requireKnown(database: DatabaseSync, migrations: readonly string[]): number {
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
  if (version <= migrations.length) return version
  throw new StateError(
    `USHER_STATE_DIR: ${FILE} is of a newer version of Usher (${version}, this one knows ${migrations.length})`
  )
}

function migrate(database: DatabaseSync, migrations: readonly string[]): void {
  // Lock first: another process may be migrating the same file.
  database.exec('BEGIN IMMEDIATE')
  try {
    const version = requireKnown(database, migrations)
    for (const statements of migrations.slice(version)) database.exec(statements)
    database.exec(`PRAGMA user_version = ${migrations.length}`)
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

const REASONS: Readonly<Record<number, string>> = {
  5: 'locked by another process',
  8: 'read-only',
  10: 'input/output error',
  11: 'damaged',
  13: 'disk full',
  14: 'cannot open',
  26: 'not a database'
}

/** SQLite's primary result code in words; not its message, which can contain a path. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error && 'errcode' in error && typeof error.errcode === 'number')
    return REASONS[error.errcode & 0xff] ?? `SQLite error ${error.errcode}`
  return codeOf(error)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
