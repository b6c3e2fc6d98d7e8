import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { AjvCompiler } from '@fastify/ajv-compiler'
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import { type FastifyInstance, fastify, type RouteOptions } from 'fastify'
import t from 'tap'
import { compileSchemasLate } from '../../plugins/late-schemas.ts'
import { startTestUsher } from '../support/usher.ts'

interface Schema {
  readonly where: string
  readonly schema: object
}

/** Of a route, in the order of Fastify's own documentation. */
const PARTS = ['body', 'querystring', 'params', 'headers'] as const

function requestSchemas({ method, url, schema }: RouteOptions): Schema[] {
  return PARTS.flatMap((part) => {
    const found = schema?.[part]
    return typeof found === 'object' && found !== null
      ? [{ where: `${method} ${url} ${part}`, schema: found }]
      : []
  })
}

function answerSchemas({ method, url, schema }: RouteOptions): Schema[] {
  return Object.entries((schema?.response ?? {}) as Record<string, object>).flatMap(([status, found]) => {
    const content = 'content' in found ? (found.content as Record<string, { schema: object }>) : undefined
    const where = `${method} ${url} ${status}`
    return content === undefined
      ? [{ where, schema: found }]
      : Object.entries(content).map(([type, { schema }]) => ({ where: `${where} ${type}`, schema }))
  })
}

t.test('every schema of every route compiles, though none has to at the start', async (t) => {
  const routes: RouteOptions[] = []
  const watch = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance }
    fastify.addHook('onRoute', (route) => void routes.push(route))
  }
  subscribe('fastify.initialization', watch)
  t.teardown(() => unsubscribe('fastify.initialization', watch))
  await startTestUsher(t)

  const asked = routes.flatMap(requestSchemas)
  const answered = routes.flatMap(answerSchemas)
  t.ok(asked.length > 10, `${asked.length} of requests`)
  t.ok(answered.length > 50, `${answered.length} of answers`)
  const customOptions = { removeAdditional: false, coerceTypes: false, useDefaults: false } as const
  const validators = AjvCompiler()({}, { customOptions })
  for (const { where, schema } of asked) t.doesNotThrow(() => validators({ schema }), where)
  const serializers = SerializerSelector()()
  for (const { where, schema } of answered) {
    t.doesNotThrow(() => serializers({ schema, method: 'GET', url: where, httpStatus: '200' }), where)
  }
  t.strictSame(
    asked.filter(({ where }) => where.endsWith(' headers')),
    [],
    'none is of headers, whose names Fastify would no longer put into lower case'
  )
})

t.test('a late schema refuses and trims as an early one does', async (t) => {
  const app = fastify()
  compileSchemasLate(app)
  const object = (properties: object) => ({
    type: 'object',
    properties,
    required: Object.keys(properties),
    additionalProperties: false
  })
  const schema = {
    body: object({ name: { type: 'string', minLength: 2 }, age: { type: 'integer' } }),
    response: { 200: object({ name: { type: 'string' } }) }
  }
  app.post('/', { schema }, async (request) => ({ ...(request.body as object), secret: 'x' }))
  const post = async (payload: object) => {
    const { statusCode, body } = await app.inject({ method: 'POST', url: '/', payload })
    return [statusCode, statusCode === 200 ? body : (JSON.parse(body) as { message: string }).message]
  }
  t.strictSame(await post({ name: 'Ann', age: 3 }), [200, '{"name":"Ann"}'])
  t.strictSame(await post({ name: 'A', age: 3 }), [400, 'body/name must NOT have fewer than 2 characters'])
  t.strictSame(await post({ name: 'Ann', age: '3' }), [400, 'body/age must be integer'], 'nothing is coerced')
  t.strictSame(await post({ name: 'Ann', age: 3, more: 1 }), [
    400,
    'body must NOT have additional properties'
  ])
  t.strictSame(await post({ name: 'Ann', age: 4 }), [200, '{"name":"Ann"}'], 'errors of before are over')
  await app.close()
})

t.test('a schema that does not compile is a 500 of its own route alone', async (t) => {
  const app = fastify()
  compileSchemasLate(app)
  app.post('/broken', { schema: { body: { type: 'nothing-known' } } }, async () => 'ok')
  app.get('/', async () => 'ok')
  t.equal((await app.inject({ method: 'POST', url: '/broken', payload: {} })).statusCode, 500)
  t.equal((await app.inject('/')).statusCode, 200)
  await app.close()
})
