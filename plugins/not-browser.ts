import fp from 'fastify-plugin'
import { Problem } from '../src/domain/problems.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `allowed`: the internal listener answers a browser here, for this reason. */
    browser?: { readonly allowed: string }
  }
}

/** Sec-Fetch-Mode is not among them: Node's own fetch sends it as well. */
const BROWSER_HEADERS = ['origin', 'sec-fetch-site', 'sec-fetch-dest', 'sec-fetch-user'] as const

/** A cookie of Usher's, of any instance, scope and purpose: a service names its session in the body. */
const COOKIE = /(?:^|;)[ \t]*(?:__(?:Host|Secure)-)?usher(?:-[^=;]*)?=/i

/** Refuses whatever looks like a browser: a page must not reach the internal listener (SECURITY rule 64). */
export default fp(
  async (fastify) => {
    fastify.addHook('onRequest', (request, _reply, done) => {
      if (request.routeOptions.config.browser !== undefined) return done()
      const { headers } = request
      const looksLikeBrowser =
        BROWSER_HEADERS.some((name) => headers[name] !== undefined) ||
        (headers.cookie !== undefined && COOKIE.test(headers.cookie))
      done(looksLikeBrowser ? new Problem('USHER_BROWSER_REFUSED') : undefined)
    })
  },
  { name: 'not-browser' }
)
