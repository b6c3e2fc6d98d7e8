import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { Problem } from '../../src/domain/problems.ts'
import type { Audit as AuditLog } from '../../src/observe/audit.ts'
import type { Metrics } from '../../src/observe/metrics.ts'
import { toOAuthError } from '../../src/tokens/oauth-error.ts'
import { OWNER_ID } from '../../src/tokens/owner.ts'
import { findScope } from '../../src/tokens/scope.ts'
import type { TokenExchange } from '../../src/tokens/token-exchange.ts'
import { readTokenRequest, type TokenRequest } from '../../src/tokens/token-request.ts'
import { OAuthErrorSchema } from './oauth-schemas.ts'
import { forServices } from './route-rules.ts'

const List = Type.Union([
  Type.String({ maxLength: 2048 }),
  Type.Array(Type.String({ maxLength: 2048 }), { maxItems: 16 })
])

/** Unknown members are ignored, as RFC 6749 §3.2 demands: OAuth clients send more than a server knows. */
const Members = Type.Object({
  grant_type: Type.Optional(Type.String()),
  subject_token: Type.Optional(Type.String({ maxLength: 4096 })),
  subject_token_type: Type.Optional(Type.String()),
  requested_token_type: Type.Optional(Type.String()),
  actor_token: Type.Optional(Type.String()),
  scope: Type.Optional(Type.String()),
  audience: Type.Optional(List),
  resource: Type.Optional(List),
  expires_in: Type.Optional(Type.Union([Type.String(), Type.Integer()]))
})

const Answer = Type.Object(
  {
    access_token: Type.String(),
    issued_token_type: Type.String(),
    token_type: Type.Union([Type.Literal('N_A'), Type.Literal('Bearer')]),
    expires_in: Type.Integer({ description: 'Seconds' }),
    scope: Type.String(),
    server: Type.Object({ name: Type.String(), machineIdentifier: Type.String(), uri: Type.String() })
  },
  { title: 'DelegatedToken' }
)

/** The fields of one audit line: in whose name a service asked, at which server, for what, and how it ended. */
interface Audit {
  type?: string
  scope?: string
  accountId?: number | typeof OWNER_ID
  machineIdentifier?: string
  outcome?: string
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The audit line of a token exchange; null until something of it is known. */
    audit: Audit | null
  }
}

export interface DelegatedOptions {
  readonly exchange: TokenExchange
  readonly audit: AuditLog
  readonly metrics: Pick<Metrics, 'delegatedTokens'>
}

/** `POST /tokens/delegated`: token exchange (RFC 8693). Every request leaves one audit line. */
export const delegatedRoute: FastifyPluginAsyncTypebox<DelegatedOptions> = async (fastify, options) => {
  const { exchange, metrics, audit } = options
  fastify.decorateRequest('audit', null)

  function auditOf(request: FastifyRequest): Audit {
    request.audit ??= {}
    return request.audit
  }

  fastify.post(
    '/tokens/delegated',
    {
      config: forServices,
      schema: {
        tags: ['tokens'],
        summary: 'Token exchange (RFC 8693): a token on behalf of a session, or of the owner',
        consumes: ['application/x-www-form-urlencoded', 'application/json'],
        body: Members,
        response: { 200: Answer, '4xx': OAuthErrorSchema, '5xx': OAuthErrorSchema }
      },
      onError: (request, _reply, error, done) => {
        auditOf(request).outcome =
          error instanceof Problem ? toOAuthError(error).error : fallbackOutcome(error.statusCode)
        done()
      },
      onResponse: (request, _reply, done) => {
        const { type = 'unknown', outcome = 'aborted', ...rest } = auditOf(request)
        const service = request.service?.id ?? 'unknown'
        metrics.delegatedTokens.inc({ service, type, outcome })
        audit.note('token.delegated', { service, type, ...rest, outcome }, request.id)
        done()
      }
    },
    async (request) => {
      const service = request.requireService()
      const audit = auditOf(request)
      const asked = readTokenRequest(request.body)
      audit.type = asked.type
      const scope = scopeOf(asked)
      if (scope !== undefined) audit.scope = scope
      const subject = await exchange.findSubject(service, asked)
      const { account, server } = subject.live.session
      audit.accountId = subject.owner ? OWNER_ID : account.id
      if (server !== null) audit.machineIdentifier = server.machineIdentifier
      const answer = await exchange.issue(service, asked, subject)
      audit.outcome = 'issued'
      return answer
    }
  )
}

function fallbackOutcome(status: number | undefined): string {
  return status !== undefined && status < 500 ? 'invalid_request' : 'server_error'
}

/** The requested scope; undefined where its name is unknown. */
function scopeOf({ type, scope }: TokenRequest): string | undefined {
  if (type === 'access_token') return findScope(scope)
  return scope === undefined || scope === 'all' ? 'all' : undefined
}
