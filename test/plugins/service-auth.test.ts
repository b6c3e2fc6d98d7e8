import { setTimeout as delay } from 'node:timers/promises'
import Fastify from 'fastify'
import t from 'tap'
import rateLimits, { LIMITS } from '../../plugins/rate-limits.ts'
import serviceAuth from '../../plugins/service-auth.ts'
import { createLocalCounters } from '../../src/store/counters.ts'
import type { Service } from '../../src/tokens/services.ts'

const SERVICE: Service = { id: 'known', maxTtlMs: 1, has: () => true }

/** Counters as Redis keeps them: in the order in which they are asked, and with an answer that takes a while. */
function createFarCounters() {
  const counters = createLocalCounters(Date.now)
  const later = <T>(count: T) => delay(20, count)
  return {
    add: (key: string, windowMs: number) => later(counters.add(key, windowMs)),
    read: (key: string) => later(counters.read(key))
  }
}

t.test('rule 66: secrets that are guessed in one moment are rationed like others', async (t) => {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(rateLimits, {
    state: { createCounters: createFarCounters },
    onLimited: () => undefined
  })
  await fastify.register(serviceAuth, {
    services: {
      authenticate: (authorization) => (authorization === 'right' ? SERVICE : null),
      namedBy: () => SERVICE.id,
      find: () => undefined
    }
  })
  fastify.get('/', { config: { guard: 'service' } }, async () => 'answer')
  const ask = async (authorization: string) =>
    (await fastify.inject({ url: '/', headers: { authorization } })).statusCode
  const busy = await Promise.all(Array.from({ length: 50 }, () => ask('right')))
  t.strictSame(new Set(busy), new Set([200]), 'a busy service never limits itself')
  const { max } = LIMITS.service_auth
  const guesses = Array.from({ length: max + 10 }, () => ask('wrong'))
  const right = ask('right')
  const statuses = await Promise.all(guesses)
  t.equal(statuses.filter((status) => status === 401).length, max)
  t.equal(statuses.filter((status) => status === 429).length, 10)
  t.equal(await right, 429, 'and so does a right one behind them')
})
