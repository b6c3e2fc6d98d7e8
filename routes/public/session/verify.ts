import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Core } from '../../../src/app/core.ts'
import type { App } from '../../../src/apps/apps.ts'
import { normalOrigin } from '../../../src/domain/origins.ts'
import { Problem } from '../../../src/domain/problems.ts'
import { hasRole, isRole, type Role } from '../../../src/domain/roles.ts'
import { isTelevision } from '../../../src/domain/televisions.ts'
import type { Session } from '../../../src/session/session.ts'
import { NoContent, problems } from '../../schemas.ts'
import { DENIED_PAGE_POLICY, renderDeniedPage } from '../signin/denied-page.ts'
import { createLanguages } from '../signin/language.ts'
import { identityHeaders } from './verify-identity.ts'

const Query = Type.Object({
  redirect: Type.Optional(Type.String({ maxLength: 8 })),
  role: Type.Optional(Type.String({ maxLength: 32 })),
  audience: Type.Optional(Type.String({ maxLength: 64 })),
  app: Type.Optional(Type.String({ maxLength: 64 }))
})

/** The browser's own request, as the proxy describes it. */
interface Forwarded {
  readonly method: string | null
  readonly uri: string | null
}

/** What the operator requires, and of which request. */
interface Question extends Forwarded {
  readonly redirect?: string | undefined
  readonly role?: string | undefined
  readonly audience?: string | undefined
  readonly app?: string | undefined
}

const config = {
  guard: { none: 'it answers a proxy, also when nobody is signed in' },
  sameOrigin: { off: 'the request is a proxy’s; the browser’s own goes to the app' },
  limit: { none: 'a proxy asks for every request of every page, and knows no 429' },
  host: { any: 'proxies ask under an internal name' },
  problems: { json: 'it has a page of its own, and proxies pass 4 KB on' },
  // CORS answers a preflight with 204, which a proxy that repeats methods would take for approval.
  cors: false
} as const

type VerifyCore = Pick<Core, 'config' | 'accessRules' | 'apps' | 'assertions' | 'audit'> &
  Pick<Core, 'findReturnTo' | 'libraries' | 'notices' | 'standings'>

/**
 * `GET /session/verify`: forward-auth for nginx, Caddy, Traefik and Envoy (reference/http.md#forward-auth). It answers
 * 204, 401, 403 or, with `redirect=1`, 302, and nothing else. Every identity header is in every 204, so that each
 * overwrites what a client sent.
 */
