import type { Revocation, Revocations } from '../session/live/revocation.ts'
import { fromEntry, toEntry } from './revocation-text.ts'
import type { NewRecord, Place, Store } from './store.ts'

export interface KeptRevocations {
  /** Learns what was kept before this start. */
  load(): Promise<void>
  /** Keeps one; returns at once. What cannot be kept now is kept by the next `keepAll`. */
  keep(revocation: Revocation): void
  /** Keeps all that are known: for a store that could not be written to meanwhile. */
  keepAll(): Promise<void>
}

export interface KeptRevocationsOptions {
  readonly store: Pick<Store, 'commit' | 'page'>
  readonly revocations: Pick<Revocations, 'learn' | 'all'>
  readonly now: () => number
}

const BATCH = 1000

/** Revocations of a single instance, kept in its store over a restart. */
export function createKeptRevocations({ store, revocations, now }: KeptRevocationsOptions): KeptRevocations {
  function toRecord(revocation: Revocation): NewRecord {
    const { member, score } = toEntry(revocation)
    return { kind: 'revocation', key: member, value: `${member} ${score}`, expiresAt: score }
  }

  return {
    async load() {
      let after: Place | null | undefined
      do {
        const { values, next } = await store.page('revocation', { ...(after && { after }), limit: BATCH })
        for (const text of values) {
          const [member = '', score = ''] = text.split(' ')
          const revocation = fromEntry(member, score, now())
          if (revocation !== null) revocations.learn(revocation)
        }
        after = next
      } while (after !== null)
    },
    keep(revocation) {
      store.commit({ put: [toRecord(revocation)] }).catch(() => {
        // The store has logged it, and asks for all of them when it can be written to again.
      })
    },
    async keepAll() {
      const records = revocations.all().map(toRecord)
      for (let at = 0; at < records.length; at += BATCH)
        await store.commit({ put: records.slice(at, at + BATCH) })
    }
  }
}
