import { createServer, type RequestListener } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { type Dispatcher, errors, MockAgent } from 'undici'
import { createDispatcher } from '../../../src/plex/dispatcher.ts'
import { createUpstream, type Upstream, type UpstreamOptions } from '../../../src/plex/upstream.ts'
import { isUnsent, toTransportProblem } from '../../../src/plex/upstream-errors.ts'

const HEADERS = { Accept: 'application/json' }

async function listen(t: Test, server: net.Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function serve(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  t.teardown(() => server.closeAllConnections())
  return listen(t, server)
}

interface Bench {
  readonly upstream: Upstream
  readonly outcomes: string[]
}

function setUp(t: Test, origin: string, changes: Partial<UpstreamOptions> = {}): Bench {
  const dispatcher = createDispatcher({ connectTimeoutMs: 60_000 })
  t.teardown(() => dispatcher.destroy())
  const outcomes: string[] = []
  const upstream = createUpstream({
    service: 'plex.tv',
    origin,
    dispatcher,
    timeoutMs: 120_000,
    onOutcome: ({ service, outcome, seconds }) => {
      if (service !== 'plex.tv' || !(seconds >= 0)) throw new Error('odd outcome')
      outcomes.push(outcome)
    },
    ...changes
  })
  return { upstream, outcomes }
}

t.test('a call gives status, type and body, and tells its outcome once', async (t) => {
  const origin = await serve(t, (request, response) => {
    const { searchParams, pathname } = new URL(request.url ?? '', 'http://x')
    response.writeHead(Number(searchParams.get('status')), {
      'Content-Type': 'text/plain',
      'Retry-After': '7'
    })
    response.end(`${request.method} ${pathname}`)
  })
  const { upstream, outcomes } = setUp(t, `${origin}/base/`)
  for (const status of ['200', '204', '302', '404', '503']) {
    const answer = await upstream.call({ method: 'GET', path: '/a', query: { status }, headers: HEADERS })
    t.match(answer, {
      status: Number(status),
      contentType: 'text/plain',
      retryAfter: '7',
      service: 'plex.tv'
    })
    if (status !== '204') t.equal(answer.body.toString(), 'GET /base/a')
  }
  t.strictSame(outcomes, ['ok', 'ok', 'refused', 'refused', 'failed'])
})

t.test('a form is sent encoded, and no encoding of the answer is asked for', async (t) => {
  let seen: unknown
  const origin = await serve(t, (request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      seen = { body, type: request.headers['content-type'], encoding: request.headers['accept-encoding'] }
      response.end()
    })
  })
  const { upstream } = setUp(t, origin)
  await upstream.call({ method: 'POST', path: '/', headers: HEADERS, form: { a: 'b&c=ü', d: '' } })
  t.strictSame(seen, {
    body: 'a=b%26c%3D%C3%BC&d=',
    type: 'application/x-www-form-urlencoded',
    encoding: undefined
  })
})

t.test('rule 48: a header that would break its line is refused before anything is sent', async (t) => {
  let hits = 0
  const origin = await serve(t, (_request, response) => {
    hits += 1
    response.end()
  })
  const { upstream } = setUp(t, origin)
  for (const value of ['a\r\nX-Evil: 1', 'a\nb', 'a\rb', 'a\u0000b', 'a\u007fb', 'ā']) {
    const call = upstream.call({ method: 'GET', path: '/', headers: { 'X-Plex-Token': value } })
    await t.rejects(call, { code: 'USHER_INVALID_REQUEST' })
  }
  t.equal(hits, 0)
})

t.test('rule 37: a path that could name another host or leave the base is refused', async (t) => {
  const { upstream } = setUp(t, 'http://127.0.0.1:1')
  const paths = [
    '',
    'a',
    '//evil.example/',
    '/a b',
    '/a\r\n',
    '/a?b',
    '/a#b',
    '/\\evil',
    '/../a',
    '/a/..',
    '/./a',
    '/ü'
  ]
  for (const path of paths) {
    await t.rejects(
      upstream.call({ method: 'GET', path, headers: HEADERS }),
      { code: 'USHER_INVALID_REQUEST' },
      path
    )
  }
})

