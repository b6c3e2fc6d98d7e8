import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { isTokenDead, Problem } from '../src/domain/problems.ts'
import type { CookieAttributes, CookieNames } from '../src/session/cookie/cookie.ts'
import type { FindOldCookies } from '../src/session/cookie/old-scopes.ts'
import type { SessionRead, Sessions, UnsealedSession } from '../src/session/cookie/sessions.ts'
import type { SessionEnds } from '../src/session/end.ts'
import type { LiveSession, LiveSessions } from '../src/session/live/live-sessions.ts'
import { clientOf } from '../src/session/live/session-client.ts'
import type { Session, SessionView } from '../src/session/session.ts'
import { toView } from '../src/session/session.ts'
import type { SignOuts } from '../src/session/sign-outs.ts'
import type { Standings } from '../src/session/standing.ts'
import { addPreParsing } from './route-rules.ts'

export interface SessionPluginOptions {
  readonly sessions: Sessions
  readonly live: Pick<LiveSessions, 'of'>
  readonly standings: Pick<Standings, 'of' | 'settle' | 'hasEnded'>
  readonly sessionEnds: Pick<SessionEnds, 'end' | 'replace'>
  readonly signOuts: Pick<SignOuts, 'add'>
  readonly names: CookieNames
  readonly attributes: CookieAttributes
  readonly findOldCookies: FindOldCookies
  readonly sessionMaxMs: number
  readonly basePath: string
  /** Called before a browser's session is replaced by another, to move over what continues. */
  readonly beforeReplace?: (before: Session, after: Session) => Promise<void>
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What `readSession` found, null until it was called. */
    sessionRead: SessionRead | null
    /** Who the cookie signs in; read once, then kept. */
    readSession(): SessionRead
    /** The open session; throws the problem that says why there is none. */
    requireSession(): UnsealedSession
  }
  interface FastifyReply {
    /**
     * Sets the cookie of a fresh session and ends the one that this browser had. On a route that takes an open
     * session the new one continues it: throws USHER_SESSION_REVOKED if that has ended in the meantime.
     */
    startSession(session: Session): Promise<SessionView>
    clearSessionCookie(): void
    /** The session cookie has been decided about, so it does not slide. */
    hasDecidedCookie: boolean
    /**
     * The Set-Cookie value for a response that no hook sees: clears the session's cookie, or renews it if due; null
     * if it is unchanged.
     */
    sessionCookieLine(change: 'cleared' | 'renewed'): string | null
    /** What the browser may know of a session. */
    viewSession(read: UnsealedSession): SessionView
  }
}

