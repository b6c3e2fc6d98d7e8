import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import type { People } from '../../../src/people/people.ts'
import {
  AccountListSchema,
  AccountParams,
  AccountQuery,
  EventListSchema,
  EventsQuery,
  HandleParams,
  SessionListSchema,
  toAccountId
} from '../../people-schemas.ts'
import { NoContent, problems } from '../../schemas.ts'

/** Devices of oneself; for the owner everybody's, accounts, blocks and events (reference/http.md#people). */
export const peopleRoutes: FastifyPluginAsyncTypebox<{ people: People }> = async (fastify, { people }) => {
  const config = { guard: 'session', sameOrigin: 'unsafe', limit: 'account' } as const
  const asker = (request: FastifyRequest) => ({ session: request.requireSession().live.session })

  fastify.get(
    '/session/sessions',
    {
      config,
      schema: {
        tags: ['people'],
        summary: 'Where this account is signed in; for the owner everybody',
        querystring: AccountQuery,
        response: { 200: SessionListSchema, ...problems(400, 401, 429, 503) }
      }
    },
    async (request) => people.sessions(asker(request), toAccountId(request.query.account))
  )

  fastify.delete(
    '/session/sessions/:handle',
    {
      config,
      schema: {
        tags: ['people'],
        summary: 'End a session of this account; for the owner any',
        params: HandleParams,
        response: { 204: NoContent, ...problems(400, 401, 403, 404, 429, 503) }
      }
    },
    async (request, reply) => {
      const self = asker(request)
      const ended = await people.end(self, request.params.handle)
      if (ended.id === self.session.id) reply.clearSessionCookie()
      return reply.code(204).send(null)
    }
  )

  fastify.get(
    '/session/accounts',
    {
      config,
      schema: {
        tags: ['people'],
        summary: 'The accounts that are signed in or blocked; owner only',
        response: { 200: AccountListSchema, ...problems(401, 403, 429, 503) }
      }
    },
    async (request) => ({ accounts: [...(await people.accounts(asker(request)))] })
  )

  fastify.delete(
    '/session/accounts/:id',
    {
      config,
      schema: {
        tags: ['people'],
        summary: 'End all sessions, app sign-ins and scoped tokens of an account; owner only',
        params: AccountParams,
        response: { 204: NoContent, ...problems(400, 401, 403, 429, 503) }
      }
    },
    async (request, reply) => {
      const self = asker(request)
      await people.endAccount(self, Number(request.params.id))
      if (Number(request.params.id) === self.session.account.id) reply.clearSessionCookie()
      return reply.code(204).send(null)
    }
  )

  fastify.put(
    '/session/accounts/:id/block',
    {
      config,
      schema: {
        tags: ['people'],
        summary: 'Block an account: it is out at once and cannot sign in; owner only',
        params: AccountParams,
        response: { 204: NoContent, ...problems(400, 401, 403, 429, 503) }
      }
    },
    async (request, reply) => {
      await people.block(asker(request), Number(request.params.id))
      return reply.code(204).send(null)
    }
  )

  fastify.delete(
    '/session/accounts/:id/block',
    {
      config,
      schema: {
        tags: ['people'],
        summary: 'Let a blocked account sign in again; owner only',
        params: AccountParams,
        response: { 204: NoContent, ...problems(400, 401, 403, 429, 503) }
      }
    },
    async (request, reply) => {
      await people.unblock(asker(request), Number(request.params.id))
      return reply.code(204).send(null)
    }
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
