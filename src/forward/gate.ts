import type { IncomingMessage } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { Core } from '../app/core.ts'
import type { FetchHeaders, FindCrossSite } from '../domain/cross-site.ts'
import { Problem } from '../domain/problems.ts'
import type { NoSession, UnsealedSession } from '../session/cookie/sessions.ts'
import type { LiveSession } from '../session/live/live-sessions.ts'
import { clientOf } from '../session/live/session-client.ts'
import { type Settled, toStandingProblem } from '../session/standing.ts'
import type { Forwarders } from './forwarders.ts'
import { type BodyCheck, checkParameters, createBodyCheck } from './parameters.ts'
import type { Policy } from './policy.ts'
import type { Rule } from './policy-table.ts'
import type { PmsPrincipal, Principals } from './principals.ts'
import { answerPreflight, openToReceivers, RECEIVER_FIELDS } from './receivers.ts'
import { busy, LIMITS } from './scheduler.ts'
import type { PlaybackBinding, ScopedAccess } from './scoped-access.ts'
import { readTarget, type Target } from './target.ts'
import type { Upgrade } from './upgrades.ts'

export interface GateOptions {
  readonly core: Pick<Core, 'sessions' | 'standings' | 'metrics' | 'audit'>
  readonly mount: string
  readonly forwarders: Forwarders
  readonly policy: Policy
  readonly principals: Pick<Principals, 'of'>
  readonly upgrades: WeakMap<IncomingMessage, Upgrade>
  readonly findCrossSite: FindCrossSite
  /** The Set-Cookie header of a renewed session. */
  readonly serializeCookie: (value: string) => string
  readonly readScoped: ((token: string) => ScopedAccess | NoSession) | null
}

const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE']
const NOTHING: readonly string[] = []
/** A session may reach whatever its role may. */
const everything: ScopedAccess['allows'] = () => true

/**
 * Decides whether a request may pass to the media server, and sends it on. Synchronous while the session is in
 * memory: no promise stands between a request and its dispatch.
 */
