import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../src/config.ts'
import { createCore } from '../src/core.ts'
import { createLogger } from '../src/logger.ts'
import type { Running } from './contender.ts'
import { type UsherOptions, usherSettings } from './usher.ts'

const SESSIONS = 100_000

/**
 * Seals 100,000 sessions as the running Usher would, each another one to it, and writes their cookies to a
 * file, one a line. They differ from the one that signed in by their id alone.
 */
export async function writeCookies(
  directory: string,
  running: Running,
  options: UsherOptions,
  upstream: string
): Promise<string> {
  const settings = usherSettings(Number(new URL(running.url).port), options, upstream)
  const { log } = createLogger({ level: 'silent' })
  const core = createCore({ config: loadConfig(settings), log, processMetrics: false })
  try {
    const read = core.sessions.read(running.cookie)
    if (!read.open) throw new Error(`the cookie of ${running.id} does not open: ${read.code}`)
    const lines: string[] = []
    for (let i = 0; i < SESSIONS; i++) {
      const value = core.sessions.seal({ ...read.sealed, id: randomUUID() })
      lines.push(running.cookie.replace(/(^|; )usher=[^;]*/, `$1usher=${value}`))
    }
    const file = join(directory, 'cookies.txt')
    writeFileSync(file, `${lines.join('\n')}\n`)
    return file
  } finally {
    await core.close()
  }
}