export const verifyRoute: FastifyPluginAsyncTypebox<{ core: VerifyCore }> = async (fastify, { core }) => {
  const { publicUrl, trustedProxies, cookieDomain } = core.config
  const { notices, accessRules, standings, audit, apps } = core
  const languages = createLanguages()
  const signInPage = `${publicUrl.href}/signin`
  const extAuthz = `${publicUrl.basePath}/session/verify/ext-authz/`

  fastify.get(
    '/session/verify',
    {
      config,
      errorHandler: refuse,
      attachValidation: true,
      schema: {
        tags: ['session'],
        summary: 'Forward-auth: whether this browser is signed in and allowed',
        querystring: Query,
        response: { 204: NoContent, 302: Type.Null(), ...problems(401, 403) }
      }
    },
    async (request, reply) => {
      // An invalid query denies everyone, with a status that proxies understand.
      if (request.validationError !== undefined) throw new Problem('USHER_SERVER_ACCESS_DENIED')
      return answer(request, reply, { ...request.query, ...readForwarded(request) }, 204)
    }
  )

  fastify.options('/session/verify', { config, schema: { hide: true } }, async () => {
    throw new Problem('USHER_METHOD_NOT_ALLOWED')
  })

  // Envoy's ext_authz repeats the method, puts its prefix before the path and query, and accepts only 200. The first
  // segment is the operator's; the client's own query follows it and has no effect.
  await fastify.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    scope.all(
      '/session/verify/ext-authz/:demands/*',
      { config, errorHandler: refuse, schema: { hide: true } },
      async (request, reply) => {
        const question = readExtAuthz(request)
        if (question === null) throw new Problem('USHER_SERVER_ACCESS_DENIED')
        return answer(request, reply, question, 200)
      }
    )
  })

  function readForwarded({ raw, headers, method }: FastifyRequest): Forwarded {
    if (raw.url?.startsWith(extAuthz) === true)
      return { method, uri: /\/.*$/.exec(raw.url.slice(extAuthz.length))?.[0] ?? null }
    return { method: single(headers['x-forwarded-method']), uri: single(headers['x-forwarded-uri']) }
  }

  function readExtAuthz(request: FastifyRequest): Question | null {
    const { url = '' } = request.raw
    if (!url.startsWith(extAuthz)) return null
    const { method, uri } = readForwarded(request)
    const segment = /^[^/?]+(?=\/)/.exec(url.slice(extAuthz.length))?.[0]
    if (segment === undefined || uri === null) return null
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
    // On every answer: an empty header overwrites the one that a client sent.
    reply.headers(apps.headersOf(null))
    // Proxies pass one Set-Cookie on, and the session's is the one that cannot wait.
    reply.ownCookies = ['signin', 'device']
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
    const here = roleHere(session.role)
    if (role !== undefined && !isAllowed(here, role)) throw new Problem('USHER_SERVER_ACCESS_DENIED')
    const app = findApp(request, question.app)
    if (app === undefined) throw new Problem('USHER_SERVER_ACCESS_DENIED')
    // Asked of the media server once in a re-check, and only where a library decides or is sent to the app.
    const libraries = accessRules.namesLibraries ? await core.libraries.ask(session) : null
    const person = { accountId: session.account.id, role: here, libraries }
    const verdict = app === null ? 'yes' : accessRules.decide(app.access, person)
    if (verdict !== 'yes')
      throw new Problem('USHER_SERVER_ACCESS_DENIED', verdict === 'unknown' ? { detail: OUTAGE } : {})
    if (standings.hasEnded(session)) {
      reply.clearSessionCookie()
      throw new Problem('USHER_SESSION_REVOKED')
    }
    if (app !== null) {
      read.live.apps ??= new Set()
      read.live.apps.add(app.id)
    }
    const labels = accessRules.labels(person, 'named')
    const assertion = assertionFor(session, audience)
    reply.headers(identityHeaders({ session, labels, assertion, appHeaders: apps.headersOf(app) }))
    return reply.code(yes).send(null)
  }

  /** The app that is meant: by its id, else by the host that a trusted proxy serves; undefined for an unknown id. */
  function findApp(request: FastifyRequest, id: string | undefined): App | null | undefined {
    if (id !== undefined) return apps.find(id) ?? undefined
    if (!apps.haveHosts || !isForwarded(request)) return null
    return apps.ofHost(request.host)
  }

  function askedApp(request: FastifyRequest): string | undefined {
    const { app } = readExtAuthz(request) ?? (request.query as Question)
    return typeof app === 'string' ? app : undefined
  }

  /** request.ips names proxies only where the peer is one of USHER_TRUSTED_PROXIES. */
  function isForwarded({ ips }: FastifyRequest): boolean {
    return trustedProxies.length > 0 && ips !== undefined && ips.length > 1
  }

  /** Only for a service in USHER_SERVICES. */
  function assertionFor(session: Session, audience: string | undefined): string {
    const known = core.config.services.some(({ id }) => id === audience)
    return audience !== undefined && known ? core.assertions.issue(session, audience) : ''
  }

  /**
   * Every failure as 401 or 403: nginx turns any other status into 500, and other proxies let the request through or
   * break. A navigation gets a page.
   */
  function refuse(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const isExpected = error instanceof Problem && (error.status === 401 || error.status === 403)
    if (!isExpected) {
      if (!(error instanceof Problem)) request.log.error({ reqId: request.id, err: error }, 'verify failed')
      throw new Problem('USHER_SERVER_ACCESS_DENIED')
    }
    if (error.status === 401) throw error
    const read = request.readSession()
    const who = { address: request.ip, accountId: read.open ? read.live.session.account.id : null }
    const app = findApp(request, askedApp(request))?.id ?? null
    audit.note('sign_in.refused/access', { ...who, app, reason: error.detail }, request.id)
    const forwarded = readForwarded(request)
    if (!read.open || !isNavigation(request, forwarded.method)) throw error
    const { account, role } = read.live.session
    const language = languages.find(request.headers['accept-language'])
    const page = renderDeniedPage({
      language,
      brand: core.config.brand.name,
      reason: error.detail === OUTAGE ? 'outage' : 'not-allowed',
      account,
      role: roleHere(role),
      television: isTelevision(request.headers['user-agent'] ?? ''),
      signInHref: withAnother(signInAddress(request, forwarded.uri))
    })
    return reply
      .code(403)
      .type('text/html; charset=utf-8')
      .headers({
        'content-security-policy': DENIED_PAGE_POLICY,
        'cache-control': 'no-store',
        'content-language': language.tag,
        vary: 'Accept-Language'
      })
      .send(page)
  }

  /** A role at a server that the person chose says nothing about this site (SECURITY rule 75). */
  function roleHere(role: Role): Role {
    return core.config.pms.url === null ? 'none' : role
  }

  /** The sign-in page, with the deep link if a trusted proxy sent one that may be returned to. */
  function signInAddress(request: FastifyRequest, uri: string | null): string {
    const trusted = isForwarded(request)
    if (!trusted && request.headers['x-forwarded-host'] !== undefined)
      notices.untrustedForwarder(request.socket.remoteAddress ?? '')
    if (!trusted || uri === null || !uri.startsWith('/')) return signInPage
    // Of several hosts, the nearest proxy's counts, as for addresses. Of several protocols, the first is the browser's;
    // later hops often use http.
    const [protocol = request.protocol] = single(request.headers['x-forwarded-proto'])?.split(',') ?? []
    const origin = normalOrigin(`${protocol.trim()}://${request.host}`)
    if (origin === null) return signInPage
    if (!isCovered(new URL(origin).hostname)) notices.outsideCookieDomain(request.host)
    const target = origin === publicUrl.origin ? uri : origin + uri
    const safe = core.findReturnTo(target)
    if (safe === null && origin !== publicUrl.origin) notices.returnOriginMissing(origin)
    return safe === null ? signInPage : `${signInPage}?returnTo=${encodeURIComponent(safe)}`
  }

  /** Whether a browser sends the session cookie to a host. */
  function isCovered(hostname: string): boolean {
    if (cookieDomain === null) return hostname === publicUrl.hostname
    return hostname === cookieDomain || hostname.endsWith(`.${cookieDomain}`)
  }
}

/** The sign-in page with its ways in, although somebody is signed in. */
function withAnother(address: string): string {
  return `${address}${address.includes('?') ? '&' : '?'}again=1`
}

const OUTAGE =
  'plex.tv cannot be reached, and its last good answer is too old. Nobody was signed out; try again later.'

function isAllowed(role: Role, least: string): boolean {
  return isRole(least) && least !== 'none' && hasRole(role, least)
}

/** A document that a person requested. A script that fetches HTML gets 401 like any other. */
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
