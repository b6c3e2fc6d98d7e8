import fp from 'fastify-plugin'

export interface SecurityHeadersOptions {
  /** Whether browsers reach Usher by https. */
  readonly secure: boolean
}

const POLICY = "default-src 'none'; frame-ancestors 'none'"

/**
 * The headers of every response that Usher makes itself (SECURITY rule 60); exported for responses that no hook sees:
 * those to malformed HTTP and to targets that no route matches.
 */
export function fixedHeaders(secure: boolean): Readonly<Record<string, string>> {
  return {
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
    ...(secure && { 'strict-transport-security': 'max-age=31536000' })
  }
}

/** Adds them in onSend: pages set their own policy earlier, and forwarded responses have their own headers. */
export default fp<SecurityHeadersOptions>(
  async (fastify, { secure }) => {
    const fixed = Object.entries(fixedHeaders(secure))
    fastify.addHook('onSend', async (_request, reply) => {
      for (const [name, value] of fixed) if (!reply.hasHeader(name)) reply.header(name, value)
    })
  },
  { name: 'security-headers' }
)
