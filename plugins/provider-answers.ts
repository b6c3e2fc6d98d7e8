import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../src/config/config.ts'
import { Problem } from '../src/domain/problems.ts'
import type { NextStep } from '../src/openid/interactions.ts'
import type { OpenId } from '../src/openid/openid.ts'
import type { Visit } from '../src/openid/visit.ts'
import { findCookie } from '../src/session/cookie/cookie.ts'
import type { SessionEnds } from '../src/session/end.ts'
import type { Standings } from '../src/session/standing.ts'
import { PROBLEM_TYPE, toBody } from './problems.ts'
import { fixedHeaders } from './security-headers.ts'

export interface ProviderAnswersOptions {
  readonly openId: Pick<OpenId, 'answer' | 'interactions'>
  readonly config: Pick<Config, 'publicUrl'>
  readonly standings: Pick<Standings, 'settle'>
  readonly sessionEnds: Pick<SessionEnds, 'end'>
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The next step of this browser in the interaction of an authorization request. */
    findNextStep(uid: string): Promise<NextStep>
  }
  interface FastifyReply {
    /** Lets the OpenID provider read the request and write the response; returns its status. */
    answerByProvider(cacheControl: string): Promise<number>
  }
}

/** Headers that could make the library use another address than USHER_PUBLIC_URL. */
const FORWARDED = /^(?:x-forwarded-.*|forwarded|x-original-.*|x-rewrite-.*)$/

/** For pages with a self-submitting form, the library adds the hash of its script to an otherwise empty source list. */
const POLICY = "default-src 'none'; script-src 'report-sample'; frame-ancestors 'none'"

/** Prepares requests for the OpenID provider, and adds to its responses what no hook can add. */
export default fp<ProviderAnswersOptions>(
  async (fastify, { openId, config, standings, sessionEnds }) => {
    const { basePath, origin, secure } = config.publicUrl
    const { host, protocol } = new URL(origin)
    const fixed = Object.entries({ ...fixedHeaders(secure), 'content-security-policy': POLICY })

    /** What apps' servers and caches ask for: a cookie counts for nothing there, and none is set. */
    function visitWithoutSession(request: FastifyRequest): Visit {
      return { requestId: request.id, read: null, standing: 'ended', signOut: () => '' }
    }

    async function visitOf(request: FastifyRequest, reply: FastifyReply): Promise<Visit> {
      const before = request.readSession()
      const standing = before.open ? await standings.settle(before.live) : 'ended'
      const read = openRead(request)
      return {
        requestId: request.id,
        read,
        standing,
        signOut() {
          if (read !== null) sessionEnds.end(read.live.session, 'logout')
          return reply.sessionCookieLine('cleared') ?? ''
        }
      }
    }

    function openRead(request: FastifyRequest): Visit['read'] {
      try {
        return request.requireSession()
      } catch (error) {
        if (error instanceof Problem) return null
        throw error
      }
    }

    /** The library builds every address from these headers and from its mount path. */
    function prepare(message: IncomingMessage): void {
      for (const name of Object.keys(message.headers)) if (FORWARDED.test(name)) delete message.headers[name]
      message.headers.host = host
      message.headers['x-forwarded-proto'] = protocol.slice(0, -1)
      const { url = '/' } = message
      Object.assign(message, { originalUrl: url, url: url.slice(basePath.length) })
    }

    fastify.decorateRequest('findNextStep', function (this: FastifyRequest, uid: string) {
      const { cookieName, next } = openId.interactions
      return next(uid, findCookie(this.raw.headers.cookie, cookieName), openRead(this)?.live.session ?? null)
    })

    fastify.decorateReply('answerByProvider', async function (this: FastifyReply, cacheControl: string) {
      const { request, raw } = this
      const isOfBrowser = request.routeOptions.config.host === undefined
      const visit = isOfBrowser ? await visitOf(request, this) : visitWithoutSession(request)
      const renewed = isOfBrowser ? this.sessionCookieLine('renewed') : null
      const { url } = request.raw
      const headers = { ...request.raw.headers }
      this.hijack()
      for (const [name, value] of fixed) raw.setHeader(name, value)
      raw.setHeader('cache-control', cacheControl)
      if (renewed !== null) raw.setHeader('set-cookie', renewed)
      prepare(request.raw)
      try {
        await openId.answer(request.raw, raw, visit)
      } catch (error) {
        request.log.error({ reqId: request.id, err: error }, 'request failed')
        fail(raw, request.id)
      } finally {
        // Restored for the access log.
        Object.assign(request.raw, { url, headers })
      }
      return raw.statusCode
    })
  },
  { name: 'provider-answers', dependencies: ['session'] }
)

/** Ends the response, whatever threw (SECURITY rule 87). */
function fail(raw: ServerResponse, requestId: string): void {
  if (raw.headersSent) {
    raw.destroy()
    return
  }
  const problem = new Problem('USHER_INTERNAL')
  raw.writeHead(problem.status, { 'content-type': PROBLEM_TYPE })
  raw.end(JSON.stringify(toBody(problem, requestId)))
}
