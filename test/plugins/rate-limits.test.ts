import Fastify, { type FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import rateLimits, { LIMITS, type LimitName } from '../../plugins/rate-limits.ts'

async function build(t: Test) {
  const limited: LimitName[] = []
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(rateLimits, {
    audit: { note: () => undefined },
    state: { createCounters: null },
    onLimited: (name) => limited.push(name)
  })
  fastify.get('/', { config: { limit: 'address' } }, async () => 'answer')
  await fastify.ready()
  const request = {
    id: 'r',
    ip: '203.0.113.9',
    routeOptions: { config: {} },
    log: { info: () => undefined }
  } as unknown as FastifyRequest
  return { fastify, limited, request, limiter: fastify.limiter }
}

t.test('rule 66: counters are bounded: twenty thousand keys push the oldest out', async (t) => {
  const { limiter, request } = await build(t)
  const { max } = LIMITS.login_account
  for (let count = 0; count < max; count += 1) await limiter.take(request, 'login_account', 'first')
  await t.rejects(limiter.take(request, 'login_account', 'first'), { code: 'USHER_RATE_LIMITED' })
  for (let key = 0; key < 19_000; key += 1) await limiter.take(request, 'login_account', `key ${key}`)
  await t.rejects(limiter.take(request, 'login_account', 'first'), { code: 'USHER_RATE_LIMITED' })
  for (let key = 0; key < 21_000; key += 1) await limiter.take(request, 'login_account', `other ${key}`)
  await t.resolves(limiter.take(request, 'login_account', 'first'), 'forgotten')
})

t.test('each limit counts for itself, and checking counts nothing', async (t) => {
  const { limiter, request, limited } = await build(t)
  for (let count = 0; count < 50; count += 1) await limiter.check(request, 'login_device', 'key')
  for (let count = 0; count < LIMITS.login_device.max; count += 1) {
    await limiter.check(request, 'login_device', 'key')
    await limiter.count(request, 'login_device', 'key')
  }
  const refused = await limiter.check(request, 'login_device', 'key').catch((error: unknown) => error)
  t.match(refused, { code: 'USHER_RATE_LIMITED', status: 429 })
  t.ok((refused as { retryAfter: number }).retryAfter <= 600)
  t.strictSame(limited, ['login_device'])
  await limiter.check(request, 'login_global', 'key')
  await limiter.check(request, 'login_device', 'another key')
  await t.rejects(limiter.check(request, 'login_device', 'third', 5), 'those under way count as well')
})

t.test(
  'a route’s own limit is taken by address before anything else, and one without has none',
  async (t) => {
    const { fastify } = await build(t)
    const ask = async (remoteAddress: string) =>
      (await fastify.inject({ url: '/', remoteAddress })).statusCode
    for (let count = 0; count < LIMITS.address.max; count += 1)
      t.equal(await ask(`2001:db8::${count + 1}`), 200)
    t.equal(await ask('2001:db8::ffff'), 429)
    t.equal(await ask('2001:db8:0:1::1'), 200)
    t.equal(await ask('::ffff:192.0.2.1'), 200)
  }
)
