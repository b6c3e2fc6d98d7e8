import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Core } from '../../../src/app/core.ts'
import { Problem } from '../../../src/domain/problems.ts'
import { hasRole, isRole, type Role } from '../../../src/domain/roles.ts'
import type { Session } from '../../../src/session/session.ts'
import { safeReturnTo } from '../../../src/session/sign-in/return-to.ts'
import { NoContent, problems } from '../../schemas.ts'

const Query = Type.Object({
  redirect: Type.Optional(Type.String({ maxLength: 8 })),
  role: Type.Optional(Type.String({ maxLength: 32 })),
  audience: Type.Optional(Type.String({ maxLength: 64 }))
})

/** What the operator demands, and the browser's request as the proxy tells it. */
interface Question {
  readonly redirect?: string | undefined
  readonly role?: string | undefined
  readonly audience?: string | undefined
  readonly method: string | null
  readonly uri: string | null
}

const config = {
  guard: { none: 'it tells a proxy who is signed in, and nobody is one of the answers' },
  sameOrigin: { off: 'the request is a proxy’s; the browser’s own goes to the app' },
  limit: { none: 'a proxy asks for every request of every page, and knows no 429' },
  host: { any: 'proxies ask under an internal name' },
  // CORS answers a preflight with 204, which a proxy that repeats methods would take for a yes.
  cors: false
} as const

/**
 * `GET /session/verify`: forward-auth for nginx, Caddy, Traefik and Envoy (reference/http.md#forward-auth). It answers
 * 204, 401, 403 or, with `redirect=1`, 302, and nothing else. Every identity header is in every 204, so that each
 * overwrites what a client sent.
 */
export const verifyRoute: FastifyPluginAsyncTypebox<{ core: Core }> = async (fastify, { core }) => {
  const { publicUrl, allowedReturnOrigins, trustedProxies } = core.config
  const signInPage = `${publicUrl.href}/signin`
  const extAuthz = `${publicUrl.basePath}/session/verify/ext-authz/`

  fastify.get(
    '/session/verify',
    {
      config,
      attachValidation: true,
      schema: {
        tags: ['session'],
        summary: 'Forward-auth: whether this browser is signed in and allowed',
        querystring: Query,
        response: { 204: NoContent, 302: Type.Null(), ...problems(401, 403) }
      }
    },
    async (request, reply) => {
      const { headers, query } = request
      // A query that makes no sense allows nobody in, and is no reason for a status that a proxy does not know.
      if (request.validationError !== undefined) throw new Problem('USHER_SERVER_ACCESS_DENIED')
      const method = single(headers['x-forwarded-method'])
      const uri = single(headers['x-forwarded-uri'])
      return answer(request, reply, { ...query, method, uri }, 204)
    }
  )

  fastify.options('/session/verify', { config, schema: { hide: true } }, async () => {
    throw new Problem('USHER_METHOD_NOT_ALLOWED')
  })

  // Envoy's ext_authz repeats the method, puts its prefix before the path and query, and takes 200 alone for a yes.
  // The first segment is the operator's; a client's own query stands behind it and demands nothing.
  await fastify.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    scope.all(
      '/session/verify/ext-authz/:demands/*',
      { config, schema: { hide: true } },
      async (request, reply) => {
        const question = readExtAuthz(request)
        if (question === null) throw new Problem('USHER_SERVER_ACCESS_DENIED')
        return answer(request, reply, question, 200)
      }
    )
  })

  function readExtAuthz({ raw, method }: FastifyRequest): Question | null {
    if (!raw.url?.startsWith(extAuthz)) return null
    const [, segment, uri] = /^([^/?]+)(\/.*)$/.exec(raw.url.slice(extAuthz.length)) ?? []
    if (segment === undefined || uri === undefined) return null
    const demands = segment === '-' ? [] : [...new URLSearchParams(segment)]
    const known = demands.every(([name]) => Object.hasOwn(Query.properties, name))
    const names = new Set(demands.map(([name]) => name))
    return known && names.size === demands.length ? { ...Object.fromEntries(demands), method, uri } : null
  }

  async function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    question: Question,
    yes: 200 | 204
  ): Promise<FastifyReply> {
    const { redirect, role, audience } = question
    const read = request.readSession()
    if (!read.open) {
      if (redirect === '1' && isNavigation(request, question.method))
        return reply.redirect(signInAddress(request, question.uri), 302)
      throw new Problem(read.code)
    }
    const standing = await core.standings.settle(read.live)
    const { session } = read.live
    if (standing === 'ended') {
      reply.clearSessionCookie()
      throw new Problem('USHER_SESSION_REVOKED')
    }
    if (standing === 'past-grace') throw new Problem('USHER_SERVER_ACCESS_DENIED', { detail: OUTAGE })
    if (standing === 'denied') throw new Problem('USHER_SERVER_ACCESS_DENIED')
    // A role at a server of somebody's own choice says nothing about this site (SECURITY rule 75).
    const here: Role = core.config.pms.url === null ? 'none' : session.role
    if (role !== undefined && !isAllowed(here, role)) throw new Problem('USHER_SERVER_ACCESS_DENIED')
    reply.headers(identity(session, here, assertionFor(session, audience)))
    return reply.code(yes).send(null)
  }

  /** Only for a service of this deployment. */
  function assertionFor(session: Session, audience: string | undefined): string {
    const known = core.config.services.some(({ id }) => id === audience)
    return audience !== undefined && known ? core.assertions.issue(session, audience) : ''
  }

  /** The sign-in page with the deep link, where a trusted proxy told one that may be returned to. */
  function signInAddress(request: FastifyRequest, uri: string | null): string {
    // request.ips names proxies only where the peer is one of USHER_TRUSTED_PROXIES.
    const trusted = trustedProxies.length > 0 && request.ips !== undefined && request.ips.length > 1
    if (!trusted || uri === null || !uri.startsWith('/')) return signInPage
    // Of several proxies the nearest is believed, as for addresses.
    const origin = `${request.protocol}://${request.host}`
    if (URL.parse(origin)?.origin !== origin) return signInPage
    const target = origin === publicUrl.origin ? uri : origin + uri
    const safe = safeReturnTo(target, publicUrl.origin, allowedReturnOrigins)
    return safe === null ? signInPage : `${signInPage}?returnTo=${encodeURIComponent(safe)}`
  }
}

