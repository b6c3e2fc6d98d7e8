import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { isTokenDead, Problem } from '../src/domain/problems.ts'
import type { Recheck } from '../src/session/check/recheck.ts'
import type { CookieAttributes, CookieNames } from '../src/session/cookie/cookie.ts'
import type { OpenSession, SessionRead, Sessions } from '../src/session/cookie/sessions.ts'
import type { LiveSession } from '../src/session/live/live-sessions.ts'
import type { Session, SessionView } from '../src/session/session.ts'
import { toView } from '../src/session/session.ts'
import { type SignOuts, signOutHomeAdmin, signOutSession } from '../src/session/sign-outs.ts'

/** Why a session ended; labels of a metric. */
export type EndReason =
  | 'logout'
  | 'logout_everywhere'
  | 'replaced'
  | 'switched'
  | 'token_dead'
  | 'access_lost'

export interface SessionPluginOptions {
  readonly sessions: Sessions
  readonly recheck: Recheck
  readonly signOuts: SignOuts
  readonly names: CookieNames
  readonly attributes: CookieAttributes
  readonly sessionMaxMs: number
  readonly basePath: string
  readonly onEnd: (session: Session, reason: EndReason) => void
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who the cookie signs in; read once, then kept. */
    readSession(): SessionRead
    /** The open session; throws the problem that says why there is none. */
    requireSession(): OpenSession
  }
  interface FastifyReply {
    /**
     * Sets the cookie of a fresh session and ends the one that this browser had. On a route that takes an open
     * session the fresh one goes on from it: throws USHER_SESSION_REVOKED where that has ended meanwhile.
     */
    startSession(session: Session): SessionView
    /** Ends a session here at once and signs it out at plex.tv in the background. */
    endSession(session: Session, reason: EndReason): void
    clearSessionCookie(): void
    /** What the browser may know of a session. */
    viewSession(read: OpenSession): SessionView
  }
}

