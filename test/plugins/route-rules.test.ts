import Fastify, { type FastifyContextConfig, type FastifyInstance, type FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import t from 'tap'
import { requireRules } from '../../plugins/route-rules.ts'
import { buildInternalApp, buildPublicApp } from '../../src/app/app.ts'
import { startTestUsher } from '../support/usher.ts'

const WAIVED = {
  guard: { none: 'a reason' },
  sameOrigin: { off: 'a reason' },
  limit: { none: 'a reason' }
} as const

function addRoute(fastify: FastifyInstance, config: FastifyContextConfig | undefined): void {
  fastify.get('/probe', config === undefined ? {} : { config }, async () => 'answer')
}

/** An app with these plugins installed by name alone. */
async function build(...names: readonly string[]): Promise<FastifyInstance> {
  const fastify = Fastify()
  fastify.addHook('onRoute', requireRules)
  for (const name of names) await fastify.register(fp(async () => undefined, { name }))
  return fastify
}

t.test('rule 96: a rule that a route names is enforced where the route is, or the start fails', async (t) => {
  const rules: readonly [plugin: string, config: FastifyContextConfig][] = [
    ['session', { ...WAIVED, guard: 'session' }],
    ['service-auth', { ...WAIVED, guard: 'service' }],
    ['service-auth', { ...WAIVED, grant: 'sources' }],
    ['same-origin', { ...WAIVED, sameOrigin: 'always' }],
    ['same-origin', { ...WAIVED, sameOrigin: 'unsafe' }],
    ['same-origin', { ...WAIVED, sameOrigin: 'form' }],
    ['rate-limits', { ...WAIVED, limit: 'address' }]
  ]
  for (const [plugin, config] of rules) {
    const name = JSON.stringify(config)
    const others = rules.map(([other]) => other).filter((other) => other !== plugin)
    const without = await build(...new Set(others))
    t.throws(() => addRoute(without, config), new RegExp(`needs the plugin ${plugin} here`), name)
    const beside = await build()
    const scoped: FastifyPluginAsync = async (scope) => {
      await scope.register(fp(async () => undefined, { name: plugin }))
      t.doesNotThrow(() => addRoute(scope, config), name)
    }
    await beside.register(scoped)
    t.throws(() => addRoute(beside, config), /needs the plugin/, `${name}: installed in another scope alone`)
  }
})

t.test('rule 96: a limit by account needs to know the account', async (t) => {
  const config = { ...WAIVED, limit: 'account' } as const
  for (const names of [[], ['rate-limits'], ['session']]) {
    const fastify = await build(...names)
    t.throws(() => addRoute(fastify, config), /limit account needs the plugin/, names.join())
  }
  const both = await build('rate-limits', 'session')
  t.doesNotThrow(() => addRoute(both, config))
})

t.test('rule 96: every route declares each rule, and says why it does without one', async (t) => {
  const fastify = await build()
  t.doesNotThrow(() => addRoute(fastify, WAIVED))
  for (const config of [
    undefined,
    {},
    { ...WAIVED, guard: undefined },
    { ...WAIVED, sameOrigin: undefined },
    { ...WAIVED, limit: undefined }
  ] as (FastifyContextConfig | undefined)[])
    t.throws(() => addRoute(fastify, config), /is not declared/, JSON.stringify(config))
  for (const config of [
    { ...WAIVED, guard: { none: '' } },
    { ...WAIVED, guard: {} },
    { ...WAIVED, sameOrigin: { off: '' } },
    { ...WAIVED, limit: { none: '' } },
    { ...WAIVED, host: { any: '' } },
    { ...WAIVED, browser: { allowed: '' } },
    { ...WAIVED, problems: { json: '' } }
  ] as FastifyContextConfig[])
    t.throws(() => addRoute(fastify, config), /waived without a reason/, JSON.stringify(config))
  for (const config of [
    { ...WAIVED, guard: 'none' },
    { ...WAIVED, sameOrigin: 'off' },
    { ...WAIVED, host: 'any' }
  ] as unknown as FastifyContextConfig[])
    t.throws(() => addRoute(fastify, config), /has no value/, JSON.stringify(config))
})

t.test('rule 96: neither listener starts with a guard that is the other’s', async (t) => {
  const { core } = await startTestUsher(t)
  const publicApp = await buildPublicApp(core)
  const internalApp = await buildInternalApp(core, publicApp)
  t.teardown(() => Promise.all([publicApp.close(), internalApp.close()]))
  const cases: readonly [
    name: string,
    app: FastifyInstance,
    config: FastifyContextConfig,
    allowed: boolean
  ][] = [
    ['a service guard on the public listener', publicApp, { ...WAIVED, guard: 'service' }, false],
    ['a grant on the public listener', publicApp, { ...WAIVED, grant: 'sources' }, false],
    ['a session guard outside the scope of browsers', publicApp, { ...WAIVED, guard: 'session' }, false],
    ['a session guard on the internal listener', internalApp, { ...WAIVED, guard: 'session' }, false],
    ['a same-origin mode on the internal listener', internalApp, { ...WAIVED, sameOrigin: 'unsafe' }, false],
    ['a service guard on the internal listener', internalApp, { ...WAIVED, guard: 'service' }, true],
    ['a limit on the internal listener', internalApp, { ...WAIVED, limit: 'address' }, true],
    ['a same-origin mode on the public listener', publicApp, { ...WAIVED, sameOrigin: 'always' }, true]
  ]
  for (const [index, [name, app, config, allowed]] of cases.entries()) {
    const add = () => void app.get(`/probe-${index}`, { config }, async () => 'answer')
    if (allowed) t.doesNotThrow(add, name)
    else t.throws(add, /needs the plugin/, name)
  }
})

t.test('rule 96: the one route that declares nothing is the preflight of @fastify/cors', async (t) => {
  const add = (
    fastify: FastifyInstance,
    method: 'OPTIONS' | 'GET',
    url: string,
    config?: FastifyContextConfig
  ) => fastify.route({ method, url, ...(config && { config }), handler: async () => 'answer' })
  const withCors = await build('@fastify/cors')
  t.doesNotThrow(() => add(withCors, 'OPTIONS', '*'))
  t.throws(() => add(withCors, 'OPTIONS', '/other'), /OPTIONS \/other: guard is not declared; sameOrigin/)
  t.throws(() => add(withCors, 'GET', '*'), /is not declared/)
  t.throws(() => add(withCors, 'OPTIONS', '*', { limit: 'address' }), /is not declared/)
  const without = await build()
  t.throws(() => add(without, 'OPTIONS', '*'), /is not declared/)
})
