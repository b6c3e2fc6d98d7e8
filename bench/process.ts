import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { pinned } from './cores.ts'

export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly core: number
}

export interface Launched {
  readonly pid: number
  /** Asks the process to end, and kills it after five seconds. */
  stop(): Promise<void>
}

/** Starts a server on one core. Its standard output is a pipe that this process reads, as a container's engine would. */
export function launch({ command, args, env = {}, core }: Launch): Launched {
  const [file, argv] = pinned(core, command, args)
  const child = spawn(file, argv, {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  child.stdout.resume()
  if (child.pid === undefined) throw new Error(`cannot start ${command}`)
  return {
    pid: child.pid,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
      await ended
      clearTimeout(timer)
    }
  }
}

/** Runs a client on one core and returns its standard output; throws if it fails. */
export async function run({ command, args, env = {}, core }: Launch, timeoutMs: number): Promise<string> {
  const [file, argv] = pinned(core, command, args)
  const child = spawn(file, argv, {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL'
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${output.slice(-300)}`)
  return output
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/** One request on its own connection; rejects if nobody listens, or after `timeoutMs`. */
export function ask(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  { method = 'GET', body = '', timeoutMs = 5000 } = {}
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request(url, { method, headers: { ...headers }, agent: false, timeout: timeoutMs }, (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () =>
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(chunks) })
      )
    })
    req.on('timeout', () => req.destroy(new Error('timed out')))
    req.on('error', reject)
    req.end(body)
  })
}

/** Retries until there is a response of any status; throws after ten seconds. */
export async function waitFor(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const deadline = performance.now() + 10_000
  for (;;) {
    try {
      return await ask(url, headers)
    } catch (cause) {
      if (performance.now() > deadline) throw new Error(`nobody answers at ${url}`, { cause })
      await sleep(2)
    }
  }
}

/** Whether Debian's program is installed. */
export function isInstalled(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
}