/** Browser sessions: reads the cookie, guards routes, and sets, slides and clears the cookie. */
export default fp<SessionPluginOptions>(
  async (fastify, options) => {
    const {
      sessions,
      live: known,
      standings,
      sessionEnds,
      signOuts,
      names,
      attributes,
      findOldCookies
    } = options
    const { sessionMaxMs, basePath, beforeReplace } = options
    const maxAge = Math.floor(sessionMaxMs / 1000)
    /** Sessions that were succeeded by another: a second, parallel switch is not a sign-in after a sign-out. */
    const succeeded = new WeakSet<LiveSession>()

    fastify.decorateRequest('sessionRead', null)
    fastify.decorateReply('hasDecidedCookie', false)
    fastify.decorateRequest('readSession', function (this: FastifyRequest) {
      if (this.sessionRead === null) {
        this.sessionRead = sessions.read(this.raw.headers.cookie)
        if (this.sessionRead.open) this.sessionRead.live.client ??= clientOf(this.raw, this.ip)
      }
      return this.sessionRead
    })

    fastify.decorateRequest('requireSession', function (this: FastifyRequest) {
      const read = this.readSession()
      if (!read.open) throw new Problem(read.code)
      if (standings.hasEnded(read.live.session)) throw new Problem('USHER_SESSION_REVOKED')
      return read
    })

    fastify.decorateReply('clearSessionCookie', function (this: FastifyReply) {
      this.hasDecidedCookie = true
      this.clearCookie(names.session, attributes)
      clearOldCookies(this)
    })

    fastify.decorateReply('viewSession', function (this: FastifyReply, read: UnsealedSession) {
      // Renew first, so that the view shows the limits of the new cookie.
      if (!isPoll(this.request)) sessions.renew(read)
      return toView(read.live.session, read.live.stale, basePath)
    })

    fastify.decorateReply('sessionCookieLine', function (this: FastifyReply, change) {
      this.hasDecidedCookie = true
      if (change === 'cleared') return toLine('', CLEARED)
      const read = this.request.readSession()
      const value = read.open ? sessions.renew(read) : null
      return value === null ? null : toLine(value, { maxAge })
    })

    fastify.decorateReply('startSession', async function (this: FastifyReply, session: Session) {
      const before = this.request.readSession()
      if (before.open && !standings.hasEnded(before.live.session))
        await beforeReplace?.(before.live.session, session)
      const hasEnded = before.open && standings.hasEnded(before.live.session)
      if (hasEnded && this.request.routeOptions.config.guard === 'session' && !succeeded.has(before.live)) {
        // Signed out while it was being switched: the new session must not start (SECURITY rule 20).
        if (session.accountToken !== before.live.session.accountToken)
          signOuts.add(session.accountToken, session.clientIdentifier)
        throw new Problem('USHER_SESSION_REVOKED')
      }
      let value: string
      try {
        value = sessions.seal(session)
      } catch (error) {
        // Keep a token that the previous session still uses: it may only have chosen another server.
        const kept = before.open ? [before.live.session.accountToken] : []
        if (!kept.includes(session.accountToken)) signOuts.add(session.accountToken, session.clientIdentifier)
        throw new Problem('USHER_UPSTREAM_INVALID', {
          detail: 'The session is too large for a cookie.',
          cause: error
        })
      }
      if (before.open && !hasEnded) {
        succeeded.add(before.live)
        sessionEnds.replace(before.live.session, session)
      }
      this.hasDecidedCookie = true
      // Known from its start, so that "everywhere" finds it.
      known.of(session).client = clientOf(this.request.raw, this.request.ip)
      this.setCookie(names.session, value, { ...attributes, maxAge })
      clearOldCookies(this)
      return toView(session, false, basePath)
    })

    // preParsing: after the rate limiter, and before the body is read.
    fastify.addHook('onRoute', (route) => {
      if (route.config?.guard !== 'session') return
      addPreParsing(route, async (request, _reply, payload) => {
        const read = request.readSession()
        if (!read.open) throw new Problem(read.code)
        // A session whose access is denied or past its grace may still use routes that do not need the media server.
        if (standings.of(read.live) === 'unproven') {
          await standings.settle(read.live)
          // The check may have ended it.
          request.sessionRead = null
          const again = request.readSession()
          if (!again.open) throw new Problem(again.code)
        }
        return payload
      })
    })

    // plex.tv said that the session's own token is dead; an outage is never reported this way.
    fastify.addHook('onError', async (request, reply, error) => {
      const read = request.sessionRead
      if (request.routeOptions.config.guard !== 'session' || !read?.open) return
      // Without an upstream it is this instance that says so, and the session has ended already.
      if (!isTokenDead(error) || error.upstream === undefined) return
      // If it has ended otherwise in the meantime, the cookie may already belong to another session.
      if (sessionEnds.end(read.live.session, 'token_dead')) reply.clearSessionCookie()
    })

    fastify.addHook('onSend', async (request, reply) => {
      if (reply.hasDecidedCookie) return
      const read = request.sessionRead
      if (read === null) return
      // Signed out while an upstream was answering: its response must not reach a dead cookie (SECURITY rule 85),
      // unless the browser has continued with another session.
      const isAnswer = request.routeOptions.config.guard === 'session' && reply.statusCode < 400
      if (isAnswer && read.open && standings.hasEnded(read.live.session) && !succeeded.has(read.live))
        throw new Problem('USHER_SESSION_REVOKED')
      if (!read.open) {
        if (!read.clear || reply.statusCode !== 401) return
        write(reply, '', CLEARED)
        for (const { name, attributes: scope } of oldCookiesOf(reply))
          reply.header('set-cookie', fastify.serializeCookie(name, '', { ...scope, ...CLEARED }))
        return
      }
      if (isPoll(request)) return
      const value = sessions.renew(read)
      if (value === null) return
      // The browser may have moved to another network since.
      read.live.client = clientOf(request.raw, request.ip)
      write(reply, value, { maxAge })
    })

    /** What earlier settings left in other scopes of this browser (SECURITY rule 93). */
    function oldCookiesOf({ request }: FastifyReply): ReturnType<FindOldCookies> {
      return findOldCookies(request.raw.headers.cookie, request.readSession().open)
    }

    function clearOldCookies(reply: FastifyReply): void {
      for (const { name, attributes: scope } of oldCookiesOf(reply)) reply.clearCookie(name, scope)
    }

    function toLine(value: string, times: { maxAge: number; expires?: Date }): string {
      return fastify.serializeCookie(names.session, value, { ...attributes, ...times })
    }

    // Not setCookie: @fastify/cookie's own onSend, which has run by now, is what would write it.
    function write(reply: FastifyReply, value: string, times: { maxAge: number; expires?: Date }): void {
      reply.header('set-cookie', toLine(value, times))
      // A response that sets a cookie must not be cached by anyone (SECURITY rule 59).
      reply.header('cache-control', 'no-store')
    }
  },
  { name: 'session', dependencies: ['@fastify/cookie'] }
)

const CLEARED = { maxAge: 0, expires: new Date(0) }

/** A status poll does not keep a session alive (SECURITY rule 19). */
function isPoll(request: FastifyRequest): boolean {
  return (request.query as { slide?: unknown } | undefined)?.slide === 'false'
}