export function createGate(options: GateOptions): (reply: FastifyReply) => void {
  const { core, mount, forwarders, policy, principals, upgrades, findCrossSite, readScoped } = options
  const { sessions, standings, metrics, audit } = core

  /** `settled`: the standing of the session, if the request has waited for it. */
  function enter(reply: FastifyReply, settled: Settled | null = null): void {
    const { raw, method } = reply.request
    if (!METHODS.includes(method)) {
      if (method === 'OPTIONS' && isPreflight(reply)) return void answerPreflight(reply)
      reply.header('allow', METHODS.join(', '))
      throw new Problem('USHER_METHOD_NOT_ALLOWED')
    }
    const target = readTarget(raw.url ?? '', mount)
    if (target === null) throw new Problem('USHER_INVALID_REQUEST')
    const read = sessions.read(raw.headers.cookie)
    // A session cookie takes precedence (reference/http.md#pms); without one there may be a scoped token.
    const token = read.open || read.code !== 'USHER_SESSION_REQUIRED' ? null : findToken(raw, target)
    const access = token === null || readScoped === null ? read : readScoped(token)
    const principal = access.open ? principals.of(access) : null
    const rule = principal === null ? null : policy.find(method, target.path, principal.role)
    if (token === null) requireSameOrigin(reply, method, rule)
    if (!access.open) {
      // RFC 6750 §3: say that the token is the problem.
      if (token !== null) reply.header('www-authenticate', 'Bearer realm="usher", error="invalid_token"')
      throw new Problem(access.code)
    }
    const playback = 'playback' in access ? (access.playback ?? null) : null
    if (playback !== null) openToReceivers(reply, method, target, playback)
    if (token === null && access.live.client === null) {
      // The session is first seen here.
      access.live.client = clientOf(raw, reply.request.ip)
    }
    const standing = settled ?? standings.of(access.live)
    if (standing !== 'good') {
      if (standing === 'unproven') return void settle(reply, access.live, principal)
      throw toStandingProblem(standing)
    }
    if (principal === null) throw new Problem('USHER_SERVER_ACCESS_DENIED')
    const allows = 'allows' in access ? access.allows : everything
    if (rule === null || !allows(rule.class, target.path)) throw new Problem('USHER_PATH_DENIED')
    const isRead = method === 'GET' || method === 'HEAD'
    const { role, machineIdentifier } = principal
    // What a token for playback names was checked when it was made, and it names nothing else.
    const reach = playback === null ? allows : everything
    const caller =
      isRead && rule.parameters === undefined ? null : { policy, role, machineIdentifier, allows: reach }
    const upstream = caller === null ? target.upstream : checkParameters(rule, target.upstream, caller)
    const bodyCheck = caller === null || isRead ? null : createBodyCheck(rule, caller)
    pass(reply, principal, rule, upstream, bodyCheck, 'asSealed' in access ? access : null, playback)
  }

  function pass(
    reply: FastifyReply,
    principal: PmsPrincipal,
    rule: Rule,
    upstream: string,
    bodyCheck: BodyCheck | null,
    opened: UnsealedSession | null,
    playback: PlaybackBinding | null
  ): void {
    const { raw, method } = reply.request
    const call = {
      sink: reply,
      request: raw,
      principal,
      method,
      origin: principal.origin,
      path: principal.basePath === '' ? upstream : principal.basePath + upstream,
      class: rule.class,
      largeBody: rule.admin === true,
      bodyCheck,
      repeatable: rule.unsafe !== true && (method === 'GET' || method === 'HEAD'),
      // Evaluated when the response is sent: a session that ended in the meantime must not overwrite a newer cookie.
      extra: () => (playback === null ? answerHeaders(reply, opened) : RECEIVER_FIELDS),
      handOn: playback === null ? null : playback.token
    }
    const forwarder = forwarders.of(principal)
    if (rule.class !== 'upgrade') {
      forwarder.forward(call)
      return
    }
    const upgrade = upgrades.get(raw)
    if (upgrade === undefined) {
      void reply.send(
        new Problem('USHER_INVALID_REQUEST', { detail: 'This path accepts WebSocket upgrades only.' })
      )
      return
    }
    forwarder.upgrade({ ...call, ...upgrade })
  }

  function requireSameOrigin({ request }: FastifyReply, method: string, rule: Rule | null): void {
    const unsafe = (method !== 'GET' && method !== 'HEAD') || rule?.unsafe === true
    const reason = findCrossSite(request.raw.headers as FetchHeaders, unsafe)
    if (reason === null) return
    metrics.csrfRefusals.inc({ reason })
    audit.note('csrf.refused', { address: request.ip, reason }, request.id)
    throw new Problem('USHER_CROSS_SITE')
  }

  /** Whether a browser asks for a receiver: it never sends a cookie, and a token in the address is for what is asked. */
  function isPreflight(reply: FastifyReply): boolean {
    const { raw } = reply.request
    const target = readTarget(raw.url ?? '', mount)
    if (target?.token == null || readScoped === null || raw.headers.cookie !== undefined) return false
    const access = readScoped(target.token)
    if (!access.open || !('playback' in access) || access.playback === undefined) return false
    openToReceivers(reply, String(raw.headers['access-control-request-method']), target, access.playback)
    return true
  }

  /** plex.tv must be asked before the session acts. The request is read again after that: the cookie may be dead. */
  async function settle(
    reply: FastifyReply,
    live: LiveSession,
    principal: PmsPrincipal | null
  ): Promise<void> {
    const load = principal?.load.api ?? { waiting: 0 }
    try {
      if (load.waiting >= LIMITS.api.waiting) {
        metrics.rateLimited.inc({ limit: 'account_requests' })
        throw busy()
      }
      load.waiting += 1
      const settled = await standings.settle(live).finally(() => {
        load.waiting -= 1
      })
      enter(reply, settled)
    } catch (error) {
      reply.send(error)
    }
  }

  /** What Fastify's own hooks would have set: a renewed cookie, and CORS for an allowed origin. */
  function answerHeaders(reply: FastifyReply, read: UnsealedSession | null): readonly string[] {
    const value = read === null ? null : sessions.renew(read)
    const { origin } = reply.request.raw.headers
    if (value === null && origin === undefined) return NOTHING
    const extra: string[] = value === null ? [] : ['set-cookie', options.serializeCookie(value)]
    if (origin === undefined) return extra
    for (const [name, field] of Object.entries(reply.getHeaders())) {
      if (name === 'vary' || name.startsWith('access-control-')) extra.push(name, String(field))
    }
    return extra
  }

  return (reply) => enter(reply)
}

/** A token where Plex clients and OAuth clients put it: Authorization, X-Plex-Token, or the query. */
function findToken({ headers }: IncomingMessage, target: Target): string | null {
  const { authorization } = headers
  if (authorization !== undefined && /^bearer /i.test(authorization)) return authorization.slice(7).trim()
  const field = headers['x-plex-token']
  return typeof field === 'string' ? field : target.token
}
