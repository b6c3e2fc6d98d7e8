import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashSecret } from '../src/config/secret-hashes.ts'
import { type Simulator, startSimulator } from '../test/simulator/simulator.ts'
import { makeKey } from '../test/support/openid.ts'
import { freePort } from '../test/support/ports.ts'
import { requireProgram } from '../test/support/programs.ts'
import { settingsFor } from '../test/support/settings.ts'
import { until } from '../test/support/until.ts'
import type { Book } from './book.ts'
import { createInstance, type Instance } from './instance.ts'

export const APP = {
  id: 'notes',
  secret: 'a-secret-of-an-app-0123456789',
  callback: 'https://notes.example/callback'
}

/** One deployment: instances that share sessions. */
export interface Deployment {
  readonly name: 'pair' | 'house'
  readonly instances: readonly Instance[]
  /** Session ids (`sid`) that the app was told have ended. */
  readonly told: ReadonlySet<string>
}

/** Everything that runs: Plex, Redis, an app, two instances that share Redis, and one with a state directory. */
export interface Place {
  readonly simulator: Simulator
  readonly redis: { start(): Promise<void>; kill(): Promise<void>; signal(name: NodeJS.Signals): void }
  readonly deployments: readonly Deployment[]
  instance(name: string): Instance
  close(): Promise<void>
}

export async function openPlace(book: Book): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'usher-soak-'))
  const simulator = await startSimulator({ recordLimit: 2000 })
  // Plex's own pings would keep a frozen test alive; events are what a soak listens for.
  simulator.modes.set({ pingMs: 1000 })
  const redis = await openRedis(folder)
  const apps = await Promise.all([openApp(), openApp()])
  const keys = JSON.stringify({ keys: [makeKey('RS256', 'soak')] })

  function settings(app: { readonly uri: string }, port: number): Record<string, string> {
    return {
      ...settingsFor(simulator, port),
      USHER_TRUSTED_PROXIES: '127.0.0.1',
      USHER_RECHECK: '20s',
      USHER_UPSTREAM_TIMEOUT: '8s',
      USHER_DRAIN: '2s',
      USHER_OIDC_KEYS: keys,
      USHER_OIDC_CLIENTS: JSON.stringify([
        {
          id: APP.id,
          name: 'Notes',
          secretHashes: [hashSecret(APP.secret)],
          redirectUris: [APP.callback],
          backchannelLogoutUri: app.uri,
          refresh: true
        }
      ])
    }
  }

  const [first, second, third] = [await freePort(), await freePort(), await freePort()]
  const shared = {
    ...settings(apps[0], first),
    USHER_REDIS_URL: redis.url,
    USHER_PLEX_TOKEN: simulator.tokens.issue('owner', 'usher-soak-owner')
  }
  const state = mkdtempSync(join(folder, 'state-'))
  const one = createInstance('one', shared, book)
  const two = createInstance('two', { ...shared, USHER_PORT: String(second) }, book)
  const alone = { ...settings(apps[1], third), USHER_STATE_DIR: state }
  const house = createInstance('house', alone, book)
  const instances = [one, two, house]
  await Promise.all(instances.map((each) => each.start()))

  return {
    simulator,
    redis,
    deployments: [
      { name: 'pair', instances: [one, two], told: apps[0].told },
      { name: 'house', instances: [house], told: apps[1].told }
    ],
    instance(name) {
      const found = instances.find((each) => each.name === name)
      if (found === undefined) throw new RangeError(`no instance ${name}`)
      return found
    },
    async close() {
      for (const each of instances) each.kill()
      await redis.kill()
      for (const app of apps) app.server.close()
      await simulator.close()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

/** Hands every change to the system before it answers, so that killing the process loses nothing. */
async function openRedis(folder: string) {
  const program = requireProgram('redis-server')
  const port = await freePort()
  const files = ['--dir', folder, '--save', '', '--appendonly', 'yes', '--appendfsync', 'no']
  let child: ChildProcess | undefined

  async function start(): Promise<void> {
    child = spawn(program, ['--port', String(port), '--bind', '127.0.0.1', ...files], { stdio: 'ignore' })
    await until(() => isListening(port), 'redis-server listens', 30_000)
  }
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    start,
    async kill() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
    signal: (name: NodeJS.Signals) => void child?.kill(name)
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

/** The server of an app that is told of sign-outs. */
async function openApp(): Promise<{ server: Server; uri: string; told: Set<string> }> {
  const told = new Set<string>()
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += String(chunk)
    })
    request.on('end', () => {
      const token = new URLSearchParams(body).get('logout_token') ?? ''
      const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
      told.add((JSON.parse(claims) as { sid: string }).sid)
      response.writeHead(200).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/logout`, told }
}
