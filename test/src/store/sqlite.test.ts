import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { createSqliteStore } from '../../../src/store/sqlite.ts'
import { MIGRATIONS, openDatabase, StateError } from '../../../src/store/sqlite-file.ts'
import { type Store, StoreAway } from '../../../src/store/store.ts'
import { storeSuite } from './suite.ts'

const MINUTE_MS = 60_000

interface Opened {
  readonly store: Store
  readonly database: DatabaseSync
  readonly told: string[]
}

function open(t: Test, directory: string, now = Date.now): Opened {
  const database = openDatabase(directory)
  const told: string[] = []
  const store = createSqliteStore({
    database,
    now,
    onAway: (reason) => told.push(`away ${reason}`),
    onBack: () => told.push('back')
  })
  t.teardown(() => store.close())
  return { store, database, told }
}

t.test('the store in a file', async (t) => {
  await storeSuite(t, async (t) => {
    const clock = { now: Date.now() }
    const directory = t.testdir()
    const { store } = open(t, directory, () => clock.now)
    const { store: other } = open(t, directory, () => clock.now)
    return { store, other, clock }
  })
})

t.test('what was written is there after a restart, with its tags and lists', async (t) => {
  const directory = t.testdir()
  const before = open(t, directory)
  const expiresAt = Date.now() + MINUTE_MS
  await before.store.commit({
    put: [{ kind: 'sign-in', key: 'u', value: 'v', expiresAt, tags: ['account 7'] }]
  })
  await before.store.append('events', 'one', 10)
  await before.store.close()
  const { store } = open(t, directory)
  t.equal(await store.get({ kind: 'sign-in', key: 'u' }), 'v')
  t.strictSame(await store.find({ kind: 'sign-in', tag: 'account 7' }), ['v'])
  t.match(await store.recent('events', { limit: 5 }), [{ value: 'one' }])
})

t.test('only its own user can read the file and those beside it', async (t) => {
  const directory = t.testdir()
  const { store } = open(t, directory)
  await store.commit({ put: [{ kind: 'grant', key: 'g', value: 'v', expiresAt: Date.now() + MINUTE_MS }] })
  const files = readdirSync(directory)
  t.ok(files.includes('usher.db') && files.includes('usher.db-wal'), files.join())
  for (const file of files) t.equal(statSync(join(directory, file)).mode & 0o777, 0o600, file)
})

t.test('a full disk refuses writes, told once, and goes on reading and deleting', async (t) => {
  const { store, database, told } = open(t, t.testdir())
  const expiresAt = Date.now() + MINUTE_MS
  const put = (key: string) =>
    store.commit({ put: [{ kind: 'grant', key, value: 'x'.repeat(2000), expiresAt }] })
  await put('first')
  const pages = Number(database.prepare('PRAGMA page_count').get()?.['page_count'])
  database.exec(`PRAGMA max_page_count = ${pages + 2}`)
  let full: unknown
  for (let index = 0; index < 50 && full === undefined; index += 1)
    await put(`more ${index}`).catch((error: unknown) => {
      full = error
    })
  t.ok(full instanceof StoreAway)
  t.match(full, { reason: 'disk full' })
  await t.rejects(put('again'), StoreAway)
  t.strictSame(told, ['away disk full'], 'once')
  t.equal((await store.get({ kind: 'grant', key: 'first' }))?.length, 2000)
  t.equal(await store.commit({ remove: [{ kind: 'grant', key: 'first' }] }), true)
  t.equal(await store.get({ kind: 'grant', key: 'first' }), null)
  database.exec('PRAGMA max_page_count = 100000')
  await put('again')
  t.equal(told.at(-1), 'back')
})

t.test('a file that another process holds locked is away, and comes back', async (t) => {
  const directory = t.testdir()
  const { store, database } = open(t, directory)
  database.exec('PRAGMA busy_timeout = 50')
  const other = new DatabaseSync(join(directory, 'usher.db'))
  other.exec('BEGIN IMMEDIATE')
  const change = {
    put: [{ kind: 'grant', key: 'g', value: 'v', expiresAt: Date.now() + MINUTE_MS }]
  } as const
  await t.rejects(store.commit(change), { message: 'the store is away (locked by another process)' })
  other.exec('ROLLBACK')
  other.close()
  t.equal(await store.commit(change), true)
})

