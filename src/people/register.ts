import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { sessionCodec } from '../session/cookie/sealed-session.ts'
import type { LiveSession, LiveSessions } from '../session/live/live-sessions.ts'
import type { Revocation, Revocations } from '../session/live/revocation.ts'
import { MOST_FOUND, type Store, StoreAway } from '../store/store.ts'
import { describeDevice } from './device.ts'
import { networkOf } from './network.ts'
import type { SealedJson } from './sealed-json.ts'
import { handleOf, type SessionRecord, type StreamNote, toNewRecord } from './session-record.ts'
import { playedItem } from './titles.ts'

/** Writes what is known of sessions to the store, in batches, and reads it. */
export interface Register {
  find(handle: string): Promise<SessionRecord | null>
  ofAccount(accountId: number): Promise<readonly SessionRecord[]>
  /** The latest seen first. */
  latest(limit: number): Promise<{ readonly records: readonly SessionRecord[]; readonly isAll: boolean }>
  /** Writes what changed since the last time. */
  flush(): Promise<void>
  start(): void
  close(): Promise<void>
}

export interface RegisterOptions {
  readonly store: Store
  readonly sealed: SealedJson
  readonly live: Pick<LiveSessions, 'all' | 'find'>
  readonly revocations: Pick<Revocations, 'isRevoked' | 'listen'>
  readonly instance: string
  readonly now: () => number
}

const EVERY_MS = 5000
const MINUTE_MS = 60_000
const BATCH = 100
/** Sessions that are looked at before others have their turn. */
const MOST_AT_ONCE = 1000

interface Note {
  readonly minute: number
  /** It has no streams. */
  readonly isQuiet: boolean
  readonly role: string
  readonly apps: number
  readonly state: string
  readonly client: LiveSession['client']
  readonly record: SessionRecord
}

