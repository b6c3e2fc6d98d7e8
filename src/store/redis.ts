import { createRequire } from 'node:module'
import type { Redis } from 'ioredis'

export interface RedisLink {
  /** Whether Redis answers and this instance has caught up. */
  isUp(): boolean
  /** Runs a script; rejects at once while Redis is away, and after a second without an answer. */
  run(script: string, key: string, args: readonly (string | number)[]): Promise<unknown>
  /** A page of a sorted set: the next cursor, then members and scores alternating. */
  scan(key: string, cursor: string): Promise<readonly [string, readonly string[]]>
  /** Treats a failed call as the loss of Redis, until the next catch-up succeeds. */
  suspect(error: unknown): void
  /** Resolves when the first attempt has succeeded or failed, at the latest after five seconds. */
  readonly opened: Promise<void>
  /** Waits for calls in progress, at most a second. */
  close(): Promise<void>
}

export interface RedisLinkOptions {
  /** May contain a password; used by the client only. */
  readonly url: string
  readonly channel: string
  readonly onMessage: (text: string) => void
  /** Runs at every connection, after subscribing to the channel, so that nothing is missed in between. */
  readonly catchUp: (link: RedisLink) => Promise<void>
  /** Once per change, not per attempt. */
  readonly onUp: () => void
  /** `reason` is a Node error code or a Redis error word, never a text that contains an address. */
  readonly onDown: (reason: string) => void
  /** How long a call waits for its answer; default a second. */
  readonly commandTimeoutMs?: number
}

const CONNECT_TIMEOUT_MS = 2000
/** Nobody waits longer for a Redis that hangs. */
const COMMAND_TIMEOUT_MS = 1000
/** A dead connection is detected within this plus the time-out of a command. */
const BEAT_MS = 1000
const MAX_RETRY_MS = 1000
const SCAN_COUNT = 1000
const NO_DATABASE = 'no such database'
/** The longest that a start waits for a catch-up, which usually takes milliseconds. */
const OPEN_MS = 5000

/**
 * Two connections to Redis, one for calls and one for the channel. It never throws and never waits: while Redis is
 * away every call fails at once, and connecting is retried every second.
 */
export function createRedisLink(options: RedisLinkOptions): RedisLink {
  const { url, channel, onMessage, catchUp, onUp, onDown, commandTimeoutMs = COMMAND_TIMEOUT_MS } = options
  const caller = connect(url, commandTimeoutMs)
  const listener = connect(url, commandTimeoutMs)
  const opened = Promise.withResolvers<void>()
  // If a server refuses the database, ioredis stays in database 0, where two deployments would share their state.
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
      // A catch-up in progress may already have read its list, without what has just failed.
      if (catching) again = true
      lost(error)
    },
    opened: opened.promise,
    async close() {
      state = 'closed'
      clearInterval(timer)
      clearTimeout(openTimer)
      opened.resolve()
      // QUIT is answered after everything sent before it; while Redis is away there is no answer to wait for.
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
    // Not during a catch-up: a long one would start over again and again.
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

function connect(url: string, commandTimeout: number): Redis {
  // Loaded only if Redis is configured (docs/decisions/0012-a-quick-start.md).
  const { Redis } = createRequire(import.meta.url)('ioredis') as typeof import('ioredis')
  return new Redis(url, {
    // A call that may take longer may wait as long for its connection.
    connectTimeout: Math.max(CONNECT_TIMEOUT_MS, commandTimeout),
    commandTimeout,
    retryStrategy: (attempt) => Math.min(MAX_RETRY_MS, 50 * 2 ** attempt) * (0.75 + Math.random() / 4),
    // The client queues nothing: what could not be sent is in memory, and the catch-up writes it.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // The old primary's answer after a failover; another connection may reach the new one.
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
