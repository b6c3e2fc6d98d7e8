import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Notices } from '../src/observe/notices.ts'

export interface ProxyNoticesOptions {
  readonly notices: Notices
  /** Whether the public URL is https:. */
  readonly secure: boolean
}

/** The routes of a sign-in: everybody passes there, and nothing of them is on the way to media. */
const WATCHED = /\/(?:signin|session\/(?:login|pin))$/

/** Notices a proxy that is not trusted, and one that ends TLS in front of a plain public URL. */
export default fp<ProxyNoticesOptions>(
  async (fastify, { notices, secure }) => {
    async function look(request: FastifyRequest): Promise<void> {
      const { headers, ips } = request
      const proto = headers['x-forwarded-proto']
      const isForwarded = proto !== undefined || headers['x-forwarded-for'] !== undefined
      if (!isForwarded) return
      if (!secure && /^https\b/i.test(String(proto))) notices.tlsBeforePlainUrl()
      // `ips` begins with the peer, followed by the addresses that were trusted.
      const isTrusted = headers['x-forwarded-for'] === undefined || (ips?.length ?? 1) > 1
      if (!isTrusted) notices.untrustedForwarder(request.socket.remoteAddress ?? '')
    }
    fastify.addHook('onRoute', (route) => {
      if (WATCHED.test(route.url)) route.onRequest = [look, route.onRequest ?? []].flat()
    })
  },
  { name: 'proxy-notices' }
)
