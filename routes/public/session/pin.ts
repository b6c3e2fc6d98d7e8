import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Core } from '../../../src/app/core.ts'
import { Problem } from '../../../src/domain/problems.ts'
import { tokensOf } from '../../../src/session/session.ts'
import { signedInAs } from '../../../src/session/sign-in/device.ts'
import {
  SIGN_IN_KINDS,
  type SignIn,
  withoutSignIn,
  withSignIn
} from '../../../src/session/sign-in/sign-in.ts'
import { NoContent, problems, SessionViewSchema } from '../../schemas.ts'
import { toAttempt } from './attempt.ts'

const PinRequest = Type.Union([
  Type.Null(),
  Type.Object(
    {
      returnTo: Type.Optional(Type.String({ maxLength: 2000 })),
      kind: Type.Optional(Type.Enum([...SIGN_IN_KINDS]))
    },
    { additionalProperties: false }
  )
])

const PinViewSchema = Type.Object(
  {
    authUrl: Type.String(),
    code: Type.String(),
    linkUrl: Type.String(),
    expiresAt: Type.String(),
    pollAfterMs: Type.Integer()
  },
  { title: 'PinView' }
)

const PinStatus = Type.Object(
  {
    status: Type.Union([Type.Literal('pending'), Type.Literal('signed-in'), Type.Literal('expired')]),
    pollAfterMs: Type.Optional(Type.Integer()),
    session: Type.Optional(SessionViewSchema)
  },
  { title: 'PinStatus' }
)

const Kind = Type.Object({ kind: Type.Optional(Type.Enum([...SIGN_IN_KINDS])) })

/** `/session/pin`: sign-in by popup, QR code or TV. The PIN belongs to the browser that asked for it. */
export const pinRoutes: FastifyPluginAsyncTypebox<{
  core: Pick<Core, 'config' | 'findReturnTo' | 'signIns'>
}> = async (fastify, { core }) => {
  const { publicUrl } = core.config
  const pins = core.signIns.pin
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
      const safe = core.findReturnTo(returnTo)
      if (safe === null)
        throw new Problem('USHER_INVALID_REQUEST', { detail: 'This returnTo is not allowed.' })
      const signIns = request.findSignIns()
      const { signIn, view, device } = await pins.start(
        { kind, returnTo: safe, signIns },
        toAttempt(fastify, request)
      )
      reply.setSignIns(withSignIn(signIns, signIn))
      if (device !== null) reply.setDevice(device)
      return reply.code(201).send(view)
    }
  )

  fastify.get(
    '/session/pin',
    {
      config,
      schema: {
        tags: ['session'],
        summary: 'Whether a sign-in of this browser is done',
        querystring: Kind,
        response: { 200: PinStatus, ...problems(400, 401, 403, 404, 429, 502, 503, 504) }
      }
    },
    async (request, reply) => {
      const { kind } = request.query
      const all = request.findSignIns()
      const asked = all.filter((signIn) =>
        kind === undefined ? signIn.kind !== 'returned' : signIn.kind === kind
      )
      const attempt = toAttempt(fastify, request)
      let left = all
      let answer: { status: 'expired' } | { status: 'pending'; pollAfterMs: number } | null = null
      for (const signIn of asked) {
        const outcome = await pins.poll(signIn, attempt).catch((error: unknown) => {
          // A refusal ends the sign-in; an outage leaves it for the next poll.
          if (error instanceof Problem && error.status === 403) reply.setSignIns(withoutSignIn(left, signIn))
          throw error
        })
        if (outcome.status === 'pending') {
          answer = outcome
          continue
        }
        left = withoutSignIn(left, signIn)
        reply.setSignIns(left)
        if (outcome.status === 'signed-in') {
          const session = await reply.startSession(outcome.session)
          reply.setDevice(signedInAs(outcome.session.account.id, signIn.clientIdentifier))
          return { status: outcome.status, session }
        }
        if (outcome.status === 'expired') answer ??= outcome
      }
      if (answer === null) throw new Problem('USHER_PIN_UNKNOWN')
      return answer
    }
  )

  fastify.delete(
    '/session/pin',
    {
      config,
      schema: {
        tags: ['session'],
        summary: 'Give the sign-ins of this browser up, or those of one kind',
        querystring: Kind,
        response: { 204: NoContent, ...problems(400, 403, 429) }
      }
    },
    async (request, reply) => {
      const { kind } = request.query
      const read = request.readSession()
      const kept = read.open ? tokensOf(read.live.session) : []
      const left: SignIn[] = []
      for (const signIn of request.findSignIns()) {
        if (kind !== undefined && signIn.kind !== kind) left.push(signIn)
        else void pins.abandon(signIn, kept)
      }
      reply.setSignIns(left)
      return reply.code(204).send(null)
    }
  )
}
