import { setTimeout as delay } from 'node:timers/promises'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import rateLimits, { LIMITS } from '../../plugins/rate-limits.ts'
import serviceAuth from '../../plugins/service-auth.ts'
import { createAudit } from '../../src/observe/audit.ts'
import type { Logger } from '../../src/observe/logger.ts'
import { createLocalCounters } from '../../src/store/counters.ts'
import type { Service } from '../../src/tokens/services.ts'

const SERVICE: Service = { id: 'known', maxTtlMs: 1, has: (grant) => grant === 'sources' }
const OTHER: Service = { ...SERVICE, id: 'other' }
const BY_SECRET: Readonly<Record<string, Service>> = { 'known right': SERVICE, 'other right': OTHER }

/** Counters as Redis keeps them: in the order in which they are asked, and with an answer that takes a while. */
function createFarCounters() {
  const counters = createLocalCounters(Date.now)
  const later = <T>(count: T) => delay(20, count)
  return {
    add: (key: string, windowMs: number) => later(counters.add(key, windowMs)),
    read: (key: string) => later(counters.read(key))
  }
}

async function build(t: Test, { far = false } = {}) {
  const lines: Record<string, unknown>[] = []
  const stream = { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) }
  const fastify = Fastify({ logger: { level: 'warn', stream } })
  t.teardown(() => fastify.close())
  await fastify.register(rateLimits, {
    audit: createAudit({ log: fastify.log as unknown as Logger, keep: () => undefined, now: Date.now }),
    state: { createCounters: far ? createFarCounters : null },
    onLimited: () => undefined
  })
  await fastify.register(serviceAuth, {
    audit: createAudit({ log: fastify.log as unknown as Logger, keep: () => undefined, now: Date.now }),
    services: {
      authenticate: (authorization = '') => BY_SECRET[authorization] ?? null,
      namedBy: (authorization = '') => /^(?:known|other)(?= )/.exec(authorization)?.[0] ?? null,
      find: () => undefined
    }
  })
  fastify.setErrorHandler((error, _request, reply) => {
    const { error: oauth, status } = error as unknown as { error?: string; status?: number }
    return reply.code(status ?? 500).send({ oauth, message: (error as Error).message })
  })
  fastify.get('/', { config: { guard: 'service' } }, async (request) => request.requireService().id)
  fastify.get('/sources', { config: { guard: 'service', grant: 'sources' } }, async () => 'sources')
  fastify.get('/scoped', { config: { guard: 'service', grant: 'scoped' } }, async () => 'scoped')
  fastify.get('/open', async (request) => `${request.service}`)
  fastify.get('/forgotten', async (request) => request.requireService().id)
  const ask = (authorization: string | undefined, url = '/', remoteAddress = '192.0.2.1') =>
    fastify.inject({ url, remoteAddress, ...(authorization !== undefined && { headers: { authorization } }) })
  const status = async (...asked: Parameters<typeof ask>) => (await ask(...asked)).statusCode
  return { fastify, lines, ask, status }
}

t.test('rule 63: a route with the guard needs a service that proves itself', async (t) => {
  const { ask, status, lines } = await build(t)
  t.equal((await ask('known right')).body, 'known')
  t.equal((await ask('other right')).body, 'other', 'each request has its own')
  for (const authorization of [undefined, '', 'known wrong', 'nobody right']) {
    const answer = await ask(authorization)
    t.equal(answer.statusCode, 401, String(authorization))
    t.match(answer.json(), { oauth: 'invalid_client', message: 'The service id or secret is wrong.' })
    t.strictSame(answer.headers['www-authenticate'], [
      'Basic realm="usher", charset="UTF-8"',
      'Bearer realm="usher"'
    ])
  }
  t.match(
    lines.map(({ msg, address, service, reqId }) => [msg, address, service, typeof reqId]),
    [
      ['service authentication failed', '192.0.2.1', null, 'string'],
      ['service authentication failed', '192.0.2.1', null, 'string'],
      ['service authentication failed', '192.0.2.1', 'known', 'string'],
      ['service authentication failed', '192.0.2.1', null, 'string']
    ]
  )
  t.equal(await status(undefined, '/open'), 200, 'a route without the guard needs none')
  t.equal((await ask('known right', '/open')).body, 'null', 'and knows none')
  t.match((await ask('known right', '/forgotten')).json(), {
    oauth: 'invalid_client',
    message: 'The service is not authenticated.'
  })
})

t.test('rule 63: a grant that the service does not hold is 403, and proves nothing wrong', async (t) => {
  const { ask, status } = await build(t)
  t.equal(await status('known right', '/sources'), 200)
  const refused = await ask('known right', '/scoped')
  t.equal(refused.statusCode, 403)
  t.match(refused.json(), { oauth: 'unauthorized_client', message: /grant/ })
  t.equal(refused.headers['www-authenticate'], undefined)
  t.equal(await status('known wrong', '/scoped'), 401, 'who it is comes first')
  for (let count = 0; count < 40; count += 1) await ask('known right', '/scoped')
  t.equal(await status('known right', '/sources'), 200, 'nor does it count as a failure')
})

t.test('rules 66 and 69: failures count by address and by the service that was named', async (t) => {
  const { ask, status } = await build(t)
  const { max } = LIMITS.service_auth
  for (let count = 0; count < max; count += 1) t.equal(await status('known wrong'), 401)
  t.equal(await status('known wrong'), 429)
  t.equal(await status('known right'), 429, 'past the limit a right guess looks like a wrong one')
  t.equal(await status('known right', '/', '192.0.2.2'), 200, 'another address')
  t.equal(await status('other right'), 200, 'another service at this address')
  for (let count = 0; count < max; count += 1) t.equal(await status(`guess-${count} x`), 401)
  t.equal(await status('one-more x'), 429, 'unknown ids count together')
  t.equal((await ask('other right')).body, 'other')
})

t.test('rule 66: secrets that are guessed in one moment are rationed like others', async (t) => {
  const { status } = await build(t, { far: true })
  const busy = await Promise.all(Array.from({ length: 50 }, () => status('known right')))
  t.strictSame(new Set(busy), new Set([200]), 'a busy service never limits itself')
  const { max } = LIMITS.service_auth
  const guesses = Array.from({ length: max + 10 }, () => status('known wrong'))
  const right = status('known right')
  const statuses = await Promise.all(guesses)
  t.equal(statuses.filter((each) => each === 401).length, max)
  t.equal(statuses.filter((each) => each === 429).length, 10)
  t.equal(await right, 429, 'and so does a right one behind them')
})

t.test('rule 96: it cannot be installed without the limits that it counts by', async (t) => {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  const services = { authenticate: () => null, namedBy: () => null, find: () => undefined }
  await t.rejects(
    async () => fastify.register(serviceAuth, { services, audit: { note: () => undefined } }),
    /rate-limits/
  )
})