const OUTAGE =
  'plex.tv cannot be reached, and its last good answer is too old. Nobody was signed out; try again later.'

/** Bytes of all identity headers: with the others of the answer they fit nginx's default buffer, a page of 4 KB. */
const MAX_BYTES = 3072

/** Every header every time, empty where there is nothing to tell. */
function identity({ account }: Session, role: Role, assertion: string): Record<string, string> {
  const headers = {
    'remote-user': toHeader(account.username.trim() === '' ? account.uuid : account.username),
    'remote-name': toHeader(account.title),
    'remote-email': toHeader(account.email),
    'remote-groups': role,
    'x-usher-account-id': String(account.id),
    'x-usher-assertion': assertion
  }
  const bytes = Object.entries(headers).reduce(
    (sum, [name, value]) => sum + name.length + value.length + 4,
    0
  )
  // Tokens as long as plex.tv's JWTs make an assertion that does not fit: none, rather than a proxy's 502.
  return bytes < MAX_BYTES ? headers : { ...headers, 'x-usher-assertion': '' }
}

/** Header values are octets (RFC 9110 §5.5): names beyond ASCII go as UTF-8, without controls. */
function toHeader(text: string): string {
  return Buffer.from(text.replace(/[\u0000-\u001f\u007f]/g, ''), 'utf8').toString('latin1')
}

function isAllowed(role: Role, least: string): boolean {
  return isRole(least) && least !== 'none' && hasRole(role, least)
}

/** A document that a person asked for; a script that fetches HTML gets its 401 like any other. */
function isNavigation({ headers }: FastifyRequest, method: string | null): boolean {
  const mode = headers['sec-fetch-mode']
  return (
    method === 'GET' &&
    (headers.accept ?? '').includes('text/html') &&
    (mode === undefined || mode === 'navigate')
  )
}

function single(value: string | string[] | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}
