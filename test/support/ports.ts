import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** Below the ephemeral range of Linux: no outgoing connection and no other test's port 0 takes one of these. */
const FIRST = 15_000
const BLOCK = 50
const BLOCKS = 340
/** Rounds through all blocks, in case other programs have them for a moment. */
const ROUNDS = 20
const ROUND_MS = 500

/** Listens at the first port of each block that this process has, for as long as it lives. */
const claims: Server[] = []
/** Ports of its newest block that it has not given out. */
let left: number[] = []
let wanted: Promise<unknown> = Promise.resolve()

/**
 * A loopback port where nobody listens, and that neither this process nor another test's gets again: it may be kept
 * for later, or left without a listener.
 */
export function freePort(): Promise<number> {
  const port = wanted.then(nextPort)
  wanted = port.catch(() => undefined)
  return port
}

async function nextPort(): Promise<number> {
  for (;;) {
    if (left.length === 0) left = await claimBlock()
    const port = left.shift() ?? 0
    // Some other program may have it.
    const probe = await listen(port)
    if (probe === null) continue
    probe.close()
    await once(probe, 'close')
    return port
  }
}

async function claimBlock(): Promise<number[]> {
  for (let tried = 0; tried < BLOCKS * ROUNDS; tried += 1) {
    if (tried > 0 && tried % BLOCKS === 0) await delay(ROUND_MS)
    const first = FIRST + BLOCK * ((process.pid + tried) % BLOCKS)
    const claim = await listen(first)
    if (claim === null) continue
    claims.push(claim.unref())
    return Array.from({ length: BLOCK - 1 }, (_, index) => first + 1 + index)
  }
  throw new Error('every block of ports is taken')
}

async function listen(port: number): Promise<Server | null> {
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<Server | null>()
  server.once('listening', () => resolve(server))
  server.once('error', (error: NodeJS.ErrnoException) =>
    error.code === 'EADDRINUSE' ? resolve(null) : reject(error)
  )
  server.listen(port, '127.0.0.1')
  return promise
}
