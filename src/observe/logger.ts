import { setTimeout as delay } from 'node:timers/promises'
import { type DestinationStream, destination, type LogFn, type Logger, pino } from 'pino'
import { Problem } from '../domain/problems.ts'
import { createLineBuffer } from './line-buffer.ts'

export type { Logger } from 'pino'

export interface LoggerOptions {
  readonly level: string
  /** Where lines go. Without it: standard output, written asynchronously. */
  readonly stream?: DestinationStream
}

export interface LogOutput {
  readonly log: Logger
  /** Writes what is buffered: after start-up lines and at the end of the process. Resolves within a second. */
  flush(): Promise<void>
}

/** How much pino may hold back; its own upper bound. */
const HELD_BYTES = 8192
const FLUSH_MS = 500
const FLUSH_MAX_MS = 1000

/** As a serializer: pino passes it more than the value. */
const describe = (error: unknown): ErrorDescription => describeError(error)

/** The logger of the process. Its serializers list everything that it may say about a request or an error. */
export function createLogger({ level, stream }: LoggerOptions): LogOutput {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { logMethod: withoutForeignText },
    serializers: { err: describe, error: describe, req: () => undefined, res: () => undefined }
  }
  if (stream !== undefined) return { log: pino(options, stream), flush: async () => undefined }
  const output = destination({ fd: 1, sync: false, minLength: HELD_BYTES, contentMode: 'buffer' })
  // The reader of the log is gone (EPIPE). Keep serving, and do not hang at the end.
  output.on('error', () => undefined)
  const flushSync = output.flushSync.bind(output)
  // The type describes text mode only; in buffer mode `write` takes bytes.
  const lines = createLineBuffer({ write: (bytes) => output.write(bytes as unknown as string), flushSync })
  // pino calls this when the process exits without closing.
  output.flushSync = lines.flushSync
  const timer = setInterval(() => {
    lines.drain()
    output.flush()
  }, FLUSH_MS)
  timer.unref()
  return {
    log: pino(options, lines),
    flush() {
      lines.drain()
      const written = new Promise<void>((resolve) => output.flush(() => resolve()))
      return Promise.race([written, delay(FLUSH_MAX_MS, undefined, { ref: false })])
    }
  }
}

/**
 * Fastify and its plugins use the same logger. They log bare errors, whose message would become the line's message, and
 * texts that contain URLs. Usher's own lines, fields first and then a constant text, pass unchanged.
 */
function withoutForeignText(this: Logger, args: Parameters<LogFn>, method: LogFn): void {
  const [first, second, ...rest] = args as unknown[]
  if (first instanceof Error) method.call(this, { err: first }, UNNAMED)
  else if (typeof first === 'string') method.call(this, first.replace(/\?\S*/g, ''))
  else if (isForeignMessage(first, second)) method.call(this, first as object, UNNAMED)
  else method.call(this, first as object, second as string, ...(rest as []))
}

const UNNAMED = 'unexpected error'

function isForeignMessage(fields: unknown, text: unknown): boolean {
  const { err } = (fields ?? {}) as { err?: unknown }
  return err instanceof Error && !(err instanceof Problem) && text === err.message
}

interface ErrorDescription {
  readonly type: string
  readonly code?: string
  /** Of a call that got no answer. */
  readonly service?: string
  readonly host?: string | null
  readonly message?: string
  readonly at?: string
  readonly cause?: ErrorDescription
}

/**
 * An error as the log may contain it. Messages of other people's errors stay out: a JSON parser quotes its input and
 * Node quotes header values, and both can be tokens. Type, code and stack frames say where to look.
 */
export function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error }
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  return {
    type: error.name,
    ...(error instanceof Problem && error.target),
    ...(typeof code === 'string' && /^\w{1,60}$/.test(code) && { code }),
    ...(error instanceof Problem ? { message: error.message } : { at: frames(error) }),
    ...(cause !== undefined && depth < MAX_CAUSES && { cause: describeError(cause, depth + 1) })
  }
}

/** An error can be its own cause. */
const MAX_CAUSES = 4

function frames(error: Error): string {
  // The message comes before the frames, and its lines can look like frames.
  const stack = (error.stack ?? '').replace(error.message, '')
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 6)
    .map((line) =>
      line.trim().replace(/\(?(?:file:\/\/)?\/\S*\/(?=(?:src|plugins|routes|node_modules)\/)/, '(')
    )
    .join(' < ')
}