/** Sessions of browsers: reads the cookie, guards routes, writes, slides and clears it. The one place of Set-Cookie. */
export default fp<SessionPluginOptions>(
  async (fastify, options) => {
    const { sessions, recheck, signOuts, names, attributes, sessionMaxMs, basePath, onEnd } = options
    const maxAge = Math.floor(sessionMaxMs / 1000)
    const reads = new WeakMap<FastifyRequest, SessionRead>()
    /** Replies that already decided about the cookie; it does not slide then. */
    const decided = new WeakSet<FastifyReply>()
    /** Sessions whose browser went on with another: a second switch beside the first is no sign-in after a logout. */
    const succeeded = new WeakSet<LiveSession>()

    fastify.decorateRequest('readSession', function (this: FastifyRequest) {
      const known = reads.get(this)
      if (known !== undefined) return known
      const read = sessions.read(this.raw.headers.cookie)
      reads.set(this, read)
      return read
    })

    fastify.decorateRequest('requireSession', function (this: FastifyRequest) {
      const read = this.readSession()
      if (!read.open) throw new Problem(read.code)
      if (sessions.hasEnded(read)) throw new Problem('USHER_SESSION_REVOKED')
      return read
    })

    fastify.decorateReply('clearSessionCookie', function (this: FastifyReply) {
      decided.add(this)
      this.clearCookie(names.session, attributes)
    })

    fastify.decorateReply('viewSession', function (this: FastifyReply, read: OpenSession) {
      // First the renewal, so that the view tells the limits of the value that is being set.
      if (!isPoll(this.request)) sessions.renew(read)
      return toView(read.live.session, read.live.stale, basePath)
    })

    fastify.decorateReply('endSession', (session: Session, reason: EndReason) => {
      sessions.end(session)
      signOutSession(signOuts, session)
      onEnd(session, reason)
    })

    fastify.decorateReply('startSession', function (this: FastifyReply, session: Session) {
      const before = this.request.readSession()
      const hasEnded = before.open && sessions.hasEnded(before)
      if (hasEnded && this.request.routeOptions.config.guard === 'session' && !succeeded.has(before.live)) {
        // Signed out while it was being switched: what comes of it must not live on (SECURITY rule 20).
        if (session.accountToken !== before.live.session.accountToken)
          signOuts.add(session.accountToken, session.clientIdentifier)
        throw new Problem('USHER_SESSION_REVOKED')
      }
      let value: string
      try {
        value = sessions.seal(session)
      } catch (error) {
        // Not the token that the session before goes on with: it may only have chosen another server.
        const kept = before.open ? [before.live.session.accountToken] : []
        if (!kept.includes(session.accountToken)) signOuts.add(session.accountToken, session.clientIdentifier)
        throw new Problem('USHER_UPSTREAM_INVALID', {
          detail: 'The session is too large for a cookie.',
          cause: error
        })
      }
      if (before.open && !hasEnded) {
        succeeded.add(before.live)
        replace(before.live.session, session)
      }
      decided.add(this)
      // Known from its start, so that "everywhere" finds it.
      sessions.live.of(session)
      this.setCookie(names.session, value, { ...attributes, maxAge })
      return toView(session, false, basePath)
    })

    /** Ends the session that this browser had. A token of the same (account, client) pair is the new one's own. */
    function replace(before: Session, after: Session): void {
      sessions.end(before)
      onEnd(before, after.method === 'home' ? 'switched' : 'replaced')
      const kept = [after.accountToken, after.homeAdmin?.token]
      const replacedAtPlex =
        before.account.id === after.account.id && before.clientIdentifier === after.clientIdentifier
      if (!replacedAtPlex && !kept.includes(before.accountToken)) {
        signOuts.add(before.accountToken, before.clientIdentifier)
      }
      const admin = before.homeAdmin
      if (admin !== null && !kept.includes(admin.token)) signOuts.add(admin.token, admin.clientIdentifier)
    }

    // preParsing: after the rate limiter, which counts in onRequest, and before the body is read.
    // With a callback: an async hook would cost every forwarded request a promise.
    fastify.addHook('preParsing', (request, _reply, payload, done) => {
      if (request.routeOptions.config.guard !== 'session') return done(null, payload)
      const read = request.readSession()
      if (!read.open) return done(new Problem(read.code))
      const { live } = read
      const waits = recheck.isPastGrace(live) ? !recheck.hasJustFailed(live) : recheck.isUnproven(live)
      if (!waits) return done(null, payload)
      void recheck.run(live).then(() => {
        // The check may have ended it.
        reads.delete(request)
        const again = request.readSession()
        done(again.open ? null : new Problem(again.code), payload)
      })
    })

    // plex.tv said that the session's own token is dead; an outage never comes this way.
    fastify.addHook('onError', async (request, reply, error) => {
      const read = reads.get(request)
      if (request.routeOptions.config.guard !== 'session' || !read?.open || !isTokenDead(error)) return
      if (sessions.hasEnded(read)) return // Otherwise meanwhile; a fresh one may have taken its place.
      sessions.end(read.live.session)
      signOutHomeAdmin(signOuts, read.live.session)
      onEnd(read.live.session, 'token_dead')
      reply.clearSessionCookie()
    })

    fastify.addHook('onSend', async (request, reply) => {
      if (decided.has(reply)) return
      const read = reads.get(request)
      if (read === undefined) return
      if (!read.open) {
        if (read.clear && reply.statusCode === 401) write(reply, '', { maxAge: 0, expires: new Date(0) })
        return
      }
      if (isPoll(request)) return
      const value = sessions.renew(read)
      if (value !== null) write(reply, value, { maxAge })
    })

    // Not setCookie: @fastify/cookie's own onSend, which has run by now, is what would write it.
    function write(reply: FastifyReply, value: string, times: { maxAge: number; expires?: Date }): void {
      reply.header('set-cookie', fastify.serializeCookie(names.session, value, { ...attributes, ...times }))
      // An answer that sets a cookie is in nobody's cache, whatever else it is (SECURITY rule 59).
      reply.header('cache-control', 'no-store')
    }
  },
  { name: 'session', dependencies: ['@fastify/cookie'] }
)

/** A status poll does not keep a session alive (SECURITY rule 19). */
function isPoll(request: FastifyRequest): boolean {
  return (request.query as { slide?: unknown } | undefined)?.slide === 'false'
}
