import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Core } from '../../../src/core.ts'
import { Problem } from '../../../src/errors.ts'
import { safeReturnTo } from '../../../src/session/return-to.ts'
import { hasRole, ROLES, type Role, type Session } from '../../../src/session/session.ts'
import { NoContent, problems } from '../../schemas.ts'

const Query = Type.Object({
  redirect: Type.Optional(Type.String({ maxLength: 8 })),
  role: Type.Optional(Type.String({ maxLength: 32 })),
  audience: Type.Optional(Type.String({ maxLength: 64 }))
})

/**
 * `GET /session/verify`: forward-auth for nginx, Caddy, Traefik and Envoy (CONTRACT §4.4). It answers 204, 401, 403 or,
 * where asked to, 302, and nothing else; each identity header is always there, so that a client's own never passes.
 */
export const verifyRoute: FastifyPluginAsyncTypebox<{ core: Core }> = async (fastify, { core }) => {
  const { publicUrl, allowedReturnOrigins, trustedProxies } = core.config
  const signInPage = `${publicUrl.href}/signin`

  fastify.get(
    '/session/verify',
    {
      // By proxies' sub-requests: under an internal name, from one address, for every request of every page.
      config: { guard: 'none', sameOrigin: 'off', limit: 'none', host: 'any' },
      attachValidation: true,
      schema: {
        tags: ['session'],
        summary: 'Forward-auth: whether this browser is signed in and allowed',
        querystring: Query,
        response: { 204: NoContent, 302: Type.Null(), ...problems(401, 403) }
      }
    },
    async (request, reply) => {
      // A query that makes no sense allows nobody in, and is no reason for a status that a proxy does not know.
      if (request.validationError !== undefined) throw new Problem('USHER_SERVER_ACCESS_DENIED')
      const { redirect, role, audience } = request.query
      const read = request.readSession()
      if (!read.open) {
        if (redirect === '1' && isNavigation(request)) return reply.redirect(signInAddress(request), 302)
        throw new Problem(read.code)
      }
      if (core.recheck.isPastGrace(read.live)) await core.recheck.run(read.live)
      const { session } = read.live
      if (core.revocations.isRevoked(session)) throw new Problem('USHER_SESSION_REVOKED')
      const pastGrace = core.recheck.isPastGrace(read.live)
      if (pastGrace || (role !== undefined && !isAllowed(session.role, role))) {
        throw new Problem('USHER_SERVER_ACCESS_DENIED')
      }
      tell(reply, session, assertionFor(session, audience))
      return reply.code(204).send(null)
    }
  )

  /** Only for a service of this deployment. */
  function assertionFor(session: Session, audience: string | undefined): string {
    const known = core.config.services.some(({ id }) => id === audience)
    return audience !== undefined && known ? core.assertions.issue(session, audience) : ''
  }

  /** The sign-in page with the deep link, where a trusted proxy told one that may be returned to. */
  function signInAddress(request: FastifyRequest): string {
    const { headers } = request
    const proto = single(headers['x-forwarded-proto'])
    const host = single(headers['x-forwarded-host'])
    const uri = single(headers['x-forwarded-uri'])
    // request.ips names proxies only where the peer is one of USHER_TRUSTED_PROXIES.
    const trusted = trustedProxies.length > 0 && request.ips !== undefined && request.ips.length > 1
    if (!trusted || proto === null || host === null || uri === null || !uri.startsWith('/')) return signInPage
    const target = `${proto}://${host}` === publicUrl.origin ? uri : `${proto}://${host}${uri}`
    const safe = safeReturnTo(target, publicUrl.origin, allowedReturnOrigins)
    return safe === null ? signInPage : `${signInPage}?returnTo=${encodeURIComponent(safe)}`
  }
}

/** Characters of one header value: all of them stay below 3 KB, for nginx's default buffers. */
const MAX_CHARS = 240

function tell(reply: FastifyReply, session: Session, assertion: string): void {
  const { account, role } = session
  reply.headers({
    'remote-user': toHeader(account.username === '' ? account.uuid : account.username),
    'remote-name': toHeader(account.title),
    'remote-email': toHeader(account.email),
    'remote-groups': role,
    'x-usher-account-id': String(account.id),
    'x-usher-assertion': assertion
  })
}

/** Header values are octets (RFC 9110 §5.5): names beyond ASCII go as UTF-8, without controls. */
function toHeader(text: string): string {
  return Buffer.from(text.slice(0, MAX_CHARS).replace(/[\u0000-\u001f\u007f]/g, ''), 'utf8').toString(
    'latin1'
  )
}

function isAllowed(role: Role, least: string): boolean {
  const known = ROLES.find((candidate) => candidate === least)
  return known !== undefined && known !== 'none' && hasRole(role, known)
}

function isNavigation({ headers }: FastifyRequest): boolean {
  const method = single(headers['x-forwarded-method'])
  return method === 'GET' && (headers.accept ?? '').includes('text/html')
}

function single(value: string | string[] | undefined): string | null {
  return typeof value === 'string' && value !== '' && !value.includes(',') ? value : null
}
