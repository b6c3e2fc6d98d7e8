import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Grant } from '../src/config/config.ts'
import { OAuthError } from '../src/tokens/oauth-error.ts'
import type { Service, Services } from '../src/tokens/services.ts'

export interface ServiceAuthOptions {
  readonly services: Services
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a service needs to come in here at all; without it, being a known service is enough. */
    grant?: Grant
  }
  interface FastifyRequest {
    /** The authenticated service, null before that or where the route has no such guard. */
    findService(): Service | null
    /** The authenticated service; throws invalid_client when there is none. */
    requireService(): Service
  }
}

const CHALLENGES: readonly string[] = ['Basic realm="usher", charset="UTF-8"', 'Bearer realm="usher"']

/**
 * Services by their secret (reference/http.md#services): guards the routes whose config says `guard: 'service'`.
 */
export default fp<ServiceAuthOptions>(
  async (fastify, { services }) => {
    const { limiter } = fastify
    const known = new WeakMap<FastifyRequest, Service>()

    fastify.decorateRequest('findService', function (this: FastifyRequest) {
      return known.get(this) ?? null
    })
    fastify.decorateRequest('requireService', function (this: FastifyRequest) {
      const service = known.get(this)
      if (service === undefined) throw new OAuthError('invalid_client', 'The service is not authenticated.')
      return service
    })

    // preParsing: after the rate limiter, which counts in onRequest, and before the body is read.
    fastify.addHook('preParsing', async (request, reply) => {
      const { guard, grant } = request.routeOptions.config
      if (guard !== 'service') return
      const service = services.authenticate(request.raw.headers.authorization)
      if (service === null) {
        // Failures alone are counted, so a busy service never limits itself.
        await limiter.take(request, 'service_auth')
        request.log.warn({ reqId: request.id, address: request.ip }, 'service authentication failed')
        reply.header('www-authenticate', [...CHALLENGES])
        throw new OAuthError('invalid_client', 'The id or the secret of the service is not accepted.')
      }
      // Past the limit a right guess must look like a wrong one. Looked at first and asked about then, so that it
      // stands in one line behind all wrong ones that came before it, those still on their way to being counted too.
      await limiter.check(request, 'service_auth')
      known.set(request, service)
      if (grant !== undefined && !service.has(grant)) {
        throw new OAuthError('unauthorized_client', 'The service does not hold the grant this needs.', {
          status: 403
        })
      }
    })
  },
  { name: 'service-auth', dependencies: ['rate-limits'] }
)
