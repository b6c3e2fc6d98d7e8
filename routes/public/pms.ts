import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problems } from '../schemas.ts'

/** The media server below /pms (reference/http.md#pms); what may be reached is the policy's business. */
export const pmsRoutes: FastifyPluginAsyncTypebox = async (fastify) => {
  // Bodies are streamed on, whatever their type.
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('*', (_request, _payload, done) => done(null))

  // The gate asks for session and origin itself: it also knows scoped tokens, and which GETs change something.
  const config = { guard: 'none', sameOrigin: 'off', limit: 'none' } as const
  const response = problems(400, 401, 403, 405, 429, 502, 503, 504)
  const schema = { tags: ['pms'], summary: 'The media server, without its token', response }
  for (const url of ['/pms', '/pms/*']) {
    fastify.all(url, { config, schema }, (_request, reply) => reply.forwardToMediaServer())
  }
}
