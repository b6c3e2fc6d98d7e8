import type { Config } from '../config/config.ts'
import type { Logger } from '../observe/logger.ts'
import type { Revocation, Revocations } from '../session/live/revocation.ts'
import type { Counters } from './counters.ts'
import { createKeptCounters } from './kept-counters.ts'
import { createKeptRevocations } from './kept-revocations.ts'
import { createMemoryStore } from './memory.ts'
import type { NameSeal } from './redis-names.ts'
import { createSharedStore } from './shared-store.ts'
import { createSqliteStore } from './sqlite.ts'
import { openDatabase } from './sqlite-file.ts'
import type { Store } from './store.ts'
import { type StoreTiming, timeStore } from './timed-store.ts'

/** Where a deployment keeps what is in no cookie. */
export interface State {
  /** `memory`: gone with the process. `file`: kept on this machine. `redis`: shared by several instances. */
  readonly kind: 'memory' | 'file' | 'redis'
  readonly store: Store
  /** Whether the shared store can be used; null without one. */
  isSharedUp(): boolean | null
  /** Whether the store can be used and written to; null where it is in the process. */
  isUp(): boolean | null
  /** Stores a revocation made here and sends it to other instances. Returns at once and never throws. */
  share(revocation: Revocation): void
  /** Counters of one limit; null if they are in the process only. */
  readonly createCounters: (() => Counters) | null
  /** The key ring was replaced. */
  reseal(): void
  /** Resolves when stored state has been restored, at the latest after some seconds. */
  readonly opened: Promise<void>
  close(): Promise<void>
}

export interface StateOptions {
  readonly config: Pick<Config, 'redisUrl' | 'publicUrl' | 'cookieDomain' | 'instance' | 'stateDir'>
  readonly revocations: Pick<Revocations, 'learn' | 'all' | 'size'>
  readonly nameSeal: NameSeal
  readonly log: Logger
  /** Called when the shared store comes up or goes away. */
  readonly onChange: (up: boolean) => void
  /** Called once for each time that Redis, or the file of the state, cannot be used. */
  readonly onAway: (service: 'redis' | 'state', reason: string) => void
  /** Called after each call to a store outside the process. */
  readonly onCall: (timing: StoreTiming) => void
  /** Called when the shared store came back empty. */
  readonly onEmpty: () => void
  readonly now: () => number
  /** How long a call to Redis waits for its answer; default a second. */
  readonly commandTimeoutMs?: number
}

/** Redis if configured, else the file, else memory. Throws StateError if the file cannot be used. */
export function createState(options: StateOptions): State {
  const { config, now } = options
  const shared = createSharedStore(options)
  if (shared !== null) {
    const { store, isUp, share, createCounters, reseal, opened, close } = shared
    const timed = timeStore(store, options.onCall)
    return {
      kind: 'redis',
      store: timed,
      isSharedUp: isUp,
      isUp,
      share,
      createCounters,
      reseal,
      opened,
      close
    }
  }
  if (config.stateDir !== null) return createFileState(options, config.stateDir)
  return {
    kind: 'memory',
    store: createMemoryStore({ now }),
    isSharedUp: () => null,
    isUp: () => null,
    share() {
      // The process already knows it, and there is no one else.
    },
    createCounters: null,
    reseal: () => undefined,
    opened: Promise.resolve(),
    close: async () => undefined
  }
}

function createFileState({ revocations, log, onAway, onCall, now }: StateOptions, directory: string): State {
  let isUp = true
  const file = createSqliteStore({
    database: openDatabase(directory),
    now,
    onAway(reason) {
      isUp = false
      onAway('state', reason)
    },
    onBack() {
      isUp = true
      log.info({}, 'the state can be written again')
      void kept.keepAll().catch(() => undefined)
    }
  })
  const store = timeStore(file, onCall)
  const kept = createKeptRevocations({ store, revocations, now })
  const counters = createKeptCounters({ store, now })

  async function load(): Promise<void> {
    await kept.load()
    await counters.load()
    log.info({ revocations: revocations.size }, 'state opened')
  }

  return {
    kind: 'file',
    store,
    isSharedUp: () => null,
    isUp: () => isUp,
    share: kept.keep,
    createCounters: counters.create,
    reseal: () => undefined,
    opened: load(),
    async close() {
      await counters.close()
      await store.close()
    }
  }
}
