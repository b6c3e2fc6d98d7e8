import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Running } from './contender.ts'
import { type Cores, pinned } from './cores.ts'

const CLIENT = fileURLToPath(new URL('hold.ts', import.meta.url))
const HELD_MS = 1500

/** Keeps that many connections for a second and a half once they are up; returns how many got a response. */
export async function hold(
  { url, cookie }: Running,
  cores: Cores,
  mode: 'idle' | 'slow' | 'events',
  count: number,
  path: string
): Promise<number> {
  const [file, args] = pinned(cores.load, process.execPath, [CLIENT])
  const child = spawn(file, args, {
    env: {
      PATH: process.env['PATH'] ?? '',
      TARGET: `${url}${path}`,
      COOKIE: cookie,
      COUNT: String(count),
      MODE: mode
    },
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 30_000,
    killSignal: 'SIGKILL'
  })
  const ended = once(child, 'exit')
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data')
  await sleep(HELD_MS)
  child.stdin.end()
  await ended
  return (JSON.parse(String(line)) as { answered: number }).answered
}
