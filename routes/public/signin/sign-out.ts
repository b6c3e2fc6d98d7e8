import type { FastifyPluginAsync } from 'fastify'
import { Type } from 'typebox'
import type { Core } from '../../../src/app/core.ts'
import { parseForms } from '../../forms.ts'
import { problems } from '../../schemas.ts'
import { leave } from '../session/leave.ts'

export interface SignOutOptions {
  readonly core: Pick<Core, 'config' | 'sessionEnds' | 'signIns'>
}

/** Signing out by a plain form, which needs no script. */
export const signOut: FastifyPluginAsync<SignOutOptions> = async (fastify, { core }) => {
  const { basePath } = core.config.publicUrl
  parseForms(fastify)

  fastify.post<{ Body: Readonly<Record<string, unknown>> | undefined }>(
    '/signin/sign-out',
    {
      config: {
        guard: { none: 'signing out twice is no error' },
        sameOrigin: 'form',
        limit: 'account'
      },
      schema: {
        tags: ['signin'],
        summary: 'Sign out by the form of the page; `everywhere=yes`: on all devices',
        response: {
          303: Type.Null({ description: 'Location leads to the page' }),
          ...problems(403, 415, 429)
        }
      }
    },
    async (request, reply) => {
      leave(core, request, reply, request.body?.['everywhere'] === 'yes')
      return reply.redirect(`${basePath}/signin?out=1`, 303)
    }
  )
}
