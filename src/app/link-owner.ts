import { setTimeout as delay } from 'node:timers/promises'
import { ConfigError, loadConfig } from '../config/config.ts'
import type { Environment } from '../config/environment.ts'
import { writeSecretFile } from '../config/files.ts'
import { Invalid } from '../config/setting.ts'
import { Problem } from '../domain/problems.ts'
import { createLogger } from '../observe/logger.ts'
import { deploymentIdentifier } from '../plex/identity.ts'
import type { PlexTv } from '../plex/plex-tv.ts'
import { isServer } from '../plex/resources.ts'
import { explainFailure } from '../plex/upstream-errors.ts'
import { type CommandResult, failed, printed } from './command-result.ts'
import { createCore } from './core.ts'

export interface LinkOwnerOptions {
  readonly env: Environment
  readonly now: () => number
  /** Shows the code before the command ends. */
  readonly print: (text: string) => void
  /** Between two looks whether the code was entered. */
  readonly pollMs?: number
}

const POLL_MS = 3000

/**
 * Gets an account token of the server's owner by a code that is typed at plex.tv/link, and writes it to the file that
 * USHER_PLEX_TOKEN_FILE names. The token is never printed.
 */
export async function linkOwner(options: LinkOwnerOptions): Promise<CommandResult> {
  const { env, now, print, pollMs = POLL_MS } = options
  const { USHER_PLEX_TOKEN_FILE: file, USHER_PLEX_TOKEN: token, ...others } = env
  if (token !== undefined && token !== '') return failed('USHER_PLEX_TOKEN is set: unset it, and name a file')
  if (file === undefined || file === '')
    return failed('USHER_PLEX_TOKEN_FILE must name the file to write, such as /secrets/plex-token')
  let config: ReturnType<typeof loadConfig>
  try {
    config = loadConfig(others)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { exitCode: 1, stdout: '', stderr: `${error.message}\n` }
  }
  if (config.pms.url === null) return failed('USHER_PMS_URL must name the server whose owner is wanted')
  const { log } = createLogger({ level: 'silent', stream: { write: () => undefined } })
  const core = createCore({
    config: { ...config, redisUrl: null, stateDir: null },
    log,
    now,
    processMetrics: false
  })
  const clientIdentifier = deploymentIdentifier(config.publicUrl.href)
  try {
    const machineId = await core.machineId()
    const pin = await core.plexTv.createPin(clientIdentifier, { strong: false })
    print(`Open https://plex.tv/link as the owner of the server, and enter this code:\n\n  ${pin.code}\n\n`)
    const fresh = await waitForToken(core.plexTv, pin, { clientIdentifier, pollMs, now })
    if (fresh === null) return { exitCode: 1, stdout: '', stderr: 'the code has expired: try again\n' }
    const resources = await core.plexTv.resources(fresh, clientIdentifier)
    const isOwner = resources.some(
      (each) => isServer(each) && each.owned && each.machineIdentifier === machineId
    )
    if (!isOwner) {
      await core.plexTv.signOut(fresh, clientIdentifier)
      return {
        exitCode: 1,
        stdout: '',
        stderr: 'this account does not own the server: nothing was written\n'
      }
    }
    try {
      writeSecretFile(file, fresh)
    } catch (error) {
      await core.plexTv.signOut(fresh, clientIdentifier)
      throw error
    }
    return printed('The token is in the file that USHER_PLEX_TOKEN_FILE names. Restart Usher to use it.\n')
  } catch (error) {
    return { exitCode: 1, stdout: '', stderr: `${explain(error)}\n` }
  } finally {
    await core.close()
  }
}

interface Wait {
  readonly clientIdentifier: string
  readonly pollMs: number
  readonly now: () => number
}

/** Null where nobody entered the code in time. */
async function waitForToken(
  plexTv: PlexTv,
  { id, expiresAt }: { readonly id: number; readonly expiresAt: number },
  { clientIdentifier, pollMs, now }: Wait
): Promise<string | null> {
  while (now() < expiresAt) {
    await delay(pollMs)
    try {
      const { token } = await plexTv.readPin(id, clientIdentifier)
      if (token !== null) return token
    } catch (error) {
      if (error instanceof Problem && error.code === 'USHER_PIN_UNKNOWN') return null
      // plex.tv may be away for a moment: the code is good until it expires.
      if (!(error instanceof Problem) || error.status < 500) throw error
    }
  }
  return null
}

function explain(error: unknown): string {
  if (error instanceof Invalid) return `USHER_PLEX_TOKEN_FILE ${error.message}`
  return error instanceof Problem ? explainFailure(error) : 'it did not work'
}
