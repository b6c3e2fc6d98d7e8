import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { NoContent } from './schemas.ts'

/** `GET /healthz`: 204 while the process lives; it asks no dependency. */
export const healthRoute: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get(
    '/healthz',
    {
      config: {
        guard: { none: 'it says nothing but that the process lives' },
        sameOrigin: { off: 'it changes nothing and reads no cookie' },
        limit: { none: 'probes ask all the time' },
        host: { any: 'probes ask by address, or name no host at all' },
        browser: { allowed: 'an operator opens it in a browser' }
      },
      schema: { tags: ['operations'], summary: 'Whether the process lives', response: { 204: NoContent } }
    },
    async (_request, reply) => reply.code(204).send(null)
  )
}
