import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Core } from '../../../src/app/core.ts'
import { Problem } from '../../../src/domain/problems.ts'
import { hasRole } from '../../../src/domain/roles.ts'
import { endCheckOf, toStandingProblem } from '../../../src/session/standing.ts'
import { NoContent, problems, SessionViewSchema } from '../../schemas.ts'
import { sourceMembers, viewSource } from '../../source-view.ts'
import { leave } from './leave.ts'

const Slide = Type.Object({ slide: Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')])) })
const Logout = Type.Union([
  Type.Null(),
  Type.Object({ everywhere: Type.Optional(Type.Boolean()) }, { additionalProperties: false })
])

const SourceView = Type.Object(sourceMembers, { title: 'SourceView' })

/** The session itself: its view, its account, signing out, and the owner's look-up of a source. */
export const sessionRoutes: FastifyPluginAsyncTypebox<{
  core: Pick<Core, 'config' | 'mediaServerOf' | 'plexTv' | 'sessionEnds' | 'signIns' | 'standings'>
}> = async (fastify, { core }) => {
  const { basePath } = core.config.publicUrl
  const config = { guard: 'session', sameOrigin: 'unsafe', limit: 'account' } as const

  fastify.get(
    '/session',
    {
      config,
      schema: {
        tags: ['session'],
        summary: 'The session of this browser',
        querystring: Slide,
        response: { 200: SessionViewSchema, ...problems(400, 401, 429) }
      }
    },
    async (request, reply) => reply.send(reply.viewSession(request.requireSession()))
  )

  fastify.get(
    '/session/account',
    {
      config,
      schema: {
        tags: ['session'],
        summary: 'The account as plex.tv describes it now, without secrets',
        response: {
          200: Type.Record(Type.String(), Type.Unknown()),
          ...problems(401, 429, 502, 503, 504)
        }
      }
    },
    async (request) => {
      const { accountToken, clientIdentifier } = request.requireSession().live.session
      const document = await core.plexTv.accountDocument(accountToken, clientIdentifier)
      return { ...document, thumb: `${basePath}/plex${document['thumb']}` }
    }
  )

  fastify.post(
    '/session/logout',
    {
      config: {
        guard: { none: 'signing out twice is no error' },
        sameOrigin: 'unsafe',
        limit: 'account'
      },
      schema: {
        tags: ['session'],
        summary: 'Sign out, here at once and at plex.tv as soon as it answers',
        body: Logout,
        response: { 204: NoContent, ...problems(400, 403, 415, 429) }
      },
      // A body is optional; the schema sees null without one.
      preValidation: async (request) => {
        request.body ??= null
      }
    },
    async (request, reply) => {
      leave(core, request, reply, request.body?.everywhere === true)
      return reply.code(204).send(null)
    }
  )

  fastify.get(
    '/session/source',
    {
      config,
      schema: {
        tags: ['session'],
        summary: 'Name and connections of a source that the media server knows; owner only',
        querystring: Type.Object({ source: Type.String({ minLength: 1, maxLength: 200 }) }),
        response: { 200: SourceView, ...problems(400, 401, 403, 404, 429, 502, 503, 504) }
      }
    },
    async (request) => {
      const { live } = request.requireSession()
      // The media server would still accept a token that plex.tv has revoked.
      const problem = toStandingProblem(await core.standings.settle(live))
      if (problem !== null) throw problem
      const { session } = live
      const mediaServer = core.mediaServerOf(session)
      if (!hasRole(session.role, 'owner') || session.serverToken === null || mediaServer === null) {
        throw new Problem('USHER_SERVER_ACCESS_DENIED')
      }
      const found = await mediaServer.source(
        request.query.source,
        session.serverToken,
        session.clientIdentifier,
        { findRefusal: endCheckOf(core.standings, live) }
      )
      return viewSource(found)
    }
  )
}
