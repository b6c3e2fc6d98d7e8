import fp from 'fastify-plugin'
import { type CrossSiteReason, createCrossSiteCheck, type FindCrossSite } from '../src/domain/cross-site.ts'
import { Problem } from '../src/domain/problems.ts'

/** When a route refuses cross-site requests: always, for unsafe methods alone, or, for the reason given, never. */
export type SameOriginMode = 'always' | 'unsafe' | { readonly off: string }

export interface SameOriginOptions {
  readonly publicOrigin: string
  readonly allowedOrigins: readonly string[]
  readonly onRefusal: (reason: CrossSiteReason) => void
}

declare module 'fastify' {
  interface FastifyContextConfig {
    sameOrigin?: SameOriginMode
  }
  interface FastifyInstance {
    findCrossSite: FindCrossSite
  }
}

const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS']

/** The same-origin rule, in preParsing: after the rate limiter, which counts in onRequest, and before the body is read. */
export default fp<SameOriginOptions>(
  async (fastify, options) => {
    const { onRefusal } = options
    const findCrossSite = createCrossSiteCheck(options.publicOrigin, options.allowedOrigins)

    fastify.decorate('findCrossSite', findCrossSite)
    fastify.addHook('preParsing', (request, _reply, payload, done) => {
      const mode = request.routeOptions.config.sameOrigin ?? 'unsafe'
      const unsafe = !SAFE_METHODS.includes(request.method)
      if (typeof mode !== 'string' || (mode === 'unsafe' && !unsafe)) return done(null, payload)
      const reason = findCrossSite(request.headers, unsafe)
      if (reason === null) return done(null, payload)
      onRefusal(reason)
      request.log.info({ reqId: request.id, reason }, 'cross-site request refused')
      done(new Problem('USHER_CROSS_SITE'))
    })
  },
  { name: 'same-origin' }
)
