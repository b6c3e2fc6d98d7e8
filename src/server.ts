import closeWithGrace from 'close-with-grace'
import { runCommand } from './app/commands.ts'
import { startUsher } from './app/usher.ts'
import { type Config, ConfigError, loadConfig } from './config/config.ts'
import { createLogger, describeError } from './observe/logger.ts'

/** Beyond the drain of open streams: for answers under way and for the sockets to close. */
const CLOSE_MS = 5000

const command = runCommand({ argv: process.argv.slice(2), env: process.env, now: Date.now })
if (command === null) await serve(readConfig())
else {
  process.stdout.write(command.stdout)
  process.stderr.write(command.stderr)
  process.exitCode = command.exitCode
}

function readConfig(): Config {
  try {
    return loadConfig(process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  }
}

async function serve(config: Config): Promise<void> {
  const output = createLogger({ level: config.logLevel })
  const { log } = output
  try {
    const usher = await startUsher({ config, output })
    closeWithGrace({ delay: config.drainMs + CLOSE_MS, logger: false }, async ({ signal, err }) => {
      if (err !== undefined) log.fatal({ err }, 'stopping after an unexpected error')
      else log.info({ signal }, 'stopping')
      await output.flush()
      await usher.stop(config.drainMs)
      log.info('stopped')
      await output.flush()
    })
  } catch (error) {
    log.fatal({ err: error }, 'start failed')
    await output.flush()
    process.stderr.write(`start failed: ${JSON.stringify(describeError(error))}\n`)
    process.exit(1)
  }
}
