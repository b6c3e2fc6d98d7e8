import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Core } from '../../../src/app/core.ts'
import { Problem } from '../../../src/domain/problems.ts'
import { openSession } from '../../../src/session/sign-in/open-session.ts'
import { createPasswordGate } from '../../../src/session/sign-in/password-gate.ts'
import { type Device, freeIdentifier } from '../../../src/session/sign-in/sign-in.ts'
import { problems, SessionViewSchema } from '../../schemas.ts'

// Visible text without controls: what is built from it must not be able to carry a line break (SECURITY rule 48).
const TEXT = '^[^\\u0000-\\u001f\\u007f]*$'

/** What a name may be spelled with and without, and be the same to plex.tv for all that is known here. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}\s]/gu

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

/**
 * Whether plex.tv may have counted an attempt as a failed one: whatever it refused, in words known or not. A missing
 * code is none, for the password was right; past its own limits it counts no more.
 */
function isFailure(error: unknown): boolean {
  if (!(error instanceof Problem) || error.upstream === undefined || error.upstream.status >= 500)
    return false
  return error.code !== 'USHER_VERIFICATION_REQUIRED' && error.code !== 'USHER_PLEX_LIMITED'
}

/** `POST /session/login`: login and password, with a verification code where the account has two factors. */
export const loginRoute: FastifyPluginAsyncTypebox<{ core: Core }> = async (fastify, { core }) => {
  const { limiter } = fastify
  const gate = createPasswordGate(core.now)
  const underWay = new Set<string>()

  /**
   * Not the one that a session lives under or another sign-in may: plex.tv keeps one token per account and identifier,
   * and this one may yet fail after it was given a token (for an outage, say).
   */
  function identifierFor(request: FastifyRequest, device: Device | null): string {
    const isTaken = request.readSession().open || underWay.has(device?.clientIdentifier ?? '')
    return freeIdentifier(isTaken ? null : device, core.now())
  }

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
      // Not in onRequest: a page of another site could use up the ration of whoever looks at it.
      preParsing: async (request) => limiter.take(request, 'login_address')
    },
    async (request, reply) => {
      const device = request.findDevice()
      const clientIdentifier = identifierFor(request, device)
      const knownAs = device?.knownAs ?? null
      const login = request.body.login.trim().normalize('NFKC')
      // Whoever is known here counts apart from strangers, who could otherwise lock out anyone whose name they know.
      const name = `${knownAs === null ? '' : `${knownAs} `}${login.toLowerCase().replace(INVISIBLE, '')}`
      await limiter.take(request, 'login_account', name)
      const [limit, key] =
        knownAs === null ? (['login_global', 'all'] as const) : (['login_device', String(knownAs)] as const)
      underWay.add(clientIdentifier)
      try {
        const { account, token } = await gate.pass(async (others) => {
          // Inside, so that those who arrive in one moment see each other, and none slips in before it is counted.
          await limiter.check(request, limit, key, others)
          try {
            return await core.plexTv.signIn({ ...request.body, login }, clientIdentifier)
          } catch (error) {
            if (isFailure(error)) await limiter.count(request, limit, key)
            throw error
          }
        }, `${limit} ${key}`)
        const session = await openSession(core, { account, token, clientIdentifier, method: 'password' })
        const view = await reply.startSession(session)
        reply.setDevice({ clientIdentifier, knownAs: account.id, lentUntil: 0 })
        core.metrics.signIns.inc({ method: 'password', result: 'ok' })
        request.log.info({ reqId: request.id, accountId: account.id, method: 'password' }, 'signed in')
        return reply.code(201).send(view)
      } catch (error) {
        const code = error instanceof Problem ? error.code : 'USHER_INTERNAL'
        core.metrics.signIns.inc({ method: 'password', result: code })
        request.log.info({ reqId: request.id, method: 'password', code }, 'sign-in failed')
        throw error
      } finally {
        underWay.delete(clientIdentifier)
      }
    }
  )
}
