import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { readForm } from '../../src/tokens/token-request.ts'
import type { Tokens } from '../../src/tokens/tokens.ts'
import { parseForms } from '../forms.ts'
import { type DelegatedOptions, delegatedRoute } from './delegated.ts'
import { OAuthErrorSchema } from './oauth-schemas.ts'
import { forServices } from './route-rules.ts'

const Token = Type.Object({
  token: Type.String({ minLength: 1, maxLength: 4096 }),
  token_type_hint: Type.Optional(Type.String())
})

const Introspection = Type.Object(
  {
    active: Type.Boolean(),
    token_type: Type.Optional(Type.String()),
    scope: Type.Optional(Type.String()),
    client_id: Type.Optional(Type.String()),
    username: Type.Optional(Type.String()),
    sub: Type.Optional(Type.String()),
    aud: Type.Optional(Type.String()),
    jti: Type.Optional(Type.String()),
    iat: Type.Optional(Type.Integer()),
    exp: Type.Optional(Type.Integer())
  },
  { title: 'Introspection' }
)

export interface TokenRoutesOptions extends DelegatedOptions {
  readonly introspector: Tokens['introspector']
}

const FORMS = ['application/x-www-form-urlencoded', 'application/json']

/**
 * The OAuth endpoints of the internal listener: exchange, introspection, revocation
 * (reference/http.md#internal-listener).
 */
export const tokenRoutes: FastifyPluginAsyncTypebox<TokenRoutesOptions> = async (fastify, options) => {
  const { introspector, audit } = options
  // OAuth clients send forms; the same parameters as JSON are accepted too.
  parseForms(fastify, readForm)
  await fastify.register(delegatedRoute, options)

  fastify.post(
    '/tokens/introspect',
    {
      config: { ...forServices, grant: 'introspect' },
      schema: {
        tags: ['tokens'],
        summary: 'What a token or a session is (RFC 7662)',
        consumes: FORMS,
        body: Token,
        response: { 200: Introspection, '4xx': OAuthErrorSchema, '5xx': OAuthErrorSchema }
      }
    },
    async (request) => introspector.introspect(request.body.token)
  )

  fastify.post(
    '/tokens/revoke',
    {
      config: forServices,
      schema: {
        tags: ['tokens'],
        summary: 'Ends a token of this service, or a session (RFC 7009)',
        consumes: FORMS,
        body: Token,
        response: { 200: Type.String({ description: 'Empty: ended, or not known' }), '4xx': OAuthErrorSchema }
      }
    },
    async (request, reply) => {
      const service = request.requireService()
      const what = introspector.revoke(service, request.body.token)
      const outcome = what.kind === 'none' ? 'unknown' : 'revoked'
      audit.note('token.delegated/revoked', { service: service.id, ...what, outcome }, request.id)
      return reply.code(200).send('')
    }
  )
}
