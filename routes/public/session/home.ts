import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { HomeSignIns } from '../../../src/session/sign-in/home-sign-ins.ts'
import { problems, SessionViewSchema } from '../../schemas.ts'
import { toAttempt } from './attempt.ts'

const Profiles = Type.Object(
  {
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
  },
  { title: 'ProfileList' }
)

const Switch = Type.Object(
  {
    uuid: Type.String({ pattern: '^[0-9a-f]{16,32}$' }),
    pin: Type.Optional(Type.String({ pattern: '^[0-9]{4,8}$' }))
  },
  { title: 'ProfileSwitch', additionalProperties: false }
)

/** Plex Home: the profiles for a picker, and switching to one. */
export const homeRoutes: FastifyPluginAsyncTypebox<{ signIns: HomeSignIns; basePath: string }> = async (
  fastify,
  { signIns, basePath }
) => {
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
      const users = await signIns.profiles(session)
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
      const { uuid, pin } = request.body
      const switched = await signIns.switchTo(session, uuid, pin, toAttempt(fastify, request))
      return reply.code(201).send(await reply.startSession(switched))
    }
  )
}
