import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { NoContent } from './schemas.ts'

/** `GET /healthz`: 204 while the process lives; it asks nobody. */
export const healthRoute: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get(
    '/healthz',
    {
      config: { guard: 'none', sameOrigin: 'off', limit: 'none', host: 'any', browser: 'allowed' },
      schema: { tags: ['operations'], summary: 'Whether the process lives', response: { 204: NoContent } }
    },
    async (_request, reply) => reply.code(204).send(null)
  )
}
