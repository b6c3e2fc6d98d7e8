import { createHmac, randomBytes } from 'node:crypto'
import type { RedisLink } from './redis.ts'
import { StoreAway } from './store.ts'

/** Seals the key of the names under the key ring, for every instance of the deployment and nobody else. */
export interface NameSeal {
  seal(value: string): string
  /** Null where no key of the ring opens it. `newest`: sealed with the key that seals today. */
  unseal(text: string): { readonly value: string; readonly newest: boolean } | null
}

/** Names in Redis as an HMAC: a dump tells no address, account or id to whoever has no key ring (SECURITY rule 99). */
export interface RedisNames {
  /** Reads the key, or makes it. Whether it is not the one of before: what was stored is not found any more. */
  load(link: Pick<RedisLink, 'run'>): Promise<{ readonly isNew: boolean }>
  /** Throws StoreAway before the key was loaded. */
  of(space: string, text: string): string
}

const CLAIM = `
local known = redis.call('GET', KEYS[1])
if known and known ~= ARGV[1] then return known end
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]
`

/**
 * The key is random and lives in Redis, sealed: derived from the ring itself it would change with the first key of a
 * rotation, and with it every name.
 */
export function createRedisNames(prefix: string, { seal, unseal }: NameSeal): RedisNames {
  const place = `${prefix}:names`
  let key: Buffer | null = null

  /** Puts `fresh` where `before` stands ('' for nothing there); gives what stands there then. */
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
        // Of a ring that is gone, as all sessions are that it sealed.
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
