import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { createCanary } from './canary.ts'

export interface UsherProcess {
  readonly publicUrl: string
  readonly internalUrl: string
  /** Parsed log lines so far. */
  readonly logs: readonly Record<string, unknown>[]
  signal(name: NodeJS.Signals): void
  /** Its exit code; null if a signal ended it. */
  readonly exited: Promise<number | null>
}

const SOURCES = [process.execPath, fileURLToPath(new URL('../../src/server.ts', import.meta.url))]

/**
 * Usher in its own process, with these settings and nothing else in its environment. Resolves when both listeners are
 * ready. A token of the simulator in its log fails the test.
 */
export async function spawnUsher(
  t: Test,
  settings: Readonly<Record<string, string>>,
  [file = '', ...args]: readonly string[] = SOURCES,
  cwd?: string
): Promise<UsherProcess> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...settings }, cwd })
  const ended = once(child, 'exit')
  // Its output has been read to the end by then, which an exit alone does not say.
  const exited = once(child, 'close').then(([code]) => code as number | null)
  const canary = createCanary()
  const logs: Record<string, unknown>[] = []
  const urls = new Map<string, string>()
  const ready = Promise.withResolvers<void>()

  function read(line: string): void {
    canary.watchText('log', line)
    const entry = JSON.parse(line) as Record<string, unknown>
    logs.push(entry)
    const [, listener] = /^(public|internal) listener ready$/.exec(String(entry['msg'])) ?? []
    if (listener !== undefined) urls.set(listener, String(entry['url']))
    if (urls.size === 2) ready.resolve()
  }

  // Whole lines alone: a process that is killed may leave half of one.
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) read(line)
  })
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString()
    canary.watchText('stderr', chunk.toString())
  })
  t.teardown(async () => {
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    await ended
    const leaks = canary.leaks()
    if (leaks.length > 0) throw new Error(leaks.join(', '))
  })
  await Promise.race([
    ready.promise,
    exited.then((code) => {
      throw new Error(`Usher ended with ${code} before it was ready: ${complaints}`)
    })
  ])
  return {
    publicUrl: urls.get('public') ?? '',
    internalUrl: urls.get('internal') ?? '',
    logs,
    signal: (name) => {
      child.kill(name)
    },
    exited
  }
}
