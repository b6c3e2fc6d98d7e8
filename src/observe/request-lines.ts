import { type Logger, symbols } from 'pino'

/** Writes the log line of one response. `ms` has one decimal; null when the client left before the end. */
export type WriteRequestLine = (
  id: string,
  method: string,
  route: string,
  status: number,
  ms: number | null
) => void

/**
 * The line that every response leaves, written without pino's general path, which costs as much CPU as the session
 * check (docs/decisions/0006-written-by-hand.md). It equals what the logger would write, field for field. `method`
 * and `route` come from closed lists and `id` is generated here, so each needs JSON escaping only once.
 */
export function createRequestLines(log: Logger, listener: 'public' | 'internal'): WriteRequestLine {
  if (!log.isLevelEnabled('info')) return () => undefined
  const stream = (log as unknown as Record<symbol, { write(line: string): void }>)[symbols.streamSym]
  if (stream === undefined) throw new TypeError('the logger has no stream')
  /** By method and route: the part that all their lines share. */
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

/** A number rounded to tenths, as JSON. Two integers, because formatting a fraction costs as much as the whole line. */
function toTenths(ms: number | null): string {
  if (ms === null) return 'null'
  const tenths = Math.round(ms * 10)
  const rest = tenths % 10
  const whole = (tenths - rest) / 10
  return rest === 0 ? `${whole}` : `${whole}.${rest}`
}
