import { type Store, StoreAway } from './store.ts'

export type StoreOperation = Exclude<keyof Store, 'close'>

export interface StoreTiming {
  readonly operation: StoreOperation
  readonly outcome: 'ok' | 'away'
  readonly seconds: number
}

/** The same store; reports how long each call took, and whether the store could be used. */
export function timeStore(store: Store, onCall: (timing: StoreTiming) => void): Store {
  function timed<A extends unknown[], T>(operation: StoreOperation, call: (...args: A) => Promise<T>) {
    return async (...args: A): Promise<T> => {
      const begin = performance.now()
      let outcome: StoreTiming['outcome'] = 'ok'
      try {
        return await call(...args)
      } catch (error) {
        if (error instanceof StoreAway) outcome = 'away'
        throw error
      } finally {
        onCall({ operation, outcome, seconds: (performance.now() - begin) / 1000 })
      }
    }
  }
  return {
    get: timed('get', store.get),
    find: timed('find', store.find),
    page: timed('page', store.page),
    commit: timed('commit', store.commit),
    append: timed('append', store.append),
    recent: timed('recent', store.recent),
    close: store.close
  }
}
