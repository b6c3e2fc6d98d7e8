import { setTimeout as delay } from 'node:timers/promises'
import { type DestinationStream, destination, type LogFn, type Logger, pino } from 'pino'
import { Problem } from '../domain/problems.ts'
import { createLineBuffer } from './line-buffer.ts'

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

/** What pino may hold back of what it is handed; it knows no greater number. */
const HELD_BYTES = 8192
const FLUSH_MS = 500
const FLUSH_MAX_MS = 1000

/** As a serializer, which pino calls with more than the value. */
const describe = (error: unknown): ErrorDescription => describeError(error)

/** The process's one logger. What it may say of a request or an error is listed in its serializers, nothing else. */
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
  // Nobody reads the log any more (EPIPE): that is no reason to stop serving, nor to hang at the end.
  output.on('error', () => undefined)
  const flushSync = output.flushSync.bind(output)
  // Its type knows the one mode only; in this one it takes bytes as they are.
  const lines = createLineBuffer({ write: (bytes) => output.write(bytes as unknown as string), flushSync })
  // What pino calls at the end of a process that nobody closed.
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
 * Fastify and its plugins log by the same logger: an error by itself, whose message would become the line's, or a
 * text with a URL in it. Our own lines are fields first and a constant text, and pass as they are.
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
  readonly message?: string
  readonly at?: string
  readonly cause?: ErrorDescription
}

/**
 * An error as the log may know it. Messages of foreign errors stay out: a JSON parser quotes its input, and
 * Node quotes header values, either of which can be a token. Type, code and stack frames tell where to look.
 */
export function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error }
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  return {
    type: error.name,
    ...(typeof code === 'string' && /^\w{1,60}$/.test(code) && { code }),
    ...(error instanceof Problem ? { message: error.message } : { at: frames(error) }),
    ...(cause !== undefined && depth < MAX_CAUSES && { cause: describeError(cause, depth + 1) })
  }
}

/** An error may name itself as its cause. */
const MAX_CAUSES = 4

function frames(error: Error): string {
  // The message stands before the frames, and its lines may look like some.
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
