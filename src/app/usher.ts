import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../config/config.ts'
import { createLogger, type LogOutput } from '../observe/logger.ts'
import { inspectDatabase } from '../store/sqlite-file.ts'
import { buildInternalApp, buildPublicApp } from './app.ts'
import { atMost } from './at-most.ts'
import { type Core, createCore } from './core.ts'
import { registerFigures } from './figures.ts'
import { mendIdleConnections } from './idle-connections.ts'
import { type ListenSettings, toStartError } from './start-error.ts'

const SWEEP_MS = 50
/** How long a listener waits for what is neither idle nor a stream, such as a request that never comes whole. */
const CUT_MS = 1000
/** How long a stop takes once both listeners are closed; sign-outs at plex.tv get two seconds of it. */
const CLOSE_MS = 5000

export interface Usher {
  readonly core: Core
  /** The addresses of the listeners, with the actual ports. */
  readonly publicUrl: string
  readonly internalUrl: string
  /** Makes the instance unready, ends open streams after `drainMs`, and resolves when both listeners are closed. */
  stop(drainMs: number): Promise<void>
}

export interface UsherOptions {
  readonly config: Config
  readonly output: LogOutput
  readonly now?: () => number
  readonly processMetrics?: boolean
  /** How long a call to the shared store waits for its answer; default a second. */
  readonly storeTimeoutMs?: number
  /** Called with each HTTP server before it listens. */
  readonly onListen?: (server: Server, name: 'public' | 'internal') => void
}

/** One Usher in this process: the core and its two listeners. Two of them share nothing. */
export async function startUsher(options: UsherOptions): Promise<Usher> {
  const { config, output, now, processMetrics, storeTimeoutMs, onListen } = options
  const { log } = output
  const core = createCore({
    config,
    log,
    ...(now && { now }),
    ...(processMetrics !== undefined && { processMetrics }),
    ...(storeTimeoutMs !== undefined && { storeTimeoutMs })
  })
  try {
    const publicApp = await buildPublicApp(core)
    const internalApp = await buildInternalApp(core, publicApp)
    registerFigures(core, { public: publicApp.server, internal: internalApp.server })
    for (const { server } of [publicApp, internalApp]) mendIdleConnections(server as Server)
    onListen?.(publicApp.server, 'public')
    onListen?.(internalApp.server, 'internal')
    // Revocations made earlier or elsewhere are known before the first request, unless the shared store is away.
    await core.state.opened
    core.start()
    const publicUrl = await listen(publicApp, config.listen, PUBLIC)
    const internalUrl = await listen(internalApp, config.internalListen, INTERNAL)
    log.info({ url: publicUrl }, 'public listener ready')
    log.info({ url: internalUrl }, 'internal listener ready')
    await output.flush()
    return {
      core,
      publicUrl,
      internalUrl,
      async stop(drainMs) {
        core.drain()
        // Listening ends at once; streams get their grace and are then aborted.
        const timer = setTimeout(() => core.streams.abort(), drainMs)
        await close(publicApp, drainMs + CUT_MS)
        clearTimeout(timer)
        // Last, so that readiness can be probed until the end.
        await close(internalApp, CUT_MS)
        await atMost(CLOSE_MS, core.close())
        await output.flush()
      }
    }
  } catch (error) {
    await core.close()
    throw error
  }
}

/** Closes a listener; connections that are still open after `cutMs` are cut. */
async function close(app: FastifyInstance, cutMs: number): Promise<void> {
  // A connection whose response ends after closing began would be kept alive for its next request.
  const sweep = setInterval(() => app.server.closeIdleConnections(), SWEEP_MS)
  const cut = setTimeout(() => app.server.closeAllConnections(), cutMs)
  await app.close()
  clearInterval(sweep)
  clearTimeout(cut)
}

const PUBLIC = { host: 'USHER_HOST', port: 'USHER_PORT' } as const
const INTERNAL = { host: 'USHER_INTERNAL_HOST', port: 'USHER_INTERNAL_PORT' } as const

/** Builds everything that a start builds, opens nothing, and throws what the start would throw. */
export async function rehearseStart(config: Config): Promise<void> {
  const { log } = createLogger({ level: 'silent', stream: { write: () => undefined } })
  if (config.redisUrl === null && config.stateDir !== null) inspectDatabase(config.stateDir)
  // The store itself is left alone: an instance that runs may hold the file.
  const core = createCore({
    config: { ...config, redisUrl: null, stateDir: null },
    log,
    processMetrics: false
  })
  try {
    const publicApp = await buildPublicApp(core)
    const internalApp = await buildInternalApp(core, publicApp)
    await Promise.all([publicApp.ready(), internalApp.ready()])
    await Promise.all([publicApp.close(), internalApp.close()])
  } finally {
    await core.close()
  }
}

async function listen(app: FastifyInstance, at: Config['listen'], settings: ListenSettings): Promise<string> {
  const { host, port } = at
  const { level } = app.log
  // Silences Fastify's own announcement; the lines about the listeners are logged once both accept connections.
  app.log.level = 'silent'
  try {
    await app.listen({ host, port })
  } catch (error) {
    throw toStartError(error, settings, at)
  } finally {
    app.log.level = level
  }
  const address = app.server.address() as AddressInfo
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`
}