t.test('what cannot be opened refuses the start, with the reason and no path', async (t) => {
  const reasonFor = (directory: string) => {
    try {
      openDatabase(directory)
      return 'opened'
    } catch (error) {
      t.ok(error instanceof StateError)
      return (error as Error).message
    }
  }
  t.equal(reasonFor('/nonexistent'), 'USHER_STATE_DIR: usher.db cannot be opened (ENOENT)')
  t.match(
    reasonFor('/proc'),
    /^USHER_STATE_DIR: usher\.db cannot be opened \((?:ENOENT|EACCES|EROFS|EPERM)\)$/
  )
  const damaged = t.testdir({
    'usher.db': 'not a database, but long enough to be read as the head of one '.repeat(20)
  })
  t.equal(reasonFor(damaged), 'USHER_STATE_DIR: usher.db cannot be opened (not a database)')
  t.match(readFileSync(join(damaged, 'usher.db'), 'utf8'), /^not a database/, 'and is left as it was')
})

t.test('an older file is brought to this version, and one of a newer version is left alone', async (t) => {
  const directory = t.testdir()
  const { store } = open(t, directory)
  const expiresAt = Date.now() + MINUTE_MS
  await store.commit({ put: [{ kind: 'grant', key: 'g', value: 'v', expiresAt }] })
  await store.close()
  const next = [...MIGRATIONS, 'ALTER TABLE record ADD COLUMN further TEXT']
  const upgraded = openDatabase(directory, next)
  t.equal(upgraded.prepare('PRAGMA user_version').get()?.['user_version'], next.length)
  t.match({ ...upgraded.prepare('SELECT * FROM record').get() }, { value: 'v', further: null })
  upgraded.close()
  t.throws(() => openDatabase(directory), {
    message: `USHER_STATE_DIR: usher.db is of a newer version of Usher (${next.length}, this one knows ${MIGRATIONS.length})`
  })
  openDatabase(directory, next).close()
})

t.test('an upgrade that fails leaves the file as it was', async (t) => {
  const directory = t.testdir()
  openDatabase(directory).close()
  t.throws(
    () => openDatabase(directory, [...MIGRATIONS, 'CREATE TABLE half (a); SELECT nonsense']),
    StateError
  )
  const database = openDatabase(directory)
  t.strictSame(database.prepare("SELECT name FROM sqlite_master WHERE name = 'half'").all(), [])
  database.close()
})

t.test('killed in the middle of writing, it holds whole changes and nothing else', async (t) => {
  const directory = t.testdir()
  const script = join(t.testdirName, 'writer.ts')
  const at = (path: string) => JSON.stringify(new URL(`../../../src/store/${path}`, import.meta.url).href)
  writeFileSync(
    script,
    `import { openDatabase } from ${at('sqlite-file.ts')}
     import { createSqliteStore } from ${at('sqlite.ts')}
     const none = () => {}
     const store = createSqliteStore({ database: openDatabase(${JSON.stringify(directory)}), now: Date.now, onAway: none, onBack: none })
     const expiresAt = Date.now() + 600000
     // Alive until it is killed, and with fewer records than its room has, however late that is.
     setInterval(none, 1000)
     for (let index = 0; index < 10_000; index += 1) {
       // A further round writes keys of its own: its first change must not meet what an earlier round left.
       const value = process.argv[2] + '-' + index
       await store.commit({ put: [
         { kind: 'sign-in', key: 'u' + value, value, expiresAt, tags: ['a' + value] },
         { kind: 'authorization', key: 'v' + value, value, expiresAt, tags: ['a' + value] }
       ] })
       if (index % 3 === 0) await store.commit({
         when: [{ kind: 'sign-in', key: 'u' + value, value }],
         remove: [{ kind: 'sign-in', key: 'u' + value }],
         put: [{ kind: 'logout', key: 'u' + value, value, expiresAt }]
       })
       if (index === 20) process.stdout.write('going')
     }`
  )
  for (let round = 0; round < 3; round += 1) {
    const child = spawn(process.execPath, [script, String(round)], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => child.kill('SIGKILL'))
    await once(child.stdout, 'data')
    await new Promise((resolve) => setTimeout(resolve, 20 + 30 * round))
    child.kill('SIGKILL')
    await once(child, 'exit')
    const { store, database } = open(t, directory)
    const rows = database.prepare('SELECT kind, key, value FROM record').all()
    t.ok(rows.length > 40, `${rows.length} records`)
    const keys = new Set(rows.map((row) => `${row['kind']} ${row['key']}`))
    let torn = 0
    for (const row of rows.filter(({ kind }) => kind === 'authorization')) {
      const key = `u${String(row['value'])}`
      if (keys.has(`sign-in ${key}`) === keys.has(`logout ${key}`)) torn += 1
      const found = await store.find({ kind: 'authorization', tag: `a${String(row['value'])}` })
      if (found.length !== 1) torn += 1
    }
    t.equal(torn, 0)
    await store.close()
  }
})
