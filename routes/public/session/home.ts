import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Core } from '../../../src/app/core.ts'
import { isTokenDead, Problem } from '../../../src/domain/problems.ts'
import type { HomeAdmin, Session } from '../../../src/session/session.ts'
import { openSession } from '../../../src/session/sign-in/open-session.ts'
import { problems, SessionViewSchema } from '../../schemas.ts'

const Profiles = Type.Object({
  users: Type.Array(
    Type.Object({
      uuid: Type.String(),
      title: Type.String(),
      thumb: Type.String(),
      admin: Type.Boolean(),
      restricted: Type.Boolean(),
      protected: Type.Boolean(),
      current: Type.Boolean()
    })
  )
})

const Switch = Type.Object(
  {
    uuid: Type.String({ pattern: '^[0-9a-f]{16,32}$' }),
    pin: Type.Optional(Type.String({ pattern: '^[0-9]{4,8}$' }))
  },
  { additionalProperties: false }
)

/** Plex Home: the profiles for a picker, and the switch to one of them. */
export const homeRoutes: FastifyPluginAsyncTypebox<{ core: Core }> = async (fastify, { core }) => {
  const { plexTv, metrics } = core
  const { basePath } = core.config.publicUrl
  const config = { guard: 'session', sameOrigin: 'unsafe', limit: 'account' } as const

  fastify.get(
    '/session/home',
    {
      config,
      schema: {
        tags: ['session'],
        summary: 'The profiles of this Plex Home',
        response: { 200: Profiles, ...problems(401, 429, 502, 503, 504) }
      }
    },
    async (request) => {
      const { session } = request.requireSession().live
      const opener = openerOf(session)
      const users = await asOpener(session, () => plexTv.homeUsers(opener.token, opener.clientIdentifier))
      return {
        users: users.map(({ uuid, title, thumb, admin, restricted, protected: isProtected }) => ({
          uuid,
          title,
          thumb: `${basePath}/plex${thumb}`,
          admin,
          restricted,
          protected: isProtected,
          current: uuid === session.account.uuid
        }))
      }
    }
  )

  fastify.post(
    '/session/home/switch',
    {
      config,
      schema: {
        tags: ['session'],
        summary: 'Become another profile of this Plex Home',
        body: Switch,
        response: { 201: SessionViewSchema, ...problems(400, 401, 403, 404, 415, 429, 502, 503, 504) }
      }
    },
    async (request, reply) => {
      const { session } = request.requireSession().live
      const opener = openerOf(session)
      const { uuid, pin } = request.body
      // By the Home and the profile, whoever asks from wherever: four digits are soon guessed.
      await fastify.limiter.take(request, 'home_switch', `${opener.uuid} ${uuid}`)
      try {
        // Asked again by openSession, and first of all here: an outage found out after the switch would cost the
        // token that plex.tv replaced by it.
        await Promise.all([
          core.machineId(),
          asOpener(session, () => plexTv.resources(opener.token, opener.clientIdentifier))
        ])
        const { account, token } = await asOpener(session, () =>
          plexTv.switchHomeUser(opener.token, opener.clientIdentifier, uuid, pin)
        )
        const switched = await openSession(core, {
          account,
          token,
          clientIdentifier: opener.clientIdentifier,
          method: 'home',
          // Back as oneself, the new token is the opener's own; plex.tv has replaced the old one.
          homeAdmin: account.uuid === opener.uuid ? null : opener
        })
        const view = await reply.startSession(switched)
        metrics.signIns.inc({ method: 'home', result: 'ok' })
        request.log.info({ reqId: request.id, accountId: account.id, method: 'home' }, 'signed in')
        return reply.code(201).send(view)
      } catch (error) {
        const code = error instanceof Problem ? error.code : 'USHER_INTERNAL'
        metrics.signIns.inc({ method: 'home', result: code })
        request.log.info(
          { reqId: request.id, accountId: session.account.id, method: 'home', code },
          'sign-in failed'
        )
        throw error
      }
    }
  )
}

/** Whose token opens the Home: the account that signed in, also after a switch to a managed profile. */
function openerOf(session: Session): HomeAdmin {
  const { account, accountToken, clientIdentifier } = session
  return (
    session.homeAdmin ?? { accountId: account.id, uuid: account.uuid, token: accountToken, clientIdentifier }
  )
}

/** A dead token of the opener is not this session's own: it goes on, and only the way to other profiles is closed. */
async function asOpener<T>(session: Session, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (!isTokenDead(error) || session.homeAdmin === null) throw error
    throw new Problem('USHER_SERVER_ACCESS_DENIED', {
      detail: 'The account that opened this Home was signed out at Plex. Sign in with it again.',
      cause: error
    })
  }
}
