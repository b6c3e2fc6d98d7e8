import closeWithGrace from 'close-with-grace'
import { readConfig, runCommand } from './app/commands.ts'
import { explainStartFailure } from './app/start-error.ts'
import { summarizeStart } from './app/start-summary.ts'
import { startUsher, type Usher } from './app/usher.ts'
import type { Config } from './config/config.ts'
import { createLogger } from './observe/logger.ts'

/** In addition to the drain: for responses in progress and for sockets to close. */
const CLOSE_MS = 5000
/**
 * A signal reaches a whole process group, and npm passes on its own copy. A second signal within this time counts as
 * the same one (SECURITY rule 97).
 */
const ECHO_MS = 1000
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGQUIT'] as const
/** SIGHUP then means that the terminal is gone, and ends the process. Elsewhere it asks for a reload. */
const RUNS_IN_TERMINAL = process.stdout.isTTY === true

const command = await runCommand({
  argv: process.argv.slice(2),
  env: process.env,
  now: Date.now,
  print: (text) => void process.stdout.write(text)
})
if (command === null) {
  const read = readConfig(process.env)
  if (typeof read !== 'string') await serve(read)
  else {
    process.stderr.write(read)
    process.exitCode = 1
  }
} else {
  process.stdout.write(command.stdout)
  process.stderr.write(command.stderr)
  process.exitCode = command.exitCode
}

async function serve(config: Config): Promise<void> {
  const output = createLogger({ level: config.logLevel })
  const { log } = output
  const started = Promise.withResolvers<Usher>()
  let stopSignal: NodeJS.Signals | undefined
  // From the beginning: a signal that nobody handles would end the process.
  if (!RUNS_IN_TERMINAL)
    process.on('SIGHUP', () => {
      void started.promise.then(async ({ core }) => {
        if (stopSignal === undefined) await core.reload.run(process.env)
      })
    })
  try {
    const usher = await startUsher({ config, output })
    started.resolve(usher)
    const grace = closeWithGrace(
      { delay: config.drainMs + CLOSE_MS, logger: false, skip: [...STOP_SIGNALS, 'SIGHUP'] },
      async ({ err }) => {
        if (err !== undefined) log.fatal({ err }, 'stopping after an unexpected error')
        else log.info({ signal: stopSignal }, 'stopping')
        await output.flush()
        await usher.stop(config.drainMs)
        log.info('stopped')
        await output.flush()
      }
    )
    onStopSignals({
      stop(signal) {
        stopSignal = signal
        void grace.close()
      },
      async cut(signal) {
        log.warn({ signal }, 'stopped by a second signal, open streams are cut')
        await output.flush()
        process.exit(1)
      }
    })
    // Not awaited: a media server that is away takes its whole time-out.
    void summarizeStart(usher.core).finally(output.flush)
  } catch (error) {
    const reason = explainStartFailure(error)
    log.fatal({ reason, err: error }, 'start failed')
    await output.flush()
    process.stderr.write(`start failed: ${reason}\n`)
    process.exit(1)
  }
}

interface StopHandlers {
  /** Once. */
  readonly stop: (signal: NodeJS.Signals) => void
  readonly cut: (signal: NodeJS.Signals) => void
}

function onStopSignals({ stop, cut }: StopHandlers): void {
  let first: number | null = null
  for (const name of RUNS_IN_TERMINAL ? [...STOP_SIGNALS, 'SIGHUP' as const] : STOP_SIGNALS) {
    process.on(name, () => {
      const time = performance.now()
      if (first === null) {
        first = time
        stop(name)
      } else if (time - first >= ECHO_MS) cut(name)
    })
  }
}
