import fp from 'fastify-plugin'
import { Problem } from '../src/domain/problems.ts'
import { findCookie } from '../src/session/cookie/cookie.ts'

export interface NotBrowserOptions {
  readonly sessionCookie: string
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `allowed`: the internal listener answers a browser here, for this reason. */
    browser?: { readonly allowed: string }
  }
}

/** Not Sec-Fetch-Mode, which Node's own fetch sends as well. */
const BROWSER_HEADERS = ['origin', 'sec-fetch-site', 'sec-fetch-dest', 'sec-fetch-user'] as const

/** Refuses whatever looks like a browser: a page must not reach the internal listener (SECURITY rule 64). */
export default fp<NotBrowserOptions>(
  async (fastify, { sessionCookie }) => {
    fastify.addHook('onRequest', (request, _reply, done) => {
      if (request.routeOptions.config.browser !== undefined) return done()
      const { headers } = request
      const looksLikeBrowser =
        BROWSER_HEADERS.some((name) => headers[name] !== undefined) ||
        findCookie(headers.cookie, sessionCookie) !== undefined
      done(looksLikeBrowser ? new Problem('USHER_BROWSER_REFUSED') : undefined)
    })
  },
  { name: 'not-browser' }
)
