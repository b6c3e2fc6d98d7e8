import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Core } from '../../../src/app/core.ts'
import { Problem } from '../../../src/domain/problems.ts'
import { tokensOf } from '../../../src/session/session.ts'
import { signedInAs } from '../../../src/session/sign-in/device.ts'
import { type Flow, toSignIn } from '../../../src/session/sign-in/flow.ts'
import { type SignIn, withoutSignIn, withReturned, withSignIn } from '../../../src/session/sign-in/sign-in.ts'
import { problems } from '../../schemas.ts'
import { toAttempt } from './attempt.ts'

const Redirect = Type.Null({ description: 'Location leads on' })

/**
 * The redirect flow, which works without JavaScript: to Plex's page and back (reference/http.md#pin-sign-in).
 */
export const redirectRoutes: FastifyPluginAsyncTypebox<{
  core: Pick<Core, 'config' | 'findReturnTo' | 'now' | 'signIns'>
}> = async (fastify, { core }) => {
  const pins = core.signIns.pin
  const { publicUrl } = core.config
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
      const safe = core.findReturnTo(returnTo)
      if (safe === null) return reply.redirect(`${signInPage}?error=USHER_INVALID_REQUEST`, 302)
      // Link checkers send HEAD, and nobody would finish the sign-in that this starts.
      if (request.method === 'HEAD')
        return reply.redirect(`${signInPage}?returnTo=${encodeURIComponent(safe)}`, 302)
      try {
        const isOwn = fastify.crossSite.siteOf(request.headers) === 'own'
        const ration = isOwn ? 'pin_address' : 'pin_unproven'
        const signIns = request.findSignIns()
        const attempt = toAttempt(fastify, request)
        const { signIn, view, device } = await pins.start(
          { kind: 'redirect', returnTo: safe, signIns, ration },
          attempt
        )
        reply.setSignIns(withSignIn(signIns, signIn))
        if (device !== null) reply.setDevice(device)
        return reply.redirect(view.authUrl, 302)
      } catch (error) {
        return reply.redirect(`${signInPage}?${fastify.refusalQuery(error, safe)}`, 302)
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
        querystring: Type.Object({ flow: Type.Optional(Type.Unknown()) }),
        response: { 302: Redirect, ...problems(403) }
      }
    },
    async (request, reply) => {
      requireNavigation(request)
      const flow = pins.findFlow(request.query.flow)
      const signIns = request.findSignIns()
      const signIn = findSignIn(request, flow)
      // Checked again where it is used: the list of origins may have changed.
      const wanted = flow?.returnTo ?? signIn?.returnTo
      const target = core.findReturnTo(wanted)
      const read = request.readSession()
      const goOn = () => reply.redirect(target ?? signInPage, 302)
      const tell = (problem: unknown) =>
        reply.redirect(`${signInPage}?${fastify.refusalQuery(problem, target)}`, 302)
      if (signIn === undefined) {
        if (flow !== null && request.method !== 'HEAD')
          void pins.abandon(flow, read.open ? tokensOf(read.live.session) : [])
        // A reload, a step back in the history, or the other page was faster: nothing is left to do.
        return read.open ? goOn() : tell(new Problem('USHER_PIN_UNKNOWN'))
      }
      const others = withoutSignIn(signIns, signIn)
      try {
        const outcome = await pins.comeBack(signIn, toAttempt(fastify, request))
        if (outcome.status === 'pending') {
          reply.setSignIns(withReturned(signIns, signIn))
          if (signIn.tabs <= 1) void pins.abandon(signIn, [])
          return tell('USHER_SIGNIN_CANCELLED')
        }
        reply.setSignIns(others)
        if (outcome.status === 'spent' && read.open) return goOn()
        if (outcome.status !== 'signed-in') return tell(new Problem('USHER_PIN_UNKNOWN'))
        await reply.startSession(outcome.session)
        reply.setDevice(signedInAs(outcome.session.account.id, signIn.clientIdentifier))
        return goOn()
      } catch (error) {
        // A refusal ends the sign-in; after an outage the same one can be finished by a reload.
        if (error instanceof Problem && error.status === 403) reply.setSignIns(others)
        return tell(error)
      }
    }
  )

  /** The sign-in that a callback ends; one without a flow was begun by an earlier release. */
  function findSignIn(request: FastifyRequest, flow: Flow | null): SignIn | undefined {
    // A link checker's HEAD ends none.
    if (request.method === 'HEAD') return undefined
    const signIns = request.findSignIns()
    if (flow === null)
      return signIns.find(({ kind }) => kind === 'redirect') ?? signIns.find(({ kind }) => kind === 'link')
    const known = signIns.find(({ pinId }) => pinId === flow.pinId)
    return known ?? toSignIn(flow, request.findDevice(), core.now())
  }

  /** A person who exceeds the general limit gets the page, not JSON. */
  function showRateLimited(error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    if (!(error instanceof Problem) || error.code !== 'USHER_RATE_LIMITED' || !isNavigation(request))
      throw error
    return reply
      .header('retry-after', String(error.retryAfter))
      .redirect(`${signInPage}?error=${error.code}`, 302)
  }
}

/**
 * Robots, prefetches, images and scripts create no PIN: with Fetch Metadata, only the navigation of a whole window
 * does. Its destination is `empty` if a service worker fetches it.
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

/** Browsers send no Fetch Metadata over plain HTTP. There, Accept shows images, styles and scripts that fetch data. */
function mayWantPage(accept = ''): boolean {
  return accept === '' || accept === '*/*' || /\b(?:text\/html|application\/xhtml\+xml)\b/i.test(accept)
}
