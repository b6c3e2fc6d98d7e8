import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import type { People } from '../../../src/people/people.ts'
import { peopleRoutes } from '../../people.ts'
import { EventListSchema, EventsQuery } from '../../people-schemas.ts'
import { problems } from '../../schemas.ts'

/** Devices of oneself; for the owner everybody's, accounts, blocks and events (reference/http.md#people). */
export const peopleSessionRoutes: FastifyPluginAsyncTypebox<{ people: People }> = async (
  fastify,
  { people }
) => {
  const config = { guard: 'session', sameOrigin: 'unsafe', limit: 'account' } as const
  const asker = (request: FastifyRequest) => ({ session: request.requireSession().live.session })

  await fastify.register(
    peopleRoutes({
      people,
      at: '/session',
      config,
      refusals: problems(429),
      asker,
      summaries: {
        sessions: 'Where this account is signed in; for the owner everybody',
        end: 'End a session of this account; for the owner any',
        accounts: 'The accounts that are signed in or blocked; owner only',
        endAccount: 'End all sessions, app sign-ins and scoped tokens of an account; owner only',
        block: 'Block an account: it is out at once and cannot sign in; owner only',
        unblock: 'Let a blocked account sign in again; owner only'
      },
      onEnd({ session }, reply, hasEnded) {
        if (hasEnded(session)) reply.clearSessionCookie()
      }
    })
  )

  fastify.get(
    '/session/events',
    {
      config,
      schema: {
        tags: ['people'],
        summary: 'Audit events, the newest first; owner only',
        querystring: EventsQuery,
        response: { 200: EventListSchema, ...problems(400, 401, 403, 429, 503) }
      }
    },
    async (request) => {
      const { events } = await people.events(asker(request), request.query.before)
      return { events: [...events] }
    }
  )
}
