import { setTimeout as delay } from 'node:timers/promises'
import { type DestinationStream, destination, type Logger, pino } from 'pino'
import { Problem } from './errors.ts'

export type { Logger } from 'pino'

export interface LoggerOptions {
  readonly level: string
  /** Where lines go; standard output, written asynchronously, when there is none. */
  readonly stream?: DestinationStream
}

export interface LogOutput {
  readonly log: Logger
  /** Writes what is buffered, for start-up lines and the end of the process; resolves after a second at the latest. */
  flush(): Promise<void>
}

/** Bytes gathered before a write: a line for every request must not cost a system call each. */
const BUFFER_BYTES = 8192
const FLUSH_MS = 500
const FLUSH_MAX_MS = 1000

/** The process's one logger. What it may say of a request or an error is listed in its serializers, nothing else. */
export function createLogger({ level, stream }: LoggerOptions): LogOutput {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError, error: describeError, req: () => undefined, res: () => undefined }
  }
  if (stream !== undefined) return { log: pino(options, stream), flush: async () => undefined }
  const output = destination({ fd: 1, sync: false, minLength: BUFFER_BYTES })
  // Nobody reads the log any more (EPIPE): that is no reason to stop serving, nor to hang at the end.
  output.on('error', () => undefined)
  const timer = setInterval(() => output.flush(), FLUSH_MS)
  timer.unref()
  return {
    log: pino(options, output),
    flush: () =>
      Promise.race([
        new Promise<void>((resolve) => output.flush(() => resolve())),
        delay(FLUSH_MAX_MS, undefined, { ref: false })
      ])
  }
}

interface ErrorDescription {
  readonly type: string
  readonly code?: string
  readonly message?: string
  readonly at?: string
  readonly cause?: ErrorDescription
}

/**
 * An error as the log may know it. Messages of foreign errors stay out: a JSON parser quotes its input, and
 * Node quotes header values, either of which can be a token. Type, code and stack frames tell where to look.
 */
export function describeError(error: unknown): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error }
  const { code } = error as { code?: unknown }
  return {
    type: error.name,
    ...(typeof code === 'string' && { code }),
    ...(error instanceof Problem && { message: error.message }),
    ...(!(error instanceof Problem) && { at: frames(error) }),
    ...(error.cause !== undefined && { cause: describeError(error.cause) })
  }
}

function frames(error: Error): string {
  const stack = error.stack ?? ''
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 6)
    .map((line) =>
      line.trim().replace(/\(?(?:file:\/\/)?\/\S*\/(?=(?:src|plugins|routes|node_modules)\/)/, '(')
    )
    .join(' < ')
}
