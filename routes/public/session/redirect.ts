import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Core } from '../../../src/app/core.ts'
import { Problem } from '../../../src/domain/problems.ts'
import type { PinOutcome, PinSignIns } from '../../../src/session/sign-in/pin-sign-ins.ts'
import { safeReturnTo } from '../../../src/session/sign-in/return-to.ts'
import type { SignIn } from '../../../src/session/sign-in/sign-in.ts'
import { problems } from '../../schemas.ts'
import { countFailure, countSuccess } from './pin.ts'

/** Between Plex's page sending the browser back and the claim being readable. */
const SECOND_LOOK_MS = 700

const Redirect = Type.Null({ description: 'Location leads on' })

/**
 * The redirect flow, which works without JavaScript: to Plex's page and back (reference/http.md#pin-sign-in).
 */
export const redirectRoutes: FastifyPluginAsyncTypebox<{ core: Core; pins: PinSignIns }> = async (
  fastify,
  options
) => {
  const { core, pins } = options
  const { publicUrl, allowedReturnOrigins } = core.config
  const config = {
    guard: { none: 'people come here to sign in' },
    sameOrigin: { off: 'Plex’s page is another site, and other sites link here; only navigations pass' },
    limit: 'address'
  } as const
  const signInPage = `${publicUrl.basePath}/signin`

  fastify.get(
    '/session/login',
    {
      config,
      errorHandler: showRateLimited,
      schema: {
        tags: ['session'],
        summary: 'Sign in on Plex’s own page',
        querystring: Type.Object({ returnTo: Type.Optional(Type.String({ maxLength: 2000 })) }),
        response: { 302: Redirect, ...problems(400, 403, 429) }
      }
    },
    async (request, reply) => {
      requireNavigation(request)
      const returnTo = request.query.returnTo ?? signInPage
      const safe = safeReturnTo(returnTo, publicUrl.origin, allowedReturnOrigins)
      if (safe === null) return reply.redirect(`${signInPage}?error=USHER_INVALID_REQUEST`, 302)
      // Link checkers ask by HEAD, and nobody would finish the sign-in that this starts.
      if (request.method === 'HEAD')
        return reply.redirect(`${signInPage}?returnTo=${encodeURIComponent(safe)}`, 302)
      try {
        const isOwn = fastify.crossSite.siteOf(request.headers) === 'own'
        await fastify.limiter.take(request, isOwn ? 'pin_address' : 'pin_unproven')
        const signIn = await pins.start({
          kind: 'redirect',
          returnTo: safe,
          device: request.findDevice(),
          before: request.findSignIn(),
          signedIn: request.readSession().open
        })
        reply.setSignIn(signIn)
        return reply.redirect(pins.toView(signIn).authUrl, 302)
      } catch (error) {
        return reply.redirect(
          `${signInPage}?error=${codeOf(error)}&returnTo=${encodeURIComponent(safe)}`,
          302
        )
      }
    }
  )

  fastify.get(
    '/session/callback',
    {
      config: {
        ...config,
        limit: { none: 'a sign-in of this browser is needed, and that bounds what plex.tv is asked' }
      },
      schema: {
        tags: ['session'],
        summary: 'Where Plex’s page sends the browser back to',
        querystring: Type.Object({ window: Type.Optional(Type.Unknown()) }),
        response: { 302: Redirect, ...problems(403) }
      }
    },
    async (request, reply) => {
      requireNavigation(request)
      const signIn = request.method === 'HEAD' ? null : request.findSignIn()
      if (signIn === null) {
        // A reload, the way back through the history, or the page beside was faster: there is nothing left to do.
        const ended = request.query.window === 'done' ? `${signInPage}?window=done` : signInPage
        const done = request.readSession().open
        return reply.redirect(done ? ended : `${signInPage}?error=USHER_PIN_UNKNOWN`, 302)
      }
      const again = `&returnTo=${encodeURIComponent(signIn.returnTo)}`
      try {
        const outcome = await finish(signIn)
        if (outcome.status === 'pending' || outcome.status === 'expired') {
          reply.clearSignIn()
          const code = outcome.status === 'pending' ? 'USHER_SIGNIN_CANCELLED' : 'USHER_PIN_UNKNOWN'
          return reply.redirect(`${signInPage}?error=${code}${again}`, 302)
        }
        await reply.startSession(outcome.session)
        reply.setDevice({
          clientIdentifier: signIn.clientIdentifier,
          knownAs: outcome.session.account.id,
          lentUntil: 0
        })
        reply.clearSignIn()
        countSuccess(core, request.id, outcome.session.account.id)
        // Checked once more where it is used: the list of origins may be another one by now.
        const target = safeReturnTo(signIn.returnTo, publicUrl.origin, allowedReturnOrigins)
        return reply.redirect(target ?? `${publicUrl.basePath}/`, 302)
      } catch (error) {
        countFailure(core, request.id, error)
        // A refusal ends the sign-in; after an outage the same one can be finished by a reload.
        if (error instanceof Problem && error.status === 403) reply.clearSignIn()
        return reply.redirect(`${signInPage}?error=${codeOf(error)}${again}`, 302)
      }
    }
  )

  /** A person who meets the general limit gets the page, not JSON. */
  function showRateLimited(error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    if (!(error instanceof Problem) || error.code !== 'USHER_RATE_LIMITED' || !isNavigation(request))
      throw error
    return reply
      .header('retry-after', String(error.retryAfter))
      .redirect(`${signInPage}?error=${error.code}`, 302)
  }

  async function finish(signIn: SignIn): Promise<PinOutcome> {
    const first = await pins.finish(signIn, { fresh: true })
    if (first.status !== 'pending') return first
    await delay(SECOND_LOOK_MS)
    return pins.finish(signIn, { fresh: true })
  }
}

/**
 * Robots, prefetches, images and scripts make no PIN: with Fetch Metadata only the navigation of a whole window does. Its
 * destination is `empty` where a service worker fetches for it.
 */
function requireNavigation(request: FastifyRequest): void {
  if (!isNavigation(request))
    throw new Problem('USHER_CROSS_SITE', { detail: 'This path is for navigations only.' })
}

function isNavigation({ headers }: FastifyRequest): boolean {
  const mode = headers['sec-fetch-mode']
  const dest = headers['sec-fetch-dest']
  const site = headers['sec-fetch-site']
  const hasMetadata = mode !== undefined || dest !== undefined || site !== undefined
  if (headers['sec-purpose'] !== undefined || headers['purpose'] === 'prefetch') return false
  return hasMetadata
    ? mode === 'navigate' && (dest === 'document' || dest === 'empty')
    : mayWantPage(headers.accept)
}

/** Browsers send no Fetch Metadata over plain HTTP: there images, styles and scripts that want data tell by Accept. */
function mayWantPage(accept = ''): boolean {
  return accept === '' || accept === '*/*' || /\b(?:text\/html|application\/xhtml\+xml)\b/i.test(accept)
}

function codeOf(error: unknown): string {
  return error instanceof Problem ? error.code : 'USHER_INTERNAL'
}
