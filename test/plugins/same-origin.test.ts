import Fastify, { type InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import sameOrigin, { type SameOriginMode } from '../../plugins/same-origin.ts'
import { createCrossSiteCheck } from '../../src/domain/cross-site.ts'
import { Problem } from '../../src/domain/problems.ts'
import { createAudit } from '../../src/observe/audit.ts'
import type { Logger } from '../../src/observe/logger.ts'

const CROSS_SITE = { 'sec-fetch-site': 'cross-site' }

async function build(t: Test, mode: SameOriginMode | undefined) {
  const refusals: string[] = []
  const lines: Record<string, unknown>[] = []
  const stream = { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) }
  const fastify = Fastify({ logger: { level: 'info', stream }, disableRequestLogging: true })
  t.teardown(() => fastify.close())
  const crossSite = createCrossSiteCheck('https://usher.example', [])
  await fastify.register(sameOrigin, {
    crossSite,
    audit: createAudit({ log: fastify.log as unknown as Logger, keep: () => undefined, now: Date.now }),
    onRefusal: (reason) => refusals.push(reason)
  })
  fastify.setErrorHandler((error, _request, reply) =>
    reply.code(error instanceof Problem ? error.status : 500).send({ code: (error as Problem).code })
  )
  let reached = 0
  fastify.all('/', mode === undefined ? {} : { config: { sameOrigin: mode } }, async () => {
    reached += 1
    return 'answer'
  })
  const ask = async (method: string, headers: InjectOptions['headers'] = {}) =>
    (await fastify.inject({ method: method as 'GET', url: '/', headers: headers ?? {} })).statusCode
  return { fastify, refusals, lines, ask, reached: () => reached }
}

const SAFE = ['GET', 'HEAD', 'OPTIONS']
const UNSAFE = ['POST', 'PUT', 'PATCH', 'DELETE']

t.test('rule 27: where unsafe methods need proof, safe ones do not', async (t) => {
  for (const mode of ['unsafe', undefined] as const) {
    const { ask } = await build(t, mode)
    for (const method of SAFE) t.equal(await ask(method, CROSS_SITE), 200, method)
    for (const method of UNSAFE) {
      t.equal(await ask(method, CROSS_SITE), 403, method)
      t.equal(await ask(method), 403, `${method} without a word`)
      t.equal(await ask(method, { 'x-usher': '1' }), 200, `${method} with proof`)
      t.equal(await ask(method, { 'sec-fetch-site': 'none' }), 403, `${method} from the address bar`)
    }
  }
})

t.test(
  'rule 27: where everything needs proof, a safe request from nowhere in particular passes',
  async (t) => {
    const { ask } = await build(t, 'always')
    for (const method of [...SAFE, ...UNSAFE]) t.equal(await ask(method, CROSS_SITE), 403, method)
    for (const method of SAFE) {
      t.equal(await ask(method), 200, method)
      t.equal(await ask(method, { 'sec-fetch-site': 'none' }), 200, method)
    }
    for (const method of UNSAFE) t.equal(await ask(method), 403, method)
  }
)

t.test('rule 27: a form of a page of ours may navigate, and one of another site may not', async (t) => {
  const { ask } = await build(t, 'form')
  const navigation = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
  t.equal(await ask('POST', { ...navigation, 'sec-fetch-site': 'same-origin' }), 200)
  t.equal(await ask('POST', { ...navigation, origin: 'https://usher.example' }), 200, 'an old browser')
  for (const site of ['cross-site', 'same-site', 'none'])
    t.equal(await ask('POST', { ...navigation, 'sec-fetch-site': site }), 403, site)
  t.equal(await ask('POST', navigation), 403, 'without proof')
  const { ask: askOther } = await build(t, 'unsafe')
  t.equal(await askOther('POST', { ...navigation, 'sec-fetch-site': 'same-origin' }), 403)
})

t.test('a route that says why is not checked', async (t) => {
  const { ask, refusals } = await build(t, { off: 'a reason' })
  for (const method of [...SAFE, ...UNSAFE]) t.equal(await ask(method, CROSS_SITE), 200, method)
  t.strictSame(refusals, [])
})

t.test('a refusal is counted and logged by its reason, and the handler is not reached', async (t) => {
  const { fastify, ask, refusals, lines, reached } = await build(t, 'always')
  await ask('GET', CROSS_SITE)
  await ask('POST', { 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'same-origin' })
  const answer = await fastify.inject({ method: 'POST', url: '/', headers: { origin: 'null' } })
  t.match(answer.json(), { code: 'USHER_CROSS_SITE' })
  t.strictSame(refusals, ['sec_fetch_site', 'navigation', 'origin'])
  t.match(
    lines.map(({ msg, reason, address, reqId }) => [msg, reason, address, typeof reqId]),
    ['sec_fetch_site', 'navigation', 'origin'].map((reason) => [
      'cross-site request refused',
      reason,
      '127.0.0.1',
      'string'
    ])
  )
  t.equal(reached(), 0)
  t.equal(typeof fastify.crossSite.find, 'function', 'the gate of /pms uses the same check')
  t.ok(fastify.hasPlugin('same-origin'), 'routes look for it by this name')
})

t.test('rule 81: it refuses before any hook that could count', async (t) => {
  const { fastify } = await build(t, 'always')
  let counted = 0
  fastify.addHook('preParsing', async () => {
    counted += 1
  })
  fastify.post('/later', { config: { sameOrigin: 'unsafe' } }, async () => 'answer')
  await fastify.inject({ method: 'POST', url: '/later', headers: CROSS_SITE })
  t.equal(counted, 0)
  await fastify.inject({ method: 'POST', url: '/later', headers: { 'x-usher': '1' } })
  t.equal(counted, 1)
})

t.test('a path that no route has needs proof as well, where it could change something', async (t) => {
  const { fastify } = await build(t, 'always')
  const ask = async (method: 'GET' | 'POST') =>
    (await fastify.inject({ method, url: '/nowhere', headers: CROSS_SITE })).statusCode
  t.equal(await ask('GET'), 404)
  t.equal(await ask('POST'), 403)
})
