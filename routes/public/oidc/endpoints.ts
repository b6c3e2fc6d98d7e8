import type { FastifyPluginAsync, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import { Type } from 'typebox'

/** How long apps and proxies cache these: a key is published a day before it signs. */
const PUBLIC = 'public, max-age=300'
const PRIVATE = 'no-store'

const OPEN = {
  off: 'apps are other sites, and what changes something takes a secret, a code or a token'
} as const

interface Endpoint {
  readonly path: string
  readonly methods: readonly HTTPMethods[]
  readonly summary: string
  readonly cacheControl?: string
  /** Called by apps' servers under any host name; cookies are ignored there. */
  readonly fromAnywhere?: boolean
  /** Takes a client's secret; failures are counted. */
  readonly takesSecret?: boolean
  readonly sameOrigin?: 'form'
}

const ENDPOINTS: readonly Endpoint[] = [
  {
    path: '/.well-known/openid-configuration',
    methods: ['GET', 'HEAD', 'OPTIONS'],
    summary: 'What the provider can do (OpenID Connect Discovery)',
    cacheControl: PUBLIC,
    fromAnywhere: true
  },
  {
    path: '/.well-known/oauth-authorization-server',
    methods: ['GET', 'HEAD', 'OPTIONS'],
    summary: 'The same for OAuth (RFC 8414)',
    cacheControl: PUBLIC,
    fromAnywhere: true
  },
  {
    path: '/oidc/jwks',
    methods: ['GET', 'HEAD', 'OPTIONS'],
    summary: 'The keys that tokens are signed with',
    cacheControl: PUBLIC,
    fromAnywhere: true
  },
  { path: '/oidc/auth', methods: ['GET'], summary: 'Sign in to an app' },
  {
    path: '/oidc/token',
    methods: ['POST', 'OPTIONS'],
    summary: 'A code or a refresh token for tokens',
    fromAnywhere: true,
    takesSecret: true
  },
  {
    path: '/oidc/userinfo',
    methods: ['GET', 'POST', 'OPTIONS'],
    summary: 'Whose access token it is',
    fromAnywhere: true
  },
  {
    path: '/oidc/revoke',
    methods: ['POST', 'OPTIONS'],
    summary: 'Revoke a token (RFC 7009)',
    fromAnywhere: true,
    takesSecret: true
  },
  { path: '/oidc/logout', methods: ['GET'], summary: 'Sign out, asked by an app' },
  {
    path: '/oidc/logout/confirm',
    methods: ['POST'],
    summary: 'The answer to whether to sign out',
    sameOrigin: 'form'
  },
  { path: '/oidc/logout/success', methods: ['GET'], summary: 'Signed out' }
]

/** The endpoints of OpenID Connect; the provider answers all of them. */
export const oidcEndpoints: FastifyPluginAsync = async (fastify) => {
  // The provider reads the body from the socket.
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('*', (_request, _payload, done) => done(null))

  for (const endpoint of ENDPOINTS) {
    const { path, methods, summary, cacheControl = PRIVATE, sameOrigin = OPEN } = endpoint
    fastify.route({
      url: path,
      method: [...methods],
      config: {
        guard: { none: 'the provider authenticates its clients, and asks for a session itself' },
        sameOrigin,
        limit: 'address',
        // The provider has its own list of origins.
        cors: false,
        ...(endpoint.fromAnywhere === true && {
          host: { any: 'apps’ servers call it under an internal name, and no cookie counts' }
        })
      },
      schema: { tags: ['openid'], summary, response: { default: Type.Unknown() } },
      handler: (request, reply) =>
        endpoint.takesSecret === true && request.method === 'POST'
          ? answerCounted(request, reply, cacheControl)
          : reply.answerByProvider(cacheControl)
    })
  }

  /** Limits guessing at a client's secret, as for services. */
  async function answerCounted(
    request: FastifyRequest,
    reply: FastifyReply,
    cacheControl: string
  ): Promise<void> {
    // Read it now: the forwarded fields are removed from the request before the provider sees it.
    const address = fastify.limiter.addressOf(request)
    await fastify.limiter.check(request, 'service_auth', address)
    const status = await reply.answerByProvider(cacheControl)
    if (status === 401) await fastify.limiter.count(request, 'service_auth', address)
  }
}
