import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { freePort } from './ports.ts'
import { requireProgram } from './programs.ts'
import { until } from './until.ts'

export interface RedisServer {
  readonly url: string
  readonly port: number
  /** The test's own client. */
  readonly client: Redis
  /** Starts it (again), empty. */
  start(): Promise<void>
  /** Kills it with SIGKILL. */
  kill(): Promise<void>
  signal(name: NodeJS.Signals): void
}

export interface RedisServerOptions {
  readonly password?: string
  /** Leaves it to the test to start it. */
  readonly away?: boolean
}

/** A real redis-server on a free loopback port; it persists nothing. */
export async function startRedis(t: Test, { password, away }: RedisServerOptions = {}): Promise<RedisServer> {
  const program = requireProgram('redis-server')
  const port = await freePort()
  const url = `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${port}`
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => 50 })
  client.on('error', () => {
    // It is away for part of a test; the test's own commands fail then.
  })
  let child: ChildProcess | undefined

  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    // Its exit may be heard of first: a start that finds the old connection would not wait for the new server.
    await until(() => client.status !== 'ready', 'the client knows')
  }

  async function start(): Promise<void> {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
    child = spawn(program, [...args, ...(password === undefined ? [] : ['--requirepass', password])], {
      stdio: 'ignore'
    })
    await until(async () => {
      if (client.status === 'wait') await client.connect().catch(() => undefined)
      return client.status === 'ready'
    }, 'redis-server answers')
  }

  t.teardown(async () => {
    client.disconnect()
    await kill()
  })
  if (!away) await start()
  return {
    url,
    port,
    client,
    start,
    kill,
    signal: (name) => void child?.kill(name)
  }
}
