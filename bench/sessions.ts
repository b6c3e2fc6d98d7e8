import { randomBytes, randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCore } from '../src/app/core.ts'
import { loadConfig } from '../src/config/config.ts'
import { createLogger } from '../src/observe/logger.ts'
import type { SessionServer } from '../src/session/session.ts'
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

/** Seals 100,000 different sessions as the running Usher would, and a few for the other file. */
export async function writeCookies(
  directory: string,
  running: Running,
  options: UsherOptions,
  upstream: string
): Promise<CookieFiles> {
  const files = { fresh: join(directory, 'fresh.txt'), known: join(directory, 'known.txt') }
  await withSealer(running, options, upstream, (seal) => {
    const line = (): string => `${seal()}\n`
    writeFileSync(files.fresh, Array.from({ length: SESSIONS }, line).join(''))
    const known = Array.from({ length: KNOWN_SESSIONS }, line).join('')
    writeFileSync(files.known, known.repeat(SESSIONS / KNOWN_SESSIONS))
  })
  return files
}

/** Seals a session like the one that signed in, but for id and token, and at another server if one is given. */
export type SealSession = (server?: SessionServer) => string

/** Hands over what seals further sessions, each as a Cookie header. */
export async function withSealer<T>(
  { id, url, cookie }: Running,
  options: UsherOptions,
  upstream: string,
  use: (seal: SealSession) => T
): Promise<T> {
  const settings = usherSettings(Number(new URL(url).port), options, upstream)
  const { log } = createLogger({ level: 'silent' })
  const core = createCore({ config: loadConfig(settings), log, processMetrics: false })
  try {
    const read = core.sessions.read(cookie)
    if (!read.open) throw new Error(`the cookie of ${id} does not open: ${read.code}`)
    return use((server) => {
      const token = randomBytes(15).toString('base64url')
      const own = server === undefined ? {} : { server, role: 'owner' as const }
      const session = { ...read.asSealed, ...own, id: randomUUID(), accountToken: token, serverToken: token }
      return cookie.replace(/(^|; )usher=[^;]*/, `$1usher=${core.sessions.seal(session)}`)
    })
  } finally {
    await core.close()
  }
}
