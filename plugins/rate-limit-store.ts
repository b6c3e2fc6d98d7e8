import type { RateLimitPluginOptions } from '@fastify/rate-limit'
import type { Count, Counters } from '../src/store/counters.ts'

type Store = NonNullable<RateLimitPluginOptions['store']>
type Callback = (error: Error | null, result?: Count) => void

/** Counters as the store of @fastify/rate-limit: a class that it instantiates once, with a child for each limit. */
export function toStore(createCounters: () => Counters): Store {
  return class CounterStore {
    readonly #counters = createCounters()

    incr(key: string, callback: Callback, windowMs: number): void {
      this.#counters.add(key, windowMs).then((count) => callback(null, count), callback)
    }

    read(key: string, callback: Callback, windowMs: number): void {
      this.#counters.read(key, windowMs).then((count) => callback(null, count), callback)
    }

    child(): CounterStore {
      return new CounterStore()
    }
  }
}
