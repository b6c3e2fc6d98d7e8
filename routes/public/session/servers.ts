import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { ServerChoice } from '../../../src/session/sign-in/server-choice.ts'
import { problems, SessionViewSchema } from '../../schemas.ts'

const ServerList = Type.Array(
  Type.Object({
    name: Type.String(),
    machineIdentifier: Type.String(),
    owned: Type.Boolean(),
    home: Type.Boolean(),
    presence: Type.Boolean(),
    selected: Type.Boolean(),
    connections: Type.Array(Type.Object({ uri: Type.String(), local: Type.Boolean(), relay: Type.Boolean() }))
  }),
  { title: 'ServerList' }
)

const Choice = Type.Object(
  { machineIdentifier: Type.String({ pattern: '^[A-Za-z0-9-]{8,64}$' }) },
  { title: 'ServerSelection', additionalProperties: false }
)

/** The servers of an account, and choosing one (reference/http.md#servers). */
export const serverRoutes: FastifyPluginAsyncTypebox<{ choice: ServerChoice }> = async (
  fastify,
  { choice }
) => {
  const config = { guard: 'session', sameOrigin: 'unsafe', limit: 'account' } as const

  fastify.get(
    '/session/servers',
    {
      config,
      schema: {
        tags: ['session'],
        summary: 'The media servers of this account',
        response: { 200: ServerList, ...problems(401, 429, 502, 503, 504) }
      }
    },
    async (request) => choice.list(request.requireSession().live.session)
  )

  fastify.put(
    '/session/server',
    {
      config,
      schema: {
        tags: ['session'],
        summary: 'Choose the media server of this session',
        body: Choice,
        response: { 200: SessionViewSchema, ...problems(400, 401, 403, 415, 429, 502, 503, 504) }
      }
    },
    async (request, reply) => {
      const { session } = request.requireSession().live
      return reply.startSession(await choice.choose(session, request.body.machineIdentifier))
    }
  )
}
