import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Core } from '../../../src/core.ts'
import { Problem } from '../../../src/errors.ts'
import { openSession } from '../../../src/session/open-session.ts'
import { createPasswordGate } from '../../../src/session/password-gate.ts'
import { freeIdentifier } from '../../../src/session/sign-in.ts'
import { problems, SessionViewSchema } from '../../schemas.ts'

// Visible text without controls: what is built from it must not be able to carry a line break (SECURITY rule 48).
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
  { additionalProperties: false }
)

/** What counts against the limits of failures; an outage or a missing code does not. */
const FAILURES: readonly string[] = [
  'USHER_CREDENTIALS_REJECTED',
  'USHER_VERIFICATION_REJECTED',
  'USHER_EMAIL_REQUIRED'
]

/** `POST /session/login`: login and password, with a verification code where the account has two factors. */
export const loginRoute: FastifyPluginAsyncTypebox<{ core: Core }> = async (fastify, { core }) => {
  const { limiter } = fastify
  const gate = createPasswordGate(core.now)

  fastify.post(
    '/session/login',
    {
      config: { guard: 'none', sameOrigin: 'unsafe', limit: 'login_address' },
      schema: {
        tags: ['session'],
        summary: 'Sign in with login and password',
        body: Login,
        response: { 201: SessionViewSchema, ...problems(400, 401, 403, 415, 429, 502, 503, 504) }
      }
    },
    async (request, reply) => {
      const device = request.findDevice()
      const clientIdentifier = freeIdentifier(device, core.now())
      const login = request.body.login.trim().normalize('NFKC')
      await limiter.take(request, 'login_account', login.toLowerCase())
      const [limit, key] = device?.trusted
        ? (['login_device', device.clientIdentifier] as const)
        : (['login_global', 'all'] as const)
      try {
        const { account, token } = await gate.pass(async (others) => {
          // Inside, so that those who arrive in one moment see each other.
          await limiter.check(request, limit, key, others)
          return core.plexTv.signIn({ ...request.body, login }, clientIdentifier)
        }, `${limit} ${key}`)
        const session = await openSession(core, { account, token, clientIdentifier, method: 'password' })
        const view = reply.startSession(session)
        reply.setDevice({ clientIdentifier, trusted: true, lentUntil: 0 })
        core.metrics.signIns.inc({ method: 'password', result: 'ok' })
        request.log.info({ reqId: request.id, accountId: account.id, method: 'password' }, 'signed in')
        return reply.code(201).send(view)
      } catch (error) {
        const code = error instanceof Problem ? error.code : 'USHER_INTERNAL'
        core.metrics.signIns.inc({ method: 'password', result: code })
        request.log.info({ reqId: request.id, method: 'password', code }, 'sign-in failed')
        if (FAILURES.includes(code)) await limiter.count(request, limit, key)
        throw error
      }
    }
  )
}
