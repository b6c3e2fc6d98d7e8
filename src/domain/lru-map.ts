import { LRUCache } from 'lru-cache'

type Options<K extends string | number, V extends NonNullable<unknown>> = Pick<
  LRUCache.OptionsBase<K, V, unknown>,
  'ttl' | 'ttlResolution' | 'perf'
>

/**
 * An LRU cache of at most `max` entries. It grows with them: with `max` of its own, the package would make room for all
 * at once, which took 4 ms of a start and megabytes that a small house never needs.
 */
export function createLruMap<K extends string | number, V extends NonNullable<unknown>>(
  max: number,
  options: Options<K, V> = {}
): LRUCache<K, V> {
  return new LRUCache<K, V>({ ...options, maxSize: max, sizeCalculation: () => 1 })
}
