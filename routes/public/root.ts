import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { Problem } from '../../src/domain/problems.ts'

export interface RootOptions {
  /** Where the public listener's paths begin, '' or '/x'. */
  readonly basePath: string
}

/** `GET /` leads from the public URL itself to the page. */
export const rootRoute: FastifyPluginAsyncTypebox<RootOptions> = async (fastify, { basePath }) => {
  // HEAD by name: Fastify derives none for the root of a prefix.
  fastify.route({
    method: ['GET', 'HEAD'],
    url: '/',
    config: {
      guard: { none: 'it says nothing but where the page is' },
      sameOrigin: { off: 'it changes nothing and reads no cookie' },
      limit: { none: 'it asks nothing of anybody' }
    },
    schema: {
      tags: ['signin'],
      summary: 'Leads to the sign-in page',
      response: { 302: Type.Null({ description: 'Location leads to the page' }) }
    },
    handler: async (request, reply) => {
      // The router also finds this route for `*`, and for a target in absolute form (SECURITY rule 37).
      if (request.raw.url?.startsWith('/') !== true) throw new Problem('USHER_NOT_FOUND')
      return reply.redirect(`${basePath}/signin`, 302)
    }
  })
}