t.test('rule 53: a body above its bound is refused, with and without a declared length', async (t) => {
  const origin = await serve(t, (request, response) => {
    if (request.url === '/declared') response.setHeader('Content-Length', 1001)
    response.end('x'.repeat(request.url === '/fits' ? 1000 : 1001))
  })
  const { upstream, outcomes } = setUp(t, origin, { maxBytes: 1000 })
  for (const path of ['/declared', '/chunked']) {
    await t.rejects(upstream.call({ method: 'GET', path, headers: HEADERS }), {
      code: 'USHER_UPSTREAM_INVALID'
    })
  }
  t.equal((await upstream.call({ method: 'GET', path: '/fits', headers: HEADERS })).body.length, 1000)
  t.strictSame(outcomes, ['invalid', 'invalid', 'ok'])
})

t.test('rule 57: an encoded body that was not asked for is refused, not inflated', async (t) => {
  const bomb = gzipSync(Buffer.alloc(10_000_000))
  const origin = await serve(t, (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' })
    response.end(bomb)
  })
  const { upstream } = setUp(t, origin)
  await t.rejects(upstream.call({ method: 'GET', path: '/', headers: HEADERS }), {
    code: 'USHER_UPSTREAM_INVALID'
  })
})

t.test('rule 53: silence at any point ends in a time-out', async (t) => {
  const origin = await serve(t, (request, response) => {
    if (request.url === '/silent') return
    response.writeHead(200, { 'Content-Type': 'application/json' })
    response.write('{')
    if (request.url === '/stalls') return
    // A byte now and then would keep any idle time-out from firing: only the deadline ends this.
    const timer = setInterval(() => response.write(' '), 20)
    response.on('close', () => clearInterval(timer))
  })
  const { upstream, outcomes } = setUp(t, origin, { timeoutMs: 200 })
  for (const path of ['/silent', '/stalls', '/drips']) {
    await t.rejects(
      upstream.call({ method: 'GET', path, headers: HEADERS }),
      { code: 'USHER_UPSTREAM_TIMEOUT' },
      path
    )
  }
  t.strictSame(outcomes, ['timeout', 'timeout', 'timeout'])
})

t.test('rule 53: undici’s own time-outs are time-outs too', async (t) => {
  for (const error of [
    new errors.ConnectTimeoutError(),
    new errors.HeadersTimeoutError(),
    new errors.BodyTimeoutError(),
    Object.assign(new AggregateError([]), { code: 'ETIMEDOUT' })
  ]) {
    t.equal(toTransportProblem(error).code, 'USHER_UPSTREAM_TIMEOUT')
  }
  t.equal(toTransportProblem(new errors.HeadersOverflowError()).code, 'USHER_UPSTREAM_INVALID')
  t.equal(toTransportProblem('not an error').code, 'USHER_UPSTREAM_UNREACHABLE')
})

