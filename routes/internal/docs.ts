import swagger, { type StaticDocumentSpec } from '@fastify/swagger'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { forOperators } from './route-rules.ts'

/** The parts of an OpenAPI document that merging reads. */
interface ApiDocument {
  readonly openapi: string
  readonly info: object
  readonly servers: readonly object[]
  readonly paths: Readonly<Record<string, object>>
  readonly components: { readonly schemas?: object }
}

export interface DocsOptions {
  /** The documents of both listeners, the public one first. */
  readonly documents: () => readonly unknown[]
  /** Makes an empty app for the pages. */
  readonly createApp: () => FastifyInstance
}

/** The fields that a page's answer keeps; all others belong to the connection. */
const FIELDS = [
  'content-type',
  'content-security-policy',
  'cache-control',
  'etag',
  'last-modified',
  'location'
]

/** `GET /openapi.json`, and `/docs` to read it in a browser; both for operators, on the internal listener only. */
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

/**
 * The pages as an app of their own, made on the first visit (docs/decisions/0012-a-quick-start.md): most processes
 * never show them.
 */
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

/** One document for both listeners: each path names the servers that have it. */
function merge(documents: readonly ApiDocument[]): ApiDocument {
  const [first] = documents
  if (first === undefined) throw new TypeError('there is no document')
  const paths: Record<string, { servers: object[] }> = {}
  for (const { paths: own, servers } of documents) {
    for (const [path, item] of Object.entries(own)) {
      const before = paths[path]?.servers ?? []
      paths[path] = { servers: [...before, ...servers], ...item }
    }
  }
  const schemas = Object.assign({}, ...documents.map(({ components }) => components.schemas))
  const servers = documents.flatMap((document) => document.servers)
  return { ...first, servers, paths, components: { ...first.components, schemas } }
}
