import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Core } from '../../src/app/core.ts'
import { forOperators } from './route-rules.ts'

/** `GET /readyz` and `GET /metrics`, for orchestrators and operators. */
export const operationsRoutes: FastifyPluginAsyncTypebox<{ core: Core }> = async (fastify, { core }) => {
  fastify.get(
    '/readyz',
    {
      config: forOperators,
      schema: {
        tags: ['operations'],
        summary: 'Whether traffic should come here, a line per dependency',
        produces: ['text/plain'],
        response: { 200: Type.String(), 503: Type.String() }
      }
    },
    async (_request, reply) => {
      const { ready, dependencies } = await core.readiness()
      const lines = dependencies.map(({ name, state, lastSeen }) =>
        lastSeen === null ? `${name}: ${state}` : `${name}: ${state}, last seen ${lastSeen}`
      )
      reply.code(ready ? 200 : 503).type('text/plain; charset=utf-8')
      return `${[ready ? 'ready' : 'not ready', ...lines].join('\n')}\n`
    }
  )

  fastify.get(
    '/metrics',
    {
      config: forOperators,
      schema: { tags: ['operations'], summary: 'Prometheus text', response: { 200: Type.String() } }
    },
    async (_request, reply) => {
      reply.type(core.metrics.registry.contentType)
      return core.metrics.registry.metrics()
    }
  )
}
