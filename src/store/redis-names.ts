import { createHmac, randomBytes } from 'node:crypto'
import type { RedisLink } from './redis.ts'
import { StoreAway } from './store.ts'

/** Seals the key of the names under the key ring, so that only this deployment's instances can read it. */
export interface NameSeal {
  seal(value: string): string
  /** Null if no key of the ring unseals it. `newest`: sealed with the current key. */
  unseal(text: string): { readonly value: string; readonly newest: boolean } | null
}

/** Names in Redis as HMACs: without the key ring, a dump reveals no address, account or id (SECURITY rule 99). */
export interface RedisNames {
  /** Reads or creates the key. True if it changed: earlier records are then no longer found. */
  load(link: Pick<RedisLink, 'run'>): Promise<{ readonly isNew: boolean }>
  /** Throws StoreAway until the key has been loaded. */
  of(space: string, text: string): string
}

const CLAIM = `
local known = redis.call('GET', KEYS[1])
if known and known ~= ARGV[1] then return known end
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]
`

/**
 * The key is random and stored in Redis, sealed. Derived from the ring, it would change with every rotation, and all
 * names with it.
 */
export function createRedisNames(prefix: string, { seal, unseal }: NameSeal): RedisNames {
  const place = `${prefix}:names`
  let key: Buffer | null = null

  /** Replaces `before` ('' for nothing) by `fresh`; returns the value that is stored then. */
  async function claim(link: Pick<RedisLink, 'run'>, before: string, fresh: string): Promise<string> {
    return String(await link.run(CLAIM, place, [before, fresh]))
  }

  return {
    async load(link) {
      const fresh = randomBytes(32).toString('base64url')
      const mine = seal(fresh)
      let stored = await claim(link, '', mine)
      let opened = unseal(stored)
      if (opened === null) {
        // From a previous key ring, whose sessions are gone as well.
        stored = await claim(link, stored, mine)
        opened = unseal(stored)
        if (opened === null) throw new StoreAway('names of another key ring')
      }
      if (!opened.newest) await claim(link, stored, seal(opened.value))
      key = Buffer.from(opened.value, 'base64url')
      return { isNew: opened.value === fresh }
    },
    of(space, text) {
      if (key === null) throw new StoreAway('not connected yet')
      return createHmac('sha256', key).update(`${space}\0${text}`).digest('base64url').slice(0, 22)
    }
  }
}
