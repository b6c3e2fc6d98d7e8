import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problems } from '../schemas.ts'

/** The few documents of plex.tv that a browser may read (reference/http.md#plex). */
export const plexRoutes: FastifyPluginAsyncTypebox = async (fastify) => {
  // Bodies are ignored: every method but GET and HEAD is 405, whatever it carries.
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('*', (_request, _payload, done) => done(null))

  fastify.all(
    '/plex/*',
    {
      config: { guard: 'session', sameOrigin: 'always', limit: 'account' },
      schema: {
        tags: ['plex'],
        summary: 'plex.tv, read-only and without tokens',
        response: problems(400, 401, 403, 404, 405, 429, 502, 503, 504)
      }
    },
    (_request, reply) => reply.forwardToPlexTv()
  )
}
