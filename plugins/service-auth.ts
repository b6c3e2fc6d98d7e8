import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Grant } from '../src/config/config.ts'
import type { Audit } from '../src/observe/audit.ts'
import { OAuthError } from '../src/tokens/oauth-error.ts'
import type { Service, Services } from '../src/tokens/services.ts'

export interface ServiceAuthOptions {
  readonly services: Omit<Services, 'replace'>
  readonly audit: Audit
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The grant that the route requires; without one any known service may use it. */
    grant?: Grant
  }
  interface FastifyRequest {
    /** The authenticated service; null before the guard and on routes without it. */
    service: Service | null
    /** The authenticated service; throws invalid_client when there is none. */
    requireService(): Service
  }
}

const CHALLENGES: readonly string[] = ['Basic realm="usher", charset="UTF-8"', 'Bearer realm="usher"']

/** Services by their secret: guards the routes whose config says `guard: 'service'` (SECURITY rule 63). */
export default fp<ServiceAuthOptions>(
  async (fastify, { services, audit }) => {
    const { limiter } = fastify

    fastify.decorateRequest('service', null)
    fastify.decorateRequest('requireService', function (this: FastifyRequest) {
      if (this.service === null) throw new OAuthError('invalid_client', 'The service is not authenticated.')
      return this.service
    })

    // preParsing: before the body is read.
    fastify.addHook('preParsing', async (request, reply) => {
      const { guard, grant } = request.routeOptions.config
      if (guard !== 'service') return
      const { authorization } = request.raw.headers
      // The address alone would let one service lock out all that share a container network's gateway with it.
      const named = services.namedBy(authorization)
      const key = `${limiter.addressOf(request)} ${named ?? ''}`
      const service = services.authenticate(authorization)
      if (service === null) {
        // Failures alone are counted, so that a busy service never limits itself.
        await limiter.take(request, 'service_auth', key)
        audit.note('service.refused', { address: request.ip, service: named }, request.id)
        reply.header('www-authenticate', [...CHALLENGES])
        throw new OAuthError('invalid_client', 'The service id or secret is wrong.')
      }
      // Past the limit a right guess must look like a wrong one. The limit is checked after the secret, so that a
      // right guess queues behind the wrong ones that came before it and are still being counted.
      await limiter.check(request, 'service_auth', key)
      request.service = service
      if (grant !== undefined && !service.has(grant)) {
        throw new OAuthError('unauthorized_client', 'The service lacks the required grant.', {
          status: 403
        })
      }
    })
  },
  { name: 'service-auth', dependencies: ['rate-limits'] }
)
