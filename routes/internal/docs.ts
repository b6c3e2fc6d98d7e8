import swaggerUi from '@fastify/swagger-ui'
import type { FastifyPluginAsync } from 'fastify'

/** An OpenAPI document, of which this much is looked at. */
interface ApiDocument {
  readonly openapi: string
  readonly info: object
  readonly servers: readonly object[]
  readonly paths: Readonly<Record<string, object>>
  readonly components: object
}

export interface DocsOptions {
  /** The documents of both listeners, the public one first. */
  readonly documents: () => readonly unknown[]
}

const page = { guard: 'none', sameOrigin: 'off', limit: 'none', browser: 'allowed' } as const

/** `GET /openapi.json` and, to read it in a browser, `/docs`. Operators only: both are on the internal listener. */
export const docsRoutes: FastifyPluginAsync<DocsOptions> = async (fastify, { documents }) => {
  // The pages' own routes have no config; they are as open to an operator's browser as the document is.
  fastify.addHook('onRoute', (route) => {
    route.config = { ...page, ...route.config }
    route.schema = { ...route.schema, hide: true }
  })

  fastify.get('/openapi.json', async (_request, reply) => {
    reply.type('application/json')
    return JSON.stringify(merge(documents() as readonly ApiDocument[]))
  })

  await fastify.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    transformSpecification: () => merge(documents() as readonly ApiDocument[]),
    uiConfig: { validatorUrl: null, persistAuthorization: false }
  })
}

/** Methods that Fastify's `all` brings along and that OpenAPI 3.1 does not know, or that are answered by 405 alone. */
const UNTOLD: readonly string[] = ['trace', 'query', 'options', 'patch']

/** One document for both listeners: every path tells which of them it is on. */
function merge(documents: readonly ApiDocument[]): ApiDocument {
  const [first] = documents
  if (first === undefined) throw new TypeError('there is no document')
  const paths: Record<string, { servers: object[] }> = {}
  for (const { paths: own, servers } of documents) {
    for (const [path, item] of Object.entries(own)) {
      const told = Object.entries(item).filter(([method]) => !UNTOLD.includes(method))
      const before = paths[path]?.servers ?? []
      paths[path] = { servers: [...before, ...servers], ...Object.fromEntries(told) }
    }
  }
  return { ...first, servers: documents.flatMap((document) => document.servers), paths }
}
