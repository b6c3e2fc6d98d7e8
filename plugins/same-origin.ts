import fp from 'fastify-plugin'
import { Problem } from '../src/errors.ts'

/** When a route refuses cross-site requests: always, for unsafe methods, or only letting navigations pass. */
export type SameOriginMode = 'always' | 'unsafe' | 'off'

export type CrossSiteReason = 'sec_fetch_site' | 'origin' | 'no_header'

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
    /** Why a request counts as cross-site, or null. `unsafe`: whether it can change anything. */
    findCrossSite(headers: FetchHeaders, unsafe: boolean): CrossSiteReason | null
  }
}

export interface FetchHeaders {
  readonly 'sec-fetch-site'?: string | string[] | undefined
  readonly origin?: string | undefined
  readonly 'x-usher'?: string | string[] | undefined
}

const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS']

/**
 * The same-origin rule (SECURITY rules 27-29): Fetch Metadata first, then Origin, then a header that no cross-site
 * form can send. In preParsing: after the rate limiter, which counts in onRequest, and before the body is read.
 */
export default fp<SameOriginOptions>(
  async (fastify, options) => {
    const { publicOrigin, onRefusal } = options
    const allowed = new Set([publicOrigin, ...options.allowedOrigins])

    function findCrossSite(headers: FetchHeaders, unsafe: boolean): CrossSiteReason | null {
      const { origin } = headers
      const site = headers['sec-fetch-site']
      if (site !== undefined) {
        if (site === 'same-origin') return null
        // A person's own navigation (address bar, bookmark) comes from nowhere, and changes nothing by itself.
        if (site === 'none' && !unsafe) return null
        return origin !== undefined && origin !== publicOrigin && allowed.has(origin)
          ? null
          : 'sec_fetch_site'
      }
      if (origin !== undefined) return allowed.has(origin) ? null : 'origin'
      return headers['x-usher'] === '1' ? null : 'no_header'
    }

    fastify.decorate('findCrossSite', findCrossSite)
    fastify.addHook('preParsing', (request, _reply, payload, done) => {
      const mode = request.routeOptions.config.sameOrigin ?? 'unsafe'
      const unsafe = !SAFE_METHODS.includes(request.method)
      if (mode === 'off' || (mode === 'unsafe' && !unsafe)) return done(null, payload)
      const reason = findCrossSite(request.headers, unsafe)
      if (reason === null) return done(null, payload)
      onRefusal(reason)
      request.log.info({ reqId: request.id, reason }, 'cross-site request refused')
      done(new Problem('USHER_CROSS_SITE'))
    })
  },
  { name: 'same-origin' }
)
