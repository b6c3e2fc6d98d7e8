import { errors } from 'undici'
import { Connection, type ConnectionKeeper } from './connection.ts'
import type { Clock } from './deadline.ts'
import { createOpener, type OpenerOptions } from './opener.ts'
import { type BufferPool, createBufferPool } from './read-buffers.ts'
import { type LaneRequest, Transfer, type TransferHandler } from './transfer.ts'

export interface LaneOptions extends OpenerOptions {
  /** Connections at most; further requests wait. */
  readonly connections: number
  /** Shared with other lanes; one of its own without. */
  readonly buffers?: BufferPool
  /** Called when a connection leads to the server, and when that one has closed. */
  readonly onOpen?: () => void
  readonly onClose?: () => void
}

/**
 * The part of an undici dispatcher that forwarding uses, for `GET` and `HEAD` without a body to one server. The bytes
 * that `onResponseData` gets are lent: they stay as they are until the handler returns without a pause, or resumes.
 */
export interface Lane {
  dispatch(request: LaneRequest, handler: TransferHandler): boolean
  /** Whether it has no connection, nor anything that waits for one. */
  isIdle(): boolean
  destroy(): Promise<void>
}

/** How often the time is looked at. One timer a lane costs nothing. */
const TICK_MS = 100

/** Idle connections kept. */
const MAX_IDLE = 32

/**
 * A second way to the media server, for what is only fetched: a client that parses the head of a response only, and
 * hands the body on from the buffer it was read into.
 */
export function createLane(options: LaneOptions): Lane {
  const opener = createOpener(options)
  const { buffers = createBufferPool() } = options
  const open = new Set<Connection>()
  const idle: Connection[] = []
  const waiting: Transfer[] = []
  /** Asked for in this turn of the loop. */
  let asked: Transfer[] = []
  /** Whose response came whole in this turn of the loop. */
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
      // A full turn of the loop: a server that closes, or says more than it was asked, has done so by then.
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
