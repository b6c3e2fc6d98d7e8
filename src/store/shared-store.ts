import { createHash } from 'node:crypto'
import type { Config } from '../config/config.ts'
import type { Logger } from '../observe/logger.ts'
import { cookieNames, sealBinding } from '../session/cookie/cookie.ts'
import type { Revocation, Revocations } from '../session/live/revocation.ts'
import type { Counters } from './counters.ts'
import { createRedisLink } from './redis.ts'
import { createRedisNames, type NameSeal } from './redis-names.ts'
import { createRedisStore } from './redis-store.ts'
import { createSharedCounters } from './shared-counters.ts'
import { createSharedRevocations } from './shared-revocations.ts'
import type { Store } from './store.ts'

/** What the instances of a deployment share: revocations, counters and records. */
export interface SharedStore {
  readonly store: Store
  isUp(): boolean
  /** Sends a revocation made here to the other instances. Returns at once and never throws. */
  share(revocation: Revocation): void
  /** Counters of one limit. */
  createCounters(): Counters
  /** The key ring was replaced: what names are made of is sealed with the newest key. */
  reseal(): void
  /** Resolves when the first attempt to connect and catch up has succeeded or failed. */
  readonly opened: Promise<void>
  close(): Promise<void>
}

export interface SharedStoreOptions {
  readonly config: Pick<Config, 'redisUrl' | 'publicUrl' | 'cookieDomain' | 'instance'>
  readonly revocations: Pick<Revocations, 'learn' | 'all' | 'size'>
  readonly nameSeal: NameSeal
  readonly log: Logger
  readonly onChange: (up: boolean) => void
  /** Called when Redis goes away. */
  readonly onAway: (service: 'redis', reason: string) => void
  /** Redis came back empty: revocations are written again, records are lost. */
  readonly onEmpty: () => void
  readonly now: () => number
  /** How long a call waits for its answer; default a second. */
  readonly commandTimeoutMs?: number
}

/**
 * The store behind USHER_REDIS_URL. Redis may be away at start and at any time: requests are served from what is
 * known here, and both sides catch up when it is back.
 */
export function createSharedStore(options: SharedStoreOptions): SharedStore | null {
  const { config, revocations, nameSeal, log, onChange, onAway, onEmpty, now, commandTimeoutMs } = options
  if (config.redisUrl === null) return null
  // As with sealed values: instances that unseal each other's cookies share, and no one else in this Redis.
  const deployment = `${sealBinding(config)} ${cookieNames(config).session}`
  const prefix = `usher:{${createHash('sha256').update(deployment).digest('base64url').slice(0, 22)}}`
  const shared = createSharedRevocations({ revocations, prefix, now })
  const names = createRedisNames(prefix, nameSeal)
  let hasBeenUp = false
  onChange(false)
  const link = createRedisLink({
    url: config.redisUrl,
    channel: shared.channel,
    onMessage: shared.hear,
    async catchUp(caller) {
      // Names first: the key of the revocations reveals nothing, but those of counters and records would.
      const { isNew } = await names.load(caller)
      if (isNew && hasBeenUp) onEmpty()
      await shared.catchUp(caller)
    },
    onUp() {
      hasBeenUp = true
      onChange(true)
      log.info({ revocations: revocations.size }, 'shared store ready, caught up')
    },
    onDown(reason) {
      onChange(false)
      onAway('redis', reason)
    },
    ...(commandTimeoutMs !== undefined && { commandTimeoutMs })
  })
  return {
    store: createRedisStore({ link, names, prefix, now }),
    isUp: link.isUp,
    share: (revocation) => shared.share(link, revocation),
    createCounters: () => createSharedCounters({ link, names, prefix, now }),
    reseal() {
      // If Redis is away, the next connection does it.
      if (link.isUp()) void names.load(link).catch(link.suspect)
    },
    opened: link.opened,
    async close() {
      await link.close()
      if (shared.unshared > 0)
        log.warn({ revocations: shared.unshared }, 'stopped before revocations could be shared')
    }
  }
}
