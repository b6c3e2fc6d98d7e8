import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Core } from '../../../src/app/core.ts'
import { Problem } from '../../../src/domain/problems.ts'
import type { PinSignIns } from '../../../src/session/sign-in/pin-sign-ins.ts'
import { safeReturnTo } from '../../../src/session/sign-in/return-to.ts'
import { NoContent, problems, SessionViewSchema } from '../../schemas.ts'

const PinRequest = Type.Union([
  Type.Null(),
  Type.Object(
    {
      returnTo: Type.Optional(Type.String({ maxLength: 2000 })),
      kind: Type.Optional(Type.Union([Type.Literal('redirect'), Type.Literal('link')]))
    },
    { additionalProperties: false }
  )
])

const PinViewSchema = Type.Object({
  authUrl: Type.String(),
  code: Type.String(),
  linkUrl: Type.String(),
  expiresAt: Type.String(),
  pollAfterMs: Type.Integer()
})

const PinStatus = Type.Object({
  status: Type.Union([Type.Literal('pending'), Type.Literal('signed-in'), Type.Literal('expired')]),
  pollAfterMs: Type.Optional(Type.Integer()),
  session: Type.Optional(SessionViewSchema)
})

/** `/session/pin`: the sign-in of popups, QR codes and televisions. The PIN belongs to the browser that asked for it. */
export const pinRoutes: FastifyPluginAsyncTypebox<{ core: Core; pins: PinSignIns }> = async (
  fastify,
  options
) => {
  const { core, pins } = options
  const { publicUrl, allowedReturnOrigins } = core.config
  const config = {
    guard: { none: 'people come here to sign in' },
    sameOrigin: 'unsafe',
    limit: 'address'
  } as const

  fastify.post(
    '/session/pin',
    {
      config,
      schema: {
        tags: ['session'],
        summary: 'Start a sign-in with a code',
        body: PinRequest,
        response: { 201: PinViewSchema, ...problems(400, 403, 415, 429, 502, 503, 504) }
      },
      preValidation: async (request) => {
        request.body ??= null
      }
    },
    async (request, reply) => {
      const { returnTo = `${publicUrl.basePath}/signin`, kind = 'redirect' } = request.body ?? {}
      const safe = safeReturnTo(returnTo, publicUrl.origin, allowedReturnOrigins)
      if (safe === null)
        throw new Problem('USHER_INVALID_REQUEST', { detail: 'This returnTo is not allowed.' })
      await fastify.limiter.take(request, 'pin_address')
      const signIn = await pins.start({
        kind,
        returnTo: safe,
        device: request.findDevice(),
        before: request.findSignIn(),
        signedIn: request.readSession().open
      })
      reply.setSignIn(signIn)
      return reply.code(201).send(pins.toView(signIn))
    }
  )

  fastify.get(
    '/session/pin',
    {
      config,
      schema: {
        tags: ['session'],
        summary: 'Whether the sign-in of this browser is done',
        response: { 200: PinStatus, ...problems(401, 403, 404, 429, 502, 503, 504) }
      }
    },
    async (request, reply) => {
      const signIn = request.findSignIn()
      if (signIn === null) throw new Problem('USHER_PIN_UNKNOWN')
      const outcome = await pins.finish(signIn).catch((error: unknown) => {
        countFailure(core, request.id, error)
        // A refusal ends the sign-in; an outage leaves it for the next poll.
        if (error instanceof Problem && error.status === 403) reply.clearSignIn()
        throw error
      })
      if (outcome.status === 'pending') return outcome
      reply.clearSignIn()
      if (outcome.status === 'expired') return outcome
      const session = await reply.startSession(outcome.session)
      reply.setDevice({
        clientIdentifier: signIn.clientIdentifier,
        knownAs: outcome.session.account.id,
        lentUntil: 0
      })
      countSuccess(core, request.id, outcome.session.account.id)
      return { status: 'signed-in' as const, session }
    }
  )

  fastify.delete(
    '/session/pin',
    {
      config,
      schema: {
        tags: ['session'],
        summary: 'Give the sign-in of this browser up',
        response: { 204: NoContent, ...problems(403, 429) }
      }
    },
    async (_request, reply) => {
      reply.clearSignIn()
      return reply.code(204).send(null)
    }
  )
}

export function countSuccess({ metrics, log }: Core, reqId: string, accountId: number): void {
  metrics.signIns.inc({ method: 'pin', result: 'ok' })
  log.info({ reqId, accountId, method: 'pin' }, 'signed in')
}

export function countFailure({ metrics, log }: Core, reqId: string, error: unknown): void {
  const code = error instanceof Problem ? error.code : 'USHER_INTERNAL'
  metrics.signIns.inc({ method: 'pin', result: code })
  log.info({ reqId, method: 'pin', code }, 'sign-in failed')
}
