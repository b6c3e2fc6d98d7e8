import fp from 'fastify-plugin'
import type { CrossSiteCheck, CrossSiteReason } from '../src/domain/cross-site.ts'
import { Problem } from '../src/domain/problems.ts'
import type { Audit } from '../src/observe/audit.ts'

/**
 * When a route refuses cross-site requests: always, for unsafe methods alone, or, for the reason given, never.
 * `form`: as `unsafe`, for the form of a page of Usher's own, which is sent by a navigation.
 */
export type SameOriginMode = 'always' | 'unsafe' | 'form' | { readonly off: string }

export interface SameOriginOptions {
  readonly crossSite: CrossSiteCheck
  readonly audit: Audit
  readonly onRefusal: (reason: CrossSiteReason) => void
}

declare module 'fastify' {
  interface FastifyContextConfig {
    sameOrigin?: SameOriginMode
  }
  interface FastifyInstance {
    crossSite: CrossSiteCheck
  }
}

const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS']

/**
 * The same-origin rule. In onRequest, before any limit counts: what is refused here uses up no limit of the visitor
 * whose browser was made to send it (SECURITY rule 81). The metric counts it.
 */
export default fp<SameOriginOptions>(
  async (fastify, { crossSite, onRefusal, audit }) => {
    fastify.decorate('crossSite', crossSite)
    fastify.addHook('onRequest', (request, _reply, done) => {
      const mode = request.routeOptions.config.sameOrigin ?? 'unsafe'
      const unsafe = !SAFE_METHODS.includes(request.method)
      if (typeof mode !== 'string' || (mode !== 'always' && !unsafe)) return done()
      const { headers } = request
      const reason = crossSite.find(
        mode === 'form' ? { ...headers, 'sec-fetch-mode': undefined } : headers,
        unsafe
      )
      if (reason === null) return done()
      onRefusal(reason)
      audit.note('csrf.refused', { address: request.ip, reason }, request.id)
      done(new Problem('USHER_CROSS_SITE'))
    })
  },
  { name: 'same-origin' }
)
