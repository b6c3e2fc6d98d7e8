import fp from 'fastify-plugin'

export interface SecurityHeadersOptions {
  /** Whether browsers reach Usher by https. */
  readonly secure: boolean
}

/**
 * Fixed headers of every answer that Usher makes itself (SECURITY rule 60). In onSend, so that a page may set its
 * own policy first and forwarded answers, which set theirs, pass by.
 */
export default fp<SecurityHeadersOptions>(
  async (fastify, { secure }) => {
    fastify.addHook('onSend', async (_request, reply) => {
      if (!reply.hasHeader('content-security-policy')) {
        reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
      }
      reply.header('x-content-type-options', 'nosniff')
      reply.header('referrer-policy', 'no-referrer')
      if (!reply.hasHeader('cross-origin-resource-policy'))
        reply.header('cross-origin-resource-policy', 'same-origin')
      if (secure) reply.header('strict-transport-security', 'max-age=31536000')
      if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store')
    })
  },
  { name: 'security-headers' }
)
