import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { until } from '../test/support/until.ts'
import type { Book } from './book.ts'

export interface Memory {
  readonly rss: number
  readonly heapUsed: number
  readonly external: number
}

/** One Usher in a process of its own, which can be stopped and started again at the same ports. */
export interface Instance {
  readonly name: string
  readonly port: number
  /** Host header of its public URL. */
  readonly host: string
  /** Whether requests may be sent to it now. */
  readonly isUp: boolean
  readonly pid: number
  /** When it last found Redis away or back; now, while it is away. On a loaded machine a Redis that is well may be late. */
  readonly storeTroubleAt: number
  start(): Promise<void>
  /** SIGTERM; it must exit with 0. */
  stop(): Promise<void>
  signal(name: NodeJS.Signals): void
  stepClock(stepMs: number): void
  /** After a collection; null while it is down. */
  memory(): Promise<Memory | null>
  /** One of its operations pages. */
  operations(path: string): Promise<string>
  /** Kills it whatever it does. */
  kill(): void
}

const SERVER = fileURLToPath(new URL('../src/server.ts', import.meta.url))
const HOOK = new URL('./hook.ts', import.meta.url).href
/** The drain, the five seconds after it, and a loaded machine. */
const STOP_MS = 60_000

export function createInstance(
  name: string,
  settings: Readonly<Record<string, string>>,
  book: Book
): Instance {
  const port = Number(settings['USHER_PORT'])
  const { host } = new URL(settings['USHER_PUBLIC_URL'] ?? '')
  let child: ChildProcess | null = null
  let internalUrl = ''
  let isUp = false
  let isStopping = false
  let asked = 0
  let isStoreAway = false
  let storeTroubleAt = Number.NEGATIVE_INFINITY

  function read(line: string): void {
    book.text(`${name} log`, line)
    const entry = JSON.parse(line) as { level: string; msg: string; url?: string; warning?: string }
    if (entry.msg === 'internal listener ready') {
      internalUrl = entry.url ?? ''
      isUp = true
    }
    if (entry.msg.startsWith('shared store ')) {
      isStoreAway = entry.msg.startsWith('shared store away')
      storeTroubleAt = performance.now()
    }
    if (entry.level === 'warn' || entry.level === 'error') book.line(entry.msg)
    if (entry.level === 'fatal' || (entry.level === 'error' && !EXPECTED_ERRORS.includes(entry.msg)))
      book.violation('logged as a defect', `${name}: ${line.slice(0, 400)}`)
  }

  return {
    name,
    port,
    host,
    get isUp() {
      return isUp && !isStopping
    },
    get pid() {
      return child?.pid ?? 0
    },
    get storeTroubleAt() {
      return isStoreAway ? performance.now() : storeTroubleAt
    },
    async start() {
      isStopping = false
      isStoreAway = false
      const args = ['--expose-gc', '--import', HOOK, SERVER]
      const started = spawn(process.execPath, args, {
        env: { ...settings },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc']
      })
      child = started
      if (started.stdout !== null) createInterface({ input: started.stdout }).on('line', read)
      started.stderr?.on('data', (text: Buffer) => {
        const said = String(text)
        if (!/ExperimentalWarning|trace-warnings/.test(said))
          book.violation('stderr', `${name}: ${said.slice(0, 400)}`)
      })
      started.on('exit', (code, signal) => {
        isUp = false
        if (!isStopping) book.violation('ended by itself', `${name}: ${code ?? signal}`)
      })
      await until(() => isUp, `${name} is ready`, 60_000)
    },
    async stop() {
      if (child === null || child.exitCode !== null) return
      isStopping = true
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      const timer = setTimeout(() => child?.kill('SIGKILL'), STOP_MS)
      const [code, signal] = await exited
      clearTimeout(timer)
      if (code !== 0) book.violation('a stop that is not clean', `${name}: ${code ?? signal}`)
    },
    signal: (which) => void child?.kill(which),
    stepClock: (stepMs) => void child?.send({ stepMs }),
    async memory() {
      if (!isUp || isStopping || child === null) return null
      const [process, number] = [child, ++asked]
      const answer = new Promise<Memory | null>((resolve) => {
        const timer = setTimeout(resolve, 10_000, null)
        process.on('message', function hear(message: Memory & { readonly answer: number }) {
          if (message.answer !== number) return
          clearTimeout(timer)
          process.off('message', hear)
          resolve(message)
        })
      })
      process.send({ ask: number })
      return answer
    },
    async operations(path) {
      return (await fetch(`${internalUrl}${path}`)).text()
    },
    kill: () => {
      isStopping = true
      child?.kill('SIGKILL')
    }
  }
}

/** Errors that a trouble causes, and that are no defect. */
const EXPECTED_ERRORS = ['the state cannot be written, app sign-ins are refused']
