import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problems } from '../schemas.ts'

/** The media server below /pms (reference/http.md#pms); the policy decides which paths pass. */
export const pmsRoutes: FastifyPluginAsyncTypebox = async (fastify) => {
  // Bodies are streamed through unparsed, whatever their type.
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('*', (_request, _payload, done) => done(null))

  const config = {
    guard: { none: 'the gate takes a session or a scoped token' },
    sameOrigin: { off: 'the gate checks it: only the policy knows which GETs change something' },
    limit: { none: 'the gate limits what each account has in flight' }
  } as const
  const response = problems(400, 401, 403, 405, 429, 502, 503, 504)
  const schema = { tags: ['pms'], summary: 'The media server, without its token', response }
  for (const url of ['/pms', '/pms/*']) {
    fastify.all(url, { config, schema }, (_request, reply) => reply.forwardToMediaServer())
  }
}
