import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyContextConfig, FastifyReply, FastifyRequest } from 'fastify'
import type { Asker, People } from '../src/people/people.ts'
import type { Session } from '../src/session/session.ts'
import {
  AccountListSchema,
  AccountParams,
  AccountQuery,
  HandleParams,
  SessionListSchema,
  toAccountId
} from './people-schemas.ts'
import { NoContent, type ProblemSchema, problems } from './schemas.ts'

export interface PeopleRoutesOptions<A extends Asker> {
  readonly people: People
  /** Where the paths begin. */
  readonly at: '' | '/session'
  /** Of each route: its guard, same-origin mode and limit. */
  readonly config: FastifyContextConfig
  /** What the guard and the limit of each route answer, besides what all of them do. */
  readonly refusals: Partial<Record<403 | 429, typeof ProblemSchema>>
  readonly asker: (request: FastifyRequest) => A
  readonly summaries: Readonly<
    Record<'sessions' | 'end' | 'accounts' | 'endAccount' | 'block' | 'unblock', string>
  >
  /** Called when sessions have ended; the one that asks may be among them. */
  readonly onEnd?: (self: A, reply: FastifyReply, hasEnded: (session: Session) => boolean) => void
}

/** Sessions, accounts and blocks, for browsers and for services (reference/http.md#people). */
export function peopleRoutes<A extends Asker>(options: PeopleRoutesOptions<A>): FastifyPluginAsyncTypebox {
  const { people, at, config, refusals, asker, summaries, onEnd } = options
  const tags = ['people']
  const ofAccount = (summary: string) => ({
    config,
    schema: {
      tags,
      summary,
      params: AccountParams,
      response: { 204: NoContent, ...problems(400, 401, 403, 503), ...refusals }
    }
  })

  return async (fastify) => {
    fastify.get(
      `${at}/sessions`,
      {
        config,
        schema: {
          tags,
          summary: summaries.sessions,
          querystring: AccountQuery,
          response: { 200: SessionListSchema, ...problems(400, 401, 503), ...refusals }
        }
      },
      async (request) => people.sessions(asker(request), toAccountId(request.query.account))
    )

    fastify.delete(
      `${at}/sessions/:handle`,
      {
        config,
        schema: {
          tags,
          summary: summaries.end,
          params: HandleParams,
          response: { 204: NoContent, ...problems(400, 401, 403, 404, 503), ...refusals }
        }
      },
      async (request, reply) => {
        const self = asker(request)
        const ended = await people.end(self, request.params.handle)
        onEnd?.(self, reply, ({ id }) => id === ended.id)
        return reply.code(204).send(null)
      }
    )

    fastify.get(
      `${at}/accounts`,
      {
        config,
        schema: {
          tags,
          summary: summaries.accounts,
          response: { 200: AccountListSchema, ...problems(401, 403, 503), ...refusals }
        }
      },
      async (request) => ({ accounts: [...(await people.accounts(asker(request)))] })
    )

    fastify.delete(`${at}/accounts/:id`, ofAccount(summaries.endAccount), async (request, reply) => {
      const self = asker(request)
      const accountId = Number(request.params.id)
      await people.endAccount(self, accountId)
      onEnd?.(self, reply, ({ account }) => account.id === accountId)
      return reply.code(204).send(null)
    })

    fastify.put(`${at}/accounts/:id/block`, ofAccount(summaries.block), async (request, reply) => {
      await people.block(asker(request), Number(request.params.id))
      return reply.code(204).send(null)
    })

    fastify.delete(`${at}/accounts/:id/block`, ofAccount(summaries.unblock), async (request, reply) => {
      await people.unblock(asker(request), Number(request.params.id))
      return reply.code(204).send(null)
    })
  }
}
