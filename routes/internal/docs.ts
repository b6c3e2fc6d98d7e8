import swagger, { type StaticDocumentSpec } from '@fastify/swagger'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { forOperators } from './route-rules.ts'

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
  /** An empty app, to make the pages of. */
  readonly createApp: () => FastifyInstance
}

/** Fields of an answer of the pages that are theirs; the others belong to the connection. */
const FIELDS = [
  'content-type',
  'content-security-policy',
  'cache-control',
  'etag',
  'last-modified',
  'location'
]

/** `GET /openapi.json` and, to read it in a browser, `/docs`. Operators only: both are on the internal listener. */
export const docsRoutes: FastifyPluginAsync<DocsOptions> = async (fastify, { documents, createApp }) => {
  const document = () => merge(documents() as readonly ApiDocument[])
  let pages: Promise<FastifyInstance> | undefined
  fastify.addHook('onClose', async () => (await pages?.catch(() => undefined))?.close())

  fastify.get('/openapi.json', { config: forOperators, schema: { hide: true } }, async (_request, reply) => {
    reply.type('application/json')
    return JSON.stringify(document())
  })

  for (const path of ['/docs', '/docs/*']) {
    fastify.get(path, { config: forOperators, schema: { hide: true } }, async ({ url, headers }, reply) => {
      pages ??= createPages(createApp(), document())
      const answer = await (await pages).inject({ method: 'GET', url, headers })
      for (const name of FIELDS) {
        const value = answer.headers[name]
        if (value !== undefined) reply.header(name, value)
      }
      return reply.code(answer.statusCode).send(answer.rawPayload)
    })
  }
}

/** The pages as an app of their own. Made when first asked for: most starts never are, and all would wait for it. */
async function createPages(pages: FastifyInstance, document: ApiDocument): Promise<FastifyInstance> {
  const { default: swaggerUi } = await import('@fastify/swagger-ui')
  await pages.register(swagger, {
    mode: 'static',
    specification: { document: document as StaticDocumentSpec['document'] }
  })
  await pages.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    uiConfig: { validatorUrl: null, persistAuthorization: false }
  })
  await pages.ready()
  return pages
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
