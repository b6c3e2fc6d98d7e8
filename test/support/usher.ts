import { Writable } from 'node:stream'
import type { Test } from 'tap'
import { startUsher, type Usher } from '../../src/app/usher.ts'
import { loadConfig } from '../../src/config/config.ts'
import { createLogger } from '../../src/observe/logger.ts'
import { type Simulator, startSimulator } from '../simulator/simulator.ts'
import { type Browser, createBrowser } from './browser.ts'
import { type Canary, createCanary } from './canary.ts'
import { freePort } from './ports.ts'
import { settingsFor } from './settings.ts'

export interface TestUsher extends Usher {
  readonly simulator: Simulator
  readonly canary: Canary
  /** Parsed log lines so far. */
  readonly logs: Record<string, unknown>[]
  readonly settings: Record<string, string>
  /** A fresh browser: its own cookie jar and address. */
  browser(): Browser
  /** A browser that has signed in with the password of a demo account. */
  signedIn(login?: string): Promise<Browser>
}

export interface TestUsherOptions {
  readonly settings?: Record<string, string | undefined>
  readonly simulator?: Simulator
  readonly now?: () => number
  /** Of the public URL: '' or '/x'. */
  readonly basePath?: string
  /** Keeps the canary from failing this test; for tests of the canary itself. */
  readonly leaky?: boolean
  /** Gives Redis up after a second without an answer, as Usher does, and not only when it is gone. */
  readonly hasty?: boolean
  /** Node's own metrics, which need a timer. */
  readonly processMetrics?: boolean
}

export const OWNER = 'sim@example.com'
export const FRIEND = 'friend@example.com'
export const PASSWORD = 'correct-horse'

/** A real Usher on free loopback ports in front of the simulator. The canary watches every byte it sends. */
export async function startTestUsher(t: Test, options: TestUsherOptions = {}): Promise<TestUsher> {
  if (options.simulator !== undefined) return await start(t, options, options.simulator)
  const simulator = await startSimulator()
  try {
    return await start(t, options, simulator)
  } catch (error) {
    // Left open, it would keep the test's process from ending.
    await simulator.close()
    throw error
  }
}

async function start(t: Test, options: TestUsherOptions, simulator: Simulator): Promise<TestUsher> {
  const port = await freePort()
  const settings = withoutUndefined({
    ...settingsFor(simulator, port, options.basePath),
    // Each browser of a test has its own address, as behind a proxy.
    USHER_TRUSTED_PROXIES: '127.0.0.1',
    // The canary reads what is written to sockets.
    USHER_COMPRESS: 'false',
    USHER_LOG_LEVEL: 'trace',
    ...options.settings
  })
  const canary = createCanary()
  const logs: Record<string, unknown>[] = []
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      const line = String(chunk)
      canary.watchText('log', line)
      logs.push(JSON.parse(line) as Record<string, unknown>)
      done()
    }
  })
  const usher = await startUsher({
    config: loadConfig(settings),
    output: createLogger({ level: 'trace', stream }),
    processMetrics: options.processMetrics === true,
    // A machine that stands still for two seconds is no outage.
    ...(options.hasty !== true && { storeTimeoutMs: 30_000 }),
    onListen: (server, name) =>
      canary.watchServer(server, `${name} listener`, { transients: name === 'internal' }),
    ...(options.now && { now: options.now })
  })
  t.teardown(async () => {
    canary.watchText('metrics', await usher.core.metrics.registry.metrics())
    await usher.stop(0)
    if (options.simulator === undefined) await simulator.close()
    const leaks = canary.leaks()
    if (!options.leaky && leaks.length > 0) throw new Error(leaks.join(', '))
  })
  const browser = () => createBrowser(usher.publicUrl)
  return {
    ...usher,
    simulator,
    canary,
    logs,
    settings,
    browser,
    async signedIn(login = OWNER) {
      const fresh = browser()
      const answer = await fresh.post('/session/login', { login, password: PASSWORD })
      if (answer.status !== 201)
        throw new Error(`sign-in of ${login} answered ${answer.status} ${answer.text}`)
      return fresh
    }
  }
}

function withoutUndefined(settings: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).filter((entry): entry is [string, string] => entry[1] !== undefined)
  )
}
