export interface RecentMap<K, V> {
  /** Moves the entry to the younger generation. */
  get(key: K): V | undefined
  set(key: K, value: V): void
  delete(key: K): void
  clear(): void
  values(): IterableIterator<V>
}

/**
 * A map of at most `max` entries that evicts those not read recently. It keeps two generations: when the younger one
 * reaches half of `max`, the older one is dropped. Every request reads it, so a read must not reorder a list as an
 * LRU does.
 */
export function createRecentMap<K, V>(max: number): RecentMap<K, V> {
  const half = Math.max(1, Math.floor(max / 2))
  let young = new Map<K, V>()
  let old = new Map<K, V>()

  function set(key: K, value: V): void {
    if (young.size >= half && !young.has(key)) {
      old = young
      young = new Map()
    }
    young.set(key, value)
  }

  return {
    get(key) {
      const value = young.get(key)
      if (value !== undefined) return value
      const older = old.get(key)
      if (older !== undefined) set(key, older)
      return older
    },
    set,
    delete(key) {
      young.delete(key)
      old.delete(key)
    },
    clear() {
      young = new Map()
      old = new Map()
    },
    *values() {
      yield* young.values()
      for (const [key, value] of old) if (!young.has(key)) yield value
    }
  }
}
