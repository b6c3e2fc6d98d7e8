import { spawnSync } from 'node:child_process'
import { Writable } from 'node:stream'
import t from 'tap'
import { Problem } from '../../../src/domain/problems.ts'
import { createLogger, describeError } from '../../../src/observe/logger.ts'

const SECRET = 'secret-text-1234'

function capture(level = 'trace') {
  const lines: Record<string, unknown>[] = []
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      lines.push(JSON.parse(chunk) as Record<string, unknown>)
      done()
    }
  })
  return { lines, ...createLogger({ level, stream }) }
}

t.test('a line has fields, a level name, an ISO 8601 time and a constant message', async (t) => {
  const { log, lines } = capture('info')
  log.debug('not at this level')
  log.child({ listener: 'public' }).info({ accountId: 7 }, 'signed in')
  t.equal(lines.length, 1)
  t.strictSame(Object.keys(lines[0] ?? {}), ['level', 'time', 'listener', 'accountId', 'msg'])
  t.match(lines[0], { level: 'info', listener: 'public', accountId: 7, msg: 'signed in' })
  t.equal(new Date(String(lines[0]?.['time'])).toISOString(), lines[0]?.['time'])
})

t.test(
  'rule 67: an error is logged as type, code and frames; only messages of Usher’s own errors appear',
  async (t) => {
    const parse = () => {
      try {
        return JSON.parse(`{"authToken": ${SECRET}`)
      } catch (error) {
        return error as Error
      }
    }
    const cases: [string, unknown][] = [
      ['a parser’s error', parse()],
      [
        'a message of lines like frames',
        new Error(`x\n    at ${SECRET} (file:///${SECRET}.ts:1:1)\n    at y`)
      ],
      ['a code that is text', Object.assign(new Error('x'), { code: `${SECRET} ${SECRET}` })],
      [
        'a cause',
        new Problem('USHER_INTERNAL', { cause: new TypeError(SECRET, { cause: new Error(SECRET) }) })
      ],
      ['a string', SECRET],
      ['an object', { message: SECRET }]
    ]
    for (const [name, error] of cases) {
      const { log, lines } = capture()
      log.error({ err: error }, 'request failed')
      log.error({ error }, 'request failed')
      if (error instanceof Error) {
        log.error(error)
        log.error({ err: error }, error.message)
      }
      t.notMatch(JSON.stringify(lines), new RegExp(SECRET), name)
      t.ok(lines.length >= 2)
    }
    const described = describeError(Object.assign(new TypeError('text'), { code: 'ECONNRESET' }))
    t.match(described, { type: 'TypeError', code: 'ECONNRESET', at: /^at .*logger\.test\.ts/ })
    t.notOk('message' in described)
    t.strictSame(describeError(new Problem('USHER_NOT_FOUND')), {
      type: 'Problem',
      code: 'USHER_NOT_FOUND',
      message: 'There is nothing at this path.'
    })
    t.strictSame(describeError(7), { type: 'number' })
  }
)

t.test('stack frames name files without the machine’s folders', async (t) => {
  const error = new Error('x')
  error.stack =
    'Error: x\n    at run (file:///srv/app/src/seal/seal.ts:1:2)\n    at /srv/app/node_modules/a/b.js:3:4'
  t.equal(describeError(error).at, 'at run (src/seal/seal.ts:1:2) < at (node_modules/a/b.js:3:4')
})

t.test('a chain of causes ends, even a circular one', async (t) => {
  const error = new Error('a')
  error.cause = error
  const depth = (described: ReturnType<typeof describeError>): number =>
    described.cause === undefined ? 1 : 1 + depth(described.cause)
  t.equal(depth(describeError(error)), 5)
})

t.test(
  'rule 67: request and response objects are not logged, nor the query of a URL in a text',
  async (t) => {
    const { log, lines } = capture()
    const request = { url: `/x?X-Plex-Token=${SECRET}`, headers: { cookie: SECRET } }
    log.info({ req: request, res: request }, 'request completed')
    log.warn(`Reply was already sent in the "/x?X-Plex-Token=${SECRET}" (GET) route?`)
    log.error({ err: new Problem('USHER_NOT_FOUND') }, 'request failed')
    t.notMatch(JSON.stringify(lines), new RegExp(SECRET))
    t.equal(lines.length, 3)
    t.match(lines[1], { msg: /already sent in the "\/x/ })
  }
)

t.test('control characters, line breaks and terminal escapes stay inside their line', async (t) => {
  const chunks: string[] = []
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      chunks.push(chunk)
      done()
    }
  })
  createLogger({ level: 'info', stream }).log.info({ name: 'a\r\n{"level":"info"}\u001b[31m\u0000' }, 'text')
  t.equal(chunks.length, 1)
  t.match(chunks[0], /^[\u0020-\u007e]+\n$/)
})

t.test(
  'on standard output lines are buffered and flushed, and a reader that leaves stops nothing',
  async (t) => {
    const module = JSON.stringify(new URL('../../../src/observe/logger.ts', import.meta.url).href)
    const write = `import(${module}).then(async ({ createLogger }) => {
    const { log, flush } = createLogger({ level: 'info' })
    for (let line = 0; line < 300; line += 1) log.info({ line }, 'text')
    await flush()
    process.stderr.write('flushed')
    process.exit(0)
  })`
    const run = (script: string, source = write) => {
      const env = { ...process.env, NODE_BIN: process.execPath, SCRIPT: source }
      return spawnSync('sh', ['-c', script], { encoding: 'utf8', env })
    }
    const all = run('"$NODE_BIN" --no-warnings -e "$SCRIPT"')
    t.equal(all.stdout.trim().split('\n').length, 300)
    t.equal(all.status, 0)
    const unasked = write.replace(/await flush[\s\S]*/, 'process.exit(0) })')
    const abrupt = run('"$NODE_BIN" --no-warnings -e "$SCRIPT"', unasked)
    t.equal(abrupt.stdout.trim().split('\n').length, 300, 'a process that ends unasked has written them all')
    const gone = run('"$NODE_BIN" --no-warnings -e "$SCRIPT" | true')
    t.match(gone.stderr, /flushed/, 'past a closed pipe')
  }
)
