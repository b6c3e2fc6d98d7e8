import { createHash } from 'node:crypto'
import type { Counters } from './counters.ts'
import { createLocalCounters } from './counters.ts'
import { everyValue, type Store } from './store.ts'

export interface KeptCounters {
  /** Restores the counts from before this start. */
  load(): Promise<void>
  create(): Counters
  /** Writes what was counted since the last write. */
  close(): Promise<void>
}

export interface KeptCountersOptions {
  readonly store: Pick<Store, 'commit' | 'page'>
  readonly now: () => number
}

/** Counts change with every request, so they are written together; a crash loses the counts of this time. */
const WRITE_MS = 1000
/** Shorter windows are over by the end of a restart. */
const LEAST_KEPT_MS = 120_000

/** Counters of a single instance: they count in memory, and the store keeps those of long windows across restarts. */
export function createKeptCounters({ store, now }: KeptCountersOptions): KeptCounters {
  const local = createLocalCounters(now)
  /** Key and end of counts that are not written yet. */
  const changed = new Map<string, number>()
  const timer = setInterval(() => void write(), WRITE_MS)
  timer.unref()

  async function write(): Promise<void> {
    if (changed.size === 0) return
    const entries = [...changed]
    changed.clear()
    const put = entries.map(([key, expiresAt]) => {
      const value = JSON.stringify([key, local.read(key).current, expiresAt])
      return { kind: 'count', key, value, expiresAt } as const
    })
    // Counts that could not be written still count in memory.
    await store.commit({ put }).catch(() => undefined)
  }

  return {
    async load() {
      for await (const text of everyValue(store, 'count')) {
        const [key, current, endsAt] = JSON.parse(text) as [string, number, number]
        local.resume(key, current, endsAt)
      }
    },
    create: () => ({
      async add(name, windowMs) {
        const key = toKey(name)
        const count = local.add(key, windowMs)
        if (windowMs >= LEAST_KEPT_MS) changed.set(key, now() + count.ttl)
        return count
      },
      read: async (name) => local.read(toKey(name))
    }),
    async close() {
      clearInterval(timer)
      await write()
    }
  }
}

/** Hashed, because keys contain addresses and login names, which should not be in a file. */
function toKey(name: string): string {
  return createHash('sha256').update(name).digest('base64url').slice(0, 22)
}
