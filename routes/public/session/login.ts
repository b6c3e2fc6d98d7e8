import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { signedInAs } from '../../../src/session/sign-in/device.ts'
import type { PasswordSignIns } from '../../../src/session/sign-in/password-sign-ins.ts'
import { problems, SessionViewSchema } from '../../schemas.ts'
import { toAttempt } from './attempt.ts'

// Visible text without controls, so that nothing built from it can carry a line break (SECURITY rule 48).
const TEXT = '^[^\\u0000-\\u001f\\u007f]*$'

const Login = Type.Object(
  {
    login: Type.String({ minLength: 1, maxLength: 254, pattern: TEXT }),
    password: Type.String({ minLength: 1, maxLength: 512, pattern: TEXT }),
    verificationCode: Type.Optional(
      Type.String({ minLength: 1, maxLength: 32, pattern: '^[A-Za-z0-9 -]+$' })
    ),
    rememberMe: Type.Optional(Type.Boolean())
  },
  { title: 'PasswordLogin', additionalProperties: false }
)

/** `POST /session/login`: login and password, with a verification code if the account uses two factors. */
export const loginRoute: FastifyPluginAsyncTypebox<{ signIns: PasswordSignIns }> = async (
  fastify,
  { signIns }
) => {
  const { limiter } = fastify
  fastify.post(
    '/session/login',
    {
      config: { guard: { none: 'people come here to sign in' }, sameOrigin: 'unsafe', limit: 'address' },
      schema: {
        tags: ['session'],
        summary: 'Sign in with login and password',
        body: Login,
        response: { 201: SessionViewSchema, ...problems(400, 401, 403, 415, 429, 502, 503, 504) }
      },
      // Not in onRequest, where a page of another site could use up its visitors' limit.
      preParsing: async (request) => limiter.take(request, 'login_address')
    },
    async (request, reply) => {
      const session = await signIns.signIn(request.body, toAttempt(fastify, request))
      const view = await reply.startSession(session)
      reply.setDevice(signedInAs(session.account.id, session.clientIdentifier))
      return reply.code(201).send(view)
    }
  )
}
