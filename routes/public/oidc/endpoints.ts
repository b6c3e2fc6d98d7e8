import type { FastifyPluginAsync, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import { Type } from 'typebox'
import { Problem } from '../../../src/domain/problems.ts'

/** How long apps and proxies cache these: a key is published a day before it signs. */
const PUBLIC = 'public, max-age=300'
const PRIVATE = 'no-store'

const OPEN = {
  off: 'apps are other sites, and what changes something takes a secret, a code or a token'
} as const

/**
 * Characters of an authorization request, the most that nginx lets through by default. Anybody may send one, and it is
 * kept until somebody has signed in (SECURITY rule 53).
 */
const MAX_REQUEST = 8192
/** The provider knows some thirty, and its parser takes time in the square of their number (SECURITY rule 53). */
const MAX_PARAMETERS = 100

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
  /** What it is asked is remembered for a quarter of an hour. */
  readonly isKept?: boolean
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
  { path: '/oidc/auth', methods: ['GET'], summary: 'Sign in to an app', isKept: true },
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
        problems: { json: 'the provider has pages of its own' },
        ...(endpoint.fromAnywhere === true && {
          host: { any: 'apps’ servers call it under an internal name, and no cookie counts' }
        })
      },
      schema: { tags: ['openid'], summary, response: { default: Type.Unknown() } },
      handler: (request, reply) => {
        if (endpoint.isKept === true && request.url.length > MAX_REQUEST)
          throw new Problem('USHER_INVALID_REQUEST', { status: 414, detail: 'The address is too long.' })
        if (request.url.split('&', MAX_PARAMETERS + 1).length > MAX_PARAMETERS)
          throw new Problem('USHER_INVALID_REQUEST', { detail: 'There are too many parameters.' })
        return endpoint.takesSecret === true && request.method === 'POST'
          ? answerCounted(request, reply, cacheControl)
          : reply.answerByProvider(cacheControl)
      }
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
