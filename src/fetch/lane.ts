import { errors } from 'undici'
import { Connection } from './connection.ts'
import type { Clock } from './deadline.ts'
import { createOpener, type OpenerOptions } from './opener.ts'
import type { Owner } from './owner.ts'
import { createBufferPool } from './read-buffers.ts'
import { type LaneRequest, Transfer, type TransferHandler } from './transfer.ts'

export interface MediaLaneOptions extends OpenerOptions {
  /** Connections at most; further requests wait. */
  readonly connections: number
}

/**
 * The part of an undici dispatcher that forwarding uses, for `GET` and `HEAD` without a body to one server. The bytes
 * that `onResponseData` gets are lent: they stay as they are until the handler returns without a pause, or resumes.
 */
export interface MediaLane {
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
 * A second way to the media server, for its big files: a client that parses the head of an answer only, and hands the
 * body on from the buffer it was read into.
 */
export function createMediaLane(options: MediaLaneOptions): MediaLane {
  const opener = createOpener(options)
  const pool = createBufferPool()
  const open = new Set<Connection>()
  const idle: Connection[] = []
  const waiting: Transfer[] = []
  /** Asked for in this turn of the loop. */
  let asked: Transfer[] = []
  /** Whose answer came whole in this turn of the loop. */
  let freed: Connection[] = []
  let destroyed = false
  let timer: NodeJS.Timeout | null = null

  const clock: Clock = { now: performance.now(), tickMs: TICK_MS }

  const owner: Owner = {
    clock,
    onFree(connection) {
      // A full turn of the loop: a server that closes, or says more than it was asked, has done so by then.
      if (freed.push(connection) === 1) setImmediate(reuseAll)
    },
    onClose(connection) {
      open.delete(connection)
      const at = idle.indexOf(connection)
      if (at !== -1) idle.splice(at, 1)
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
    open.add(new Connection(opener, pool, owner, transfer))
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
