import { type Logger, symbols } from 'pino'

/** Writes the log line of one answer; `ms`, told in tenths, is null where nobody waited for its end. */
export type WriteRequestLine = (
  id: string,
  method: string,
  route: string,
  status: number,
  ms: number | null
) => void

/**
 * The one line that every answer leaves, written past pino's general path, which costs as much as the session behind
 * it. Field for field what the logger itself would write. `method` and `route` come from closed lists, and `id` is our
 * own; so none of them is looked at again for characters that JSON escapes, but once.
 */
export function createRequestLines(log: Logger, listener: 'public' | 'internal'): WriteRequestLine {
  if (!log.isLevelEnabled('info')) return () => undefined
  const stream = (log as unknown as Record<symbol, { write(line: string): void }>)[symbols.streamSym]
  if (stream === undefined) throw new TypeError('the logger has no stream')
  /** By method and route: what is the same in all their lines. */
  const middles = new Map<string, string>()
  let timeAt = 0
  let head = ''

  return (id, method, route, status, ms) => {
    const now = Date.now()
    if (now !== timeAt) {
      timeAt = now
      head = `{"level":"info","time":"${new Date(now).toISOString()}","listener":"${listener}","reqId":"`
    }
    const key = `${method} ${route}`
    let middle = middles.get(key)
    if (middle === undefined) {
      middle = `","method":${JSON.stringify(method)},"route":${JSON.stringify(route)},"status":`
      middles.set(key, middle)
    }
    stream.write(`${head}${id}${middle}${status},"ms":${toTenths(ms)},"msg":"request"}\n`)
  }
}

/** A number as JSON writes it, rounded to tenths. By two integers: a fraction costs as much as the rest of the line. */
function toTenths(ms: number | null): string {
  if (ms === null) return 'null'
  const tenths = Math.round(ms * 10)
  const rest = tenths % 10
  const whole = (tenths - rest) / 10
  return rest === 0 ? `${whole}` : `${whole}.${rest}`
}
