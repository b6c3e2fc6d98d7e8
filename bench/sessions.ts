import { randomBytes, randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCore } from '../src/app/core.ts'
import { loadConfig } from '../src/config/config.ts'
import { createLogger } from '../src/observe/logger.ts'
import type { Running } from './contender.ts'
import { type UsherOptions, usherSettings } from './usher.ts'

const SESSIONS = 100_000
/** Fewer than half of the session cache, which it certainly keeps. */
const KNOWN_SESSIONS = 2000

/** Files of cookies, one per line, with the same number of lines. */
export interface CookieFiles {
  /** A different session on every line. */
  readonly fresh: string
  /** A few sessions over and over. */
  readonly known: string
}

/**
 * Seals 100,000 different sessions as the running Usher would, and a few for the other file. They differ from the
 * session that signed in by id and token.
 */
export async function writeCookies(
  directory: string,
  running: Running,
  options: UsherOptions,
  upstream: string
): Promise<CookieFiles> {
  const settings = usherSettings(Number(new URL(running.url).port), options, upstream)
  const { log } = createLogger({ level: 'silent' })
  const core = createCore({ config: loadConfig(settings), log, processMetrics: false })
  try {
    const read = core.sessions.read(running.cookie)
    if (!read.open) throw new Error(`the cookie of ${running.id} does not open: ${read.code}`)
    const seal = (): string => {
      const token = randomBytes(15).toString('base64url')
      const session = { ...read.told, id: randomUUID(), accountToken: token, serverToken: token }
      const value = core.sessions.seal(session)
      return `${running.cookie.replace(/(^|; )usher=[^;]*/, `$1usher=${value}`)}\n`
    }
    const files = { fresh: join(directory, 'fresh.txt'), known: join(directory, 'known.txt') }
    writeFileSync(files.fresh, Array.from({ length: SESSIONS }, seal).join(''))
    const known = Array.from({ length: KNOWN_SESSIONS }, seal).join('')
    writeFileSync(files.known, known.repeat(SESSIONS / KNOWN_SESSIONS))
    return files
  } finally {
    await core.close()
  }
}
