import { createRequire } from 'node:module'
import type { Redis } from 'ioredis'

export interface RedisLink {
  /** Whether Redis answers and what was missed has been caught up with. */
  isUp(): boolean
  /** Runs a script in Redis; rejects at once while Redis is away, and after a second where it does not answer. */
  run(script: string, key: string, args: readonly (string | number)[]): Promise<unknown>
  /** A page of a sorted set: the next cursor, then members and scores in turn. */
  scan(key: string, cursor: string): Promise<readonly [string, readonly string[]]>
  /** Takes a failed call as the loss of Redis until the next catch-up goes through. */
  suspect(error: unknown): void
  /** Resolves when the first attempt has ended, well or not, and after five seconds in any case. */
  readonly opened: Promise<void>
  /** Waits for calls under way, a second at most. */
  close(): Promise<void>
}

export interface RedisLinkOptions {
  /** May hold a password; goes nowhere but into the client. */
  readonly url: string
  readonly channel: string
  readonly onMessage: (text: string) => void
  /** Runs at every connection, when the channel is subscribed already, so that nothing falls between the two. */
  readonly catchUp: (link: RedisLink) => Promise<void>
  /** Once per change, not per attempt. */
  readonly onUp: () => void
  /** `reason` is an error code of Node's or a word of Redis's, never a text with an address in it. */
  readonly onDown: (reason: string) => void
}

const CONNECT_TIMEOUT_MS = 2000
/** Nobody who signs in waits longer for a Redis that hangs. */
const COMMAND_TIMEOUT_MS = 1000
/** A connection that died without a word is found within this and the time-out of a command. */
const BEAT_MS = 1000
const MAX_RETRY_MS = 1000
const SCAN_COUNT = 1000
const NO_DATABASE = 'no such database'
/** What a start waits for a catch-up at most; a usual one takes milliseconds. */
const OPEN_MS = 5000

/**
 * Two connections to Redis, one for calls and one for its channel. It never throws and never waits: while Redis
 * is away every call fails at once, and connections are tried again every second.
 */
export function createRedisLink(options: RedisLinkOptions): RedisLink {
  const { url, channel, onMessage, catchUp, onUp, onDown } = options
  const caller = connect(url)
  const listener = connect(url)
  const opened = Promise.withResolvers<void>()
  // ioredis goes on in database 0 where a server refuses another: two deployments would then share what is theirs.
  const database = Number(new URL(url).pathname.slice(1))
  let selected = database === 0
  let state: 'starting' | 'up' | 'down' | 'closed' = 'starting'
  let subscribed = false
  let catching = false
  let again = false

  const link: RedisLink = {
    isUp: () => state === 'up',
    run: (script, key, args) =>
      selected ? caller.call('EVAL', [script, 1, key, ...args]) : Promise.reject(new Error(NO_DATABASE)),
    scan: (key, cursor) =>
      selected ? caller.zscan(key, cursor, 'COUNT', SCAN_COUNT) : Promise.reject(new Error(NO_DATABASE)),
    suspect(error) {
      // What failed may be missing from a catch-up that is past reading what there is to write.
      if (catching) again = true
      lost(error)
    },
    opened: opened.promise,
    async close() {
      state = 'closed'
      clearInterval(timer)
      clearTimeout(openTimer)
      opened.resolve()
      // QUIT is answered after everything sent before it; a Redis that is away has no answer to wait for.
      if (caller.status === 'ready') await caller.quit().catch(() => undefined)
      caller.disconnect()
      listener.disconnect()
    }
  }

  function lost(error: unknown): void {
    opened.resolve()
    if (state === 'down' || state === 'closed') return
    state = 'down'
    onDown(toReason(error))
  }

  async function recover(): Promise<void> {
    again = true
    if (catching) return
    catching = true
    while (again && subscribed && caller.status === 'ready' && state !== 'closed') {
      again = false
      try {
        if (!selected) await caller.select(database)
        selected = true
        await catchUp(link)
        if (!again && subscribed && caller.status === 'ready') found()
      } catch (error) {
        lost(error)
      }
    }
    catching = false
  }

  function found(): void {
    if (state === 'closed') return
    if (state !== 'up') {
      state = 'up'
      onUp()
    }
    opened.resolve()
  }

  async function subscribe(): Promise<void> {
    try {
      await listener.subscribe(channel)
      subscribed = true
      await recover()
    } catch (error) {
      lost(error)
      listener.disconnect(true)
    }
  }

  async function ping(connection: Redis): Promise<void> {
    try {
      await connection.ping()
    } catch (error) {
      lost(error)
      if (connection.status === 'ready') connection.disconnect(true)
    }
  }

  for (const connection of [caller, listener]) {
    connection.on('error', lost)
    connection.on('close', () => lost(null))
  }
  caller.on('ready', () => void recover())
  listener.on('ready', () => void subscribe())
  caller.on('close', () => {
    selected = database === 0
  })
  listener.on('close', () => {
    subscribed = false
  })
  listener.on('message', (_channel: string, text: string) => onMessage(text))

  const timer = setInterval(() => {
    // Not while one is under way: a long catch-up would begin again and again.
    if (state !== 'up' && !catching) void recover()
    for (const connection of [caller, listener]) {
      if (connection.status === 'ready') void ping(connection)
    }
  }, BEAT_MS)
  timer.unref()
  const openTimer = setTimeout(opened.resolve, OPEN_MS)
  openTimer.unref()
  return link
}

function connect(url: string): Redis {
  // Loaded where there is a Redis to connect to, for a start without one would wait for it as long.
  const { Redis } = createRequire(import.meta.url)('ioredis') as typeof import('ioredis')
  return new Redis(url, {
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    retryStrategy: (attempt) => Math.min(MAX_RETRY_MS, 50 * 2 ** attempt) * (0.75 + Math.random() / 4),
    // Nothing waits in the client: what could not be sent is in memory here, and the catch-up writes it.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // After a failover the old primary answers so; another connection may reach the new one.
    reconnectOnError: (error) => error.message.startsWith('READONLY')
  })
}

function toReason(error: unknown): string {
  if (!(error instanceof Error)) return 'closed'
  if ('code' in error && typeof error.code === 'string') return error.code
  if (error.message === 'Command timed out') return 'timeout'
  if (error.message === NO_DATABASE || error.message.includes('DB index')) return NO_DATABASE
  return /^[A-Z]{2,20}(?= )/.exec(error.message)?.[0] ?? error.name
}
