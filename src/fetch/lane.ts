import { errors } from 'undici'
import { Connection, type ConnectionKeeper } from './connection.ts'
import type { Clock } from './deadline.ts'
import { createOpener, type OpenerOptions } from './opener.ts'
import { type BufferPool, createBufferPool } from './read-buffers.ts'
import { type LaneRequest, Transfer, type TransferHandler } from './transfer.ts'

export interface LaneOptions extends OpenerOptions {
  /** The most connections; further requests wait. */
  readonly connections: number
  /** Shared with other lanes; default: its own. */
  readonly buffers?: BufferPool
  /** Called when a connection is established, and when it has closed. */
  readonly onOpen?: () => void
  readonly onClose?: () => void
}

/**
 * The part of an undici dispatcher that forwarding uses, for `GET` and `HEAD` without a body to one server. The bytes
 * passed to `onResponseData` are lent: they stay valid until the handler returns without pausing, or resumes.
 */
export interface Lane {
  dispatch(request: LaneRequest, handler: TransferHandler): boolean
  /** Whether it has no connection and no waiting request. */
  isIdle(): boolean
  destroy(): Promise<void>
}

/** How often the clock is read. One timer per lane costs nothing. */
const TICK_MS = 100

/** Idle connections kept. */
const MAX_IDLE = 32

/**
 * The lean client for fetches from the media server: it parses only the header section of a response and passes the
 * body on from the buffer it was read into (docs/decisions/0005-a-lean-client.md).
 */
export function createLane(options: LaneOptions): Lane {
  const opener = createOpener(options)
  const { buffers = createBufferPool() } = options
  const open = new Set<Connection>()
  const idle: Connection[] = []
  const waiting: Transfer[] = []
  /** Requests of this turn of the event loop. */
  let asked: Transfer[] = []
  /** Connections whose response completed in this turn of the event loop. */
  let freed: Connection[] = []
  let destroyed = false
  let timer: NodeJS.Timeout | null = null

  const clock: Clock = { now: performance.now(), tickMs: TICK_MS }

  const keeper: ConnectionKeeper = {
    clock,
    onOpen() {
      options.onOpen?.()
    },
    onFree(connection) {
      // A full turn of the event loop: by then a server that closes, or sends more than was requested, has done so.
      if (freed.push(connection) === 1) setImmediate(reuseAll)
    },
    onClose(connection, wasOpen) {
      open.delete(connection)
      const at = idle.indexOf(connection)
      if (at !== -1) idle.splice(at, 1)
      if (open.size === 0) buffers.leave()
      if (wasOpen) options.onClose?.()
      if (open.size < options.connections) connect(nextWaiting())
    }
  }

  function reuseAll(): void {
    const connections = freed
    freed = []
    for (const connection of connections) reuse(connection)
  }

  function reuse(connection: Connection): void {
    if (!connection.isFree) return
    const transfer = nextWaiting()
    if (transfer !== undefined) connection.carry(transfer)
    else if (destroyed || idle.length >= MAX_IDLE) connection.close()
    else idle.push(connection)
  }

  function startAll(): void {
    const transfers = asked
    asked = []
    for (const transfer of transfers) {
      if (transfer.settled) continue
      const free = idle.pop()
      if (free !== undefined) free.carry(transfer)
      else if (open.size < options.connections) connect(transfer)
      else waiting.push(transfer)
    }
  }

  function nextWaiting(): Transfer | undefined {
    let transfer = waiting.shift()
    while (transfer?.settled === true) transfer = waiting.shift()
    return transfer
  }

  function connect(transfer: Transfer | undefined): void {
    if (transfer === undefined) return
    if (timer === null) {
      clock.now = performance.now()
      timer = setInterval(tick, TICK_MS)
    }
    if (open.size === 0) buffers.enter()
    open.add(new Connection(opener, buffers, keeper, transfer))
  }

  function tick(): void {
    clock.now = performance.now()
    for (const connection of open) connection.check()
    if (open.size > 0 || timer === null) return
    clearInterval(timer)
    timer = null
  }

  return {
    dispatch(request, handler) {
      const transfer = new Transfer(request, handler)
      if (destroyed) transfer.fail(new errors.ClientDestroyedError())
      else if (request.origin !== options.origin)
        transfer.fail(new errors.InvalidArgumentError('another origin'))
      else if (asked.push(transfer) === 1) setImmediate(startAll)
      return open.size < options.connections
    },
    isIdle: () => open.size === 0 && asked.length === 0,
    async destroy() {
      destroyed = true
      for (const transfer of [...asked.splice(0), ...waiting.splice(0)])
        transfer.fail(new errors.ClientDestroyedError())
      for (const connection of [...open]) connection.destroy(new errors.ClientDestroyedError())
      if (timer !== null) clearInterval(timer)
    }
  }
}
