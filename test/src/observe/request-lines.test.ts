import t from 'tap'
import { createLogger } from '../../../src/observe/logger.ts'
import { createRequestLines } from '../../../src/observe/request-lines.ts'

function listen(level: string) {
  const written: string[] = []
  const { log } = createLogger({ level, stream: { write: (line) => void written.push(line) } })
  return { log, written }
}

t.test(
  'a request line is exactly what the logger would write, with milliseconds to one decimal',
  async (t) => {
    const { log, written } = listen('info')
    const write = createRequestLines(log, 'public')
    const answers = [
      { reqId: 'a-1', method: 'GET', route: '/pms/*', status: 200, ms: 1.2 },
      { reqId: 'a-2', method: 'GET', route: '/pms/*', status: 499, ms: null },
      { reqId: 'a-3', method: 'other', route: '/with "quotes" and \\', status: 404, ms: 0 },
      ...[0.04, 0.05, 0.96, 9.999, 12, 12.3456, 99_999.94, 123_456_789.06].map((ms, i) => ({
        reqId: `b-${i}`,
        method: 'GET',
        route: '/x',
        status: 200,
        ms
      }))
    ]
    for (const { reqId, method, route, status, ms } of answers) {
      write(reqId, method, route, status, ms)
      const told = ms === null ? null : Math.round(ms * 10) / 10
      log.child({ listener: 'public' }).info({ reqId, method, route, status, ms: told }, 'request')
      const [ours = '', theirs = ''] = written.splice(0)
      const timeless = (line: string): string => line.replace(/"time":"[^"]*"/, '"time":""')
      t.equal(timeless(ours), timeless(theirs))
      t.match(JSON.parse(ours).time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    }
  }
)

t.test('nothing is written below the log level', async (t) => {
  const { log, written } = listen('warn')
  createRequestLines(log, 'internal')('a-1', 'GET', '/healthz', 200, 1)
  t.strictSame(written, [])
})
