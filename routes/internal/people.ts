import type { FastifyPluginAsync } from 'fastify'
import type { People } from '../../src/people/people.ts'
import { peopleRoutes } from '../people.ts'
import { problems } from '../schemas.ts'
import { forServices } from './route-rules.ts'

/** The sessions of everybody, for services with the grant `sessions` (reference/http.md#people). */
export const peopleServiceRoutes: FastifyPluginAsync<{ people: People }> = async (fastify, { people }) => {
  await fastify.register(
    peopleRoutes({
      people,
      at: '',
      config: { ...forServices, grant: 'sessions' },
      refusals: problems(403),
      asker: (request) => ({ service: request.requireService().id }),
      summaries: {
        sessions: 'Who is signed in',
        end: 'End a session',
        accounts: 'The accounts that are signed in or blocked',
        endAccount: 'End all sessions, app sign-ins and scoped tokens of an account',
        block: 'Block an account',
        unblock: 'Let a blocked account sign in again'
      }
    })
  )
}
