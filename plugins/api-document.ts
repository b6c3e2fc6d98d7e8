import swagger from '@fastify/swagger'
import fp from 'fastify-plugin'
import packageJson from '../package.json' with { type: 'json' }
import { tidyDocument } from '../src/domain/api-document.ts'

export interface ApiDocumentOptions {
  /** Base URL of this listener, named on each of its paths. */
  readonly url: string
  readonly description: string
  /** Name of the session cookie. */
  readonly sessionCookie: string
}

/** The security schemes below that each guard accepts. */
const SECURITY = {
  session: [{ session: [] }],
  service: [{ serviceBasic: [] }, { serviceBearer: [] }],
  none: []
} as const

/** Collects one listener's routes as OpenAPI 3.1, from the schemas that check its requests. Must come before them. */
export default fp<ApiDocumentOptions>(
  async (fastify, { url, description, sessionCookie }) => {
    await fastify.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'Usher',
          description:
            'Session gateway for Plex. Generated from the routes themselves. Problems are RFC 9457 JSON; on the public listener a navigation reads them as a page.',
          version: packageJson.version,
          license: { name: packageJson.license, identifier: packageJson.license }
        },
        servers: [{ url, description }],
        components: {
          securitySchemes: {
            session: { type: 'apiKey', in: 'cookie', name: sessionCookie },
            scopedToken: { type: 'http', scheme: 'bearer', description: 'A scoped access token' },
            serviceBasic: { type: 'http', scheme: 'basic', description: 'Id and secret of a service' },
            serviceBearer: { type: 'http', scheme: 'bearer', description: '`id.secret` of a service' }
          }
        }
      },
      transform({ schema, url: path, route }) {
        const guard = typeof route.config?.guard === 'string' ? route.config.guard : 'none'
        // /pms has no guard: its gate takes a session or a scoped token.
        const security = path.includes('/pms') ? [{ session: [] }, { scopedToken: [] }] : SECURITY[guard]
        return { schema: { ...schema, security }, url: path }
      },
      transformObject: (document) =>
        tidyDocument('openapiObject' in document ? document.openapiObject : document.swaggerObject)
    })
  },
  { name: 'api-document' }
)