export function createRegister(options: RegisterOptions): Register {
  const { store, sealed, live, revocations, instance, now } = options
  const notes = new WeakMap<LiveSession, Note>()
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()

  function streamsOf(each: LiveSession): StreamNote[] {
    return [...(each.streams ?? [])].map(({ kind, since, path }) => ({ kind, since, ...playedItem(path) }))
  }

  /** Without a promise or a text: most of many sessions have not changed in five seconds. */
  function isUnchanged(each: LiveSession): boolean {
    const before = notes.get(each)
    return (
      before?.isQuiet === true &&
      before.client === each.client &&
      before.minute === Math.floor(each.usedAt / MINUTE_MS) &&
      before.role === each.session.role &&
      before.apps === (each.apps?.size ?? 0) &&
      (each.streams?.size ?? 0) === 0
    )
  }

  /** Null where nothing is new. */
  async function noteOf(each: LiveSession): Promise<Note | null> {
    const { client, session } = each
    if (client === null || revocations.isRevoked(session) || session.expiresAt <= now()) return null
    const streams = streamsOf(each)
    const seenAt = streams.length > 0 ? now() : each.usedAt
    const minute = Math.floor(seenAt / MINUTE_MS)
    const state = JSON.stringify([streams, [...(each.apps ?? [])], session.role])
    const before = notes.get(each)
    if (
      before !== undefined &&
      before.minute === minute &&
      before.state === state &&
      before.client === client
    )
      return null
    const handle = handleOf(session.id)
    const stored = before?.record ?? (await read(handle))
    const isSame = before?.client === client
    const { account, homeAdmin, method, signedInAt, expiresAt, idleExpiresAt } = session
    const record: SessionRecord = {
      handle,
      id: session.id,
      account: { id: account.id, username: account.username, title: account.title },
      openerId: homeAdmin?.accountId ?? account.id,
      role: session.role,
      device: isSame ? before.record.device : describeDevice(client.userAgent),
      network: isSame ? before.record.network : networkOf(client.address),
      method,
      signedInAt,
      lastSeenAt: minute * MINUTE_MS,
      expiresAt,
      idleExpiresAt,
      apps: [...new Set([...(stored?.apps ?? []), ...(each.apps ?? [])])],
      streams,
      instance,
      session: sessionCodec.encode(session)
    }
    const apps = each.apps?.size ?? 0
    return { minute, isQuiet: streams.length === 0, role: session.role, apps, state, client, record }
  }

  async function read(handle: string): Promise<SessionRecord | null> {
    const value = await store.get({ kind: 'person', key: handle })
    return value === null ? null : (sealed.read<SessionRecord>(value)?.value ?? null)
  }

  function readAll(values: readonly string[]): SessionRecord[] {
    return values
      .map((value) => sealed.read<SessionRecord>(value)?.value)
      .filter((record) => record !== undefined)
  }

  async function write(): Promise<void> {
    let batch: [LiveSession, Note][] = []
    let looks = 0
    for (const each of live.all()) {
      looks += 1
      if (looks % MOST_AT_ONCE === 0) await yieldToOthers()
      if (isUnchanged(each)) continue
      const note = await noteOf(each)
      if (note !== null) batch.push([each, note])
      if (batch.length < BATCH) continue
      await commit(batch)
      batch = []
    }
    if (batch.length > 0) await commit(batch)
  }

  async function commit(batch: readonly (readonly [LiveSession, Note])[]): Promise<void> {
    const living = batch.filter(([{ session }]) => !revocations.isRevoked(session))
    await store.commit({ put: living.map(([, { record }]) => toNewRecord(record, sealed.write(record))) })
    for (const [each, note] of living) notes.set(each, note)
    // What ended while it was written must not be found again.
    for (const [{ session }] of living) if (revocations.isRevoked(session)) await forget(handleOf(session.id))
  }

  async function forget(handle: string): Promise<void> {
    await store.commit({ remove: [{ kind: 'person', key: handle }] })
  }

  async function forgetEnded(revocation: Revocation): Promise<void> {
    if (revocation.kind === 'session') return forget(handleOf(revocation.id))
    if (revocation.kind !== 'account') return
    for (const tag of ['account', 'opener']) {
      const values = await store.find({ kind: 'person', tag: `${tag} ${revocation.accountId}` })
      const ended = readAll(values).filter(({ signedInAt }) => signedInAt <= revocation.before)
      if (ended.length > 0)
        await store.commit({ remove: ended.map(({ handle }) => ({ kind: 'person', key: handle })) })
    }
  }

  // Where the store is away, reading leaves out what has ended.
  revocations.listen((revocation) => void forgetEnded(revocation).catch(ignoreAway))

  const isAlive = (record: SessionRecord): boolean => {
    const { id, account, openerId, signedInAt, idleExpiresAt, expiresAt } = record
    if (Math.min(idleExpiresAt, expiresAt) <= now()) return false
    return !revocations.isRevoked({ id, account, openerId, signedInAt })
  }

  /** What this instance knows by now. */
  function toCurrent(record: SessionRecord): SessionRecord {
    const known = live.find(record.id)
    if (known === undefined) return record
    const streams = streamsOf(known)
    return {
      ...record,
      streams: streams.length > 0 || record.instance === instance ? streams : record.streams
    }
  }

  const toRecords = (values: readonly string[]) => readAll(values).filter(isAlive).map(toCurrent)

  function flush(): Promise<void> {
    writing = writing.catch(() => undefined).then(write)
    return writing
  }

  return {
    async find(handle) {
      const record = await read(handle)
      return record === null || !isAlive(record) ? null : record
    },
    ofAccount: async (accountId) =>
      toRecords(await store.find({ kind: 'person', tag: `account ${accountId}` }, MOST_FOUND)),
    async latest(limit) {
      const { values, next } = await store.page('person', { limit })
      return { records: toRecords(values), isAll: next === null }
    },
    flush,
    start() {
      timer = setInterval(() => void flush().catch(ignoreAway), EVERY_MS)
      timer.unref()
    },
    async close() {
      clearInterval(timer)
      await flush().catch(ignoreAway)
    }
  }
}

function ignoreAway(error: unknown): void {
  if (!(error instanceof StoreAway)) throw error
}
