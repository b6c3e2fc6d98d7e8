import { type Config, ConfigError } from '../config/config.ts'
import type { Environment } from '../config/environment.ts'
import { createLiveConfig, rereadConfig } from '../config/live-config.ts'
import type { Logger } from '../observe/logger.ts'
import { StartError } from './start-error.ts'

/**
 * A part that follows the configuration. It makes itself ready for the next one, and throws StartError if it cannot.
 * The function that it returns switches over, and cannot fail.
 */
export type Follow = (next: Config) => (() => void) | Promise<() => void>

export interface Reload {
  /** The configuration of the process, which changes with a reload. */
  readonly config: Config
  /** Parts make ready in the order in which they are added, and switch in the same order. */
  follow(part: Follow): void
  /** Reads the settings again and lets every part switch, or none. Never throws; says in the log what became of it. */
  run(env: Environment): Promise<void>
}

export interface ReloadOptions {
  readonly initial: Config
  readonly log: Logger
  readonly onResult: (result: 'ok' | 'refused' | 'failed') => void
}

/** Takes over changed settings while requests go on: all of those that a reload may change, or none. */
export function createReload({ initial, log, onResult }: ReloadOptions): Reload {
  const { config, adopt } = createLiveConfig(initial)
  const parts: Follow[] = []
  let running: Promise<void> | null = null
  let again = false

  async function reload(env: Environment): Promise<void> {
    try {
      const { config: next, changed, waiting } = rereadConfig(env, config)
      const switches: (() => void)[] = []
      for (const part of parts) switches.push(await part(next))
      // In one turn of the event loop: no request sees one part before and another after.
      adopt(next)
      for (const switchOver of switches) switchOver()
      onResult('ok')
      log.info({ changed, ...(waiting.length > 0 && { waiting }) }, 'configuration reloaded')
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof StartError)) {
        onResult('failed')
        log.error({ err: error }, 'reload failed, the running configuration stays')
        return
      }
      const problems = error instanceof ConfigError ? error.problems : [error.message]
      onResult('refused')
      log.error({ problems }, 'reload refused, the running configuration stays')
    }
  }

  return {
    config,
    follow: (part) => void parts.push(part),
    async run(env) {
      again = true
      running ??= (async () => {
        while (again) {
          again = false
          await reload(env)
        }
        running = null
      })()
      await running
    }
  }
}