t.test('what does not speak HTTP, or breaks off, is told apart', async (t) => {
  const raw: Readonly<Record<string, string>> = {
    '/ssh': 'SSH-2.0-OpenSSH_9.2\r\n',
    '/huge': `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
    '/twice': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc',
    '/short': 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc',
    '/nothing': ''
  }
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (data) => {
      socket.end(raw[data.toString('latin1').split(' ')[1] ?? ''] ?? '')
    })
  })
  const { upstream } = setUp(t, await listen(t, server))
  const table = {
    '/ssh': 'USHER_UPSTREAM_INVALID',
    '/huge': 'USHER_UPSTREAM_INVALID',
    '/twice': 'USHER_UPSTREAM_INVALID',
    '/short': 'USHER_UPSTREAM_UNREACHABLE',
    '/nothing': 'USHER_UPSTREAM_UNREACHABLE'
  }
  for (const [path, code] of Object.entries(table)) {
    const problem: unknown = await upstream
      .call({ method: 'GET', path, headers: HEADERS })
      .catch((error) => error)
    t.match(problem, { code }, path)
    t.notMatch(inspect(problem, { depth: 9 }), /OpenSSH|xxx/, 'nothing of what came is kept')
  }
})

t.test('a name that does not exist and a port that refuses are unreachable', async (t) => {
  for (const origin of ['http://127.0.0.1:1', 'http://does-not-exist.invalid']) {
    const { upstream, outcomes } = setUp(t, origin)
    const problem: unknown = await upstream
      .call({ method: 'GET', path: '/', headers: HEADERS })
      .catch((error) => error)
    t.match(problem, { code: 'USHER_UPSTREAM_UNREACHABLE', upstream: undefined })
    t.notMatch(String(problem), /127\.0|does-not-exist/, 'no address in its words')
    t.strictSame(outcomes, ['unreachable'])
  }
})

t.test('a caller who gives up gets the reason back, and the socket is closed', async (t) => {
  const closed = Promise.withResolvers<void>()
  const caller = new AbortController()
  const reason = new Error('given up')
  const origin = await serve(t, (request) => {
    request.socket.on('close', () => closed.resolve())
    caller.abort(reason)
  })
  const { upstream, outcomes } = setUp(t, origin)
  const call = upstream.call({ method: 'GET', path: '/', headers: HEADERS, signal: caller.signal })
  await t.rejects(call, reason)
  await closed.promise
  t.strictSame(outcomes, ['aborted'])
})

/** Refuses the first `failures` requests as a port without a listener would, then answers. */
function setUpFlaky(t: Test, failures: number, failure: Error): Bench & { calls: () => number } {
  const agent = new MockAgent()
  agent.disableNetConnect()
  t.teardown(() => agent.close())
  let calls = 0
  const pool = agent.get('http://127.0.0.1:9')
  const dispatcher = agent.compose((dispatch) => (options, handler) => {
    calls += 1
    return dispatch(options, handler)
  }) as Dispatcher
  for (const method of ['GET', 'POST']) {
    if (failures > 0) pool.intercept({ path: '/', method }).replyWithError(failure).times(failures)
    pool.intercept({ path: '/', method }).reply(200, 'ok').persist()
  }
  return { ...setUp(t, 'http://127.0.0.1:9', { dispatcher }), calls: () => calls }
}

t.test('rule 54: what was not sent is sent once more, where it may be repeated', async (t) => {
  const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
  const once = setUpFlaky(t, 1, refused)
  t.match(await once.upstream.call({ method: 'GET', path: '/', headers: HEADERS }), { status: 200 })
  t.equal(once.calls(), 2)
  t.strictSame(once.outcomes, ['ok'], 'one outcome for both')

  const twice = setUpFlaky(t, 2, refused)
  const call = twice.upstream.call({ method: 'GET', path: '/', headers: HEADERS })
  await t.rejects(call, { code: 'USHER_UPSTREAM_UNREACHABLE' })
  t.equal(twice.calls(), 2, 'and not a third time')
})

t.test('rule 54: a POST, or anything that may have been sent, is never repeated', async (t) => {
  const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
  const post = setUpFlaky(t, 1, refused)
  await t.rejects(post.upstream.call({ method: 'POST', path: '/', headers: HEADERS }), {
    code: 'USHER_UPSTREAM_UNREACHABLE'
  })
  t.equal(post.calls(), 1)

  let hits = 0
  const origin = await serve(t, (request) => {
    hits += 1
    request.socket.destroy()
  })
  const { upstream } = setUp(t, origin)
  await t.rejects(upstream.call({ method: 'GET', path: '/', headers: HEADERS }), {
    code: 'USHER_UPSTREAM_UNREACHABLE'
  })
  t.equal(hits, 1)
})

t.test('rule 54: a socket that closed counts as unsent only with nothing written', async (t) => {
  const socketError = (bytesWritten: number) =>
    Object.assign(new errors.SocketError('other side closed'), { socket: { bytesWritten } })
  t.ok(isUnsent(socketError(0)))
  t.notOk(isUnsent(socketError(1)))
  t.notOk(isUnsent(new errors.SocketError('other side closed')))
  t.notOk(isUnsent(Object.assign(new Error('reset'), { code: 'ECONNRESET' })))
  t.notOk(isUnsent('text'))
})
