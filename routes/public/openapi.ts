import type { FastifyPluginAsync } from 'fastify'

const MAX_AGE_S = 3600

/** `GET /openapi.json`: the public listener's own document, for those who write a frontend. It names no secret. */
export const openApiRoute: FastifyPluginAsync = async (fastify) => {
  // One buffer, so that it is compressed once.
  let text: Buffer | null = null
  fastify.get(
    '/openapi.json',
    {
      config: {
        guard: { none: 'it describes what anybody may try' },
        sameOrigin: { off: 'it changes nothing and reads no cookie' },
        limit: 'address'
      },
      schema: { hide: true }
    },
    async (_request, reply) => {
      text ??= Buffer.from(JSON.stringify(fastify.swagger()))
      return reply.type('application/json').header('cache-control', `public, max-age=${MAX_AGE_S}`).send(text)
    }
  )
}
