import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import type { People } from '../../src/people/people.ts'
import {
  AccountListSchema,
  AccountParams,
  AccountQuery,
  HandleParams,
  SessionListSchema,
  toAccountId
} from '../people-schemas.ts'
import { NoContent, problems } from '../schemas.ts'
import { forServices } from './route-rules.ts'

/** The sessions of everybody, for services with the grant `sessions` (reference/http.md#people). */
export const peopleServiceRoutes: FastifyPluginAsyncTypebox<{ people: People }> = async (
  fastify,
  { people }
) => {
  const config = { ...forServices, grant: 'sessions' } as const
  const asker = (request: FastifyRequest) => ({ service: request.requireService().id })

  fastify.get(
    '/sessions',
    {
      config,
      schema: {
        tags: ['people'],
        summary: 'Who is signed in',
        querystring: AccountQuery,
        response: { 200: SessionListSchema, ...problems(400, 401, 403, 503) }
      }
    },
    async (request) => people.sessions(asker(request), toAccountId(request.query.account))
  )

  fastify.delete(
    '/sessions/:handle',
    {
      config,
      schema: {
        tags: ['people'],
        summary: 'End a session',
        params: HandleParams,
        response: { 204: NoContent, ...problems(400, 401, 403, 404, 503) }
      }
    },
    async (request, reply) => {
      await people.end(asker(request), request.params.handle)
      return reply.code(204).send(null)
    }
  )

  fastify.get(
    '/accounts',
    {
      config,
      schema: {
        tags: ['people'],
        summary: 'The accounts that are signed in or blocked',
        response: { 200: AccountListSchema, ...problems(401, 403, 503) }
      }
    },
    async (request) => ({ accounts: [...(await people.accounts(asker(request)))] })
  )

  fastify.delete(
    '/accounts/:id',
    {
      config,
      schema: {
        tags: ['people'],
        summary: 'End all sessions, app sign-ins and scoped tokens of an account',
        params: AccountParams,
        response: { 204: NoContent, ...problems(400, 401, 403, 503) }
      }
    },
    async (request, reply) => {
      await people.endAccount(asker(request), Number(request.params.id))
      return reply.code(204).send(null)
    }
  )

  fastify.put(
    '/accounts/:id/block',
    {
      config,
      schema: {
        tags: ['people'],
        summary: 'Block an account',
        params: AccountParams,
        response: { 204: NoContent, ...problems(400, 401, 403, 503) }
      }
    },
    async (request, reply) => {
      await people.block(asker(request), Number(request.params.id))
      return reply.code(204).send(null)
    }
  )

  fastify.delete(
    '/accounts/:id/block',
    {
      config,
      schema: {
        tags: ['people'],
        summary: 'Let a blocked account sign in again',
        params: AccountParams,
        response: { 204: NoContent, ...problems(400, 401, 403, 503) }
      }
    },
    async (request, reply) => {
      await people.unblock(asker(request), Number(request.params.id))
      return reply.code(204).send(null)
    }
  )
}
