import type { Revocation, Revocations } from '../session/live/revocation.ts'
import { fromEntry, toEntry } from './revocation-text.ts'
import { everyValue, type NewRecord, type Store } from './store.ts'

export interface KeptRevocations {
  /** Restores the revocations from before this start. */
  load(): Promise<void>
  /** Stores one; returns at once. If that fails, the next `keepAll` stores it. */
  keep(revocation: Revocation): void
  /** Stores all known ones, after a time in which the store could not be written. */
  keepAll(): Promise<void>
}

export interface KeptRevocationsOptions {
  readonly store: Pick<Store, 'commit' | 'page'>
  readonly revocations: Pick<Revocations, 'learn' | 'all'>
  readonly now: () => number
}

const BATCH = 1000

/** Revocations of a single instance, kept in its store across restarts. */
export function createKeptRevocations({ store, revocations, now }: KeptRevocationsOptions): KeptRevocations {
  function toRecord(revocation: Revocation): NewRecord {
    const { member, score } = toEntry(revocation)
    return { kind: 'revocation', key: member, value: `${member} ${score}`, expiresAt: score }
  }

  return {
    async load() {
      for await (const text of everyValue(store, 'revocation')) {
        const [member = '', score = ''] = text.split(' ')
        const revocation = fromEntry(member, score, now())
        if (revocation !== null) revocations.learn(revocation)
      }
    },
    keep(revocation) {
      store.commit({ put: [toRecord(revocation)] }).catch(() => {
        // The store has logged this, and requests all of them when it can be written again.
      })
    },
    async keepAll() {
      const records = revocations.all().map(toRecord)
      for (let at = 0; at < records.length; at += BATCH)
        await store.commit({ put: records.slice(at, at + BATCH) })
    }
  }
}
