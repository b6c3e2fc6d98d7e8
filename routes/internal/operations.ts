import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Metrics } from '../../src/observe/metrics.ts'
import type { Readiness } from '../../src/observe/readiness.ts'
import { forOperators } from './route-rules.ts'

export interface OperationsOptions {
  readonly readiness: () => Promise<Readiness>
  readonly metrics: Pick<Metrics, 'registry'>
}

/** `GET /readyz` and `GET /metrics`, for orchestrators and operators. */
export const operationsRoutes: FastifyPluginAsyncTypebox<OperationsOptions> = async (fastify, options) => {
  const { readiness, metrics } = options

  fastify.get(
    '/readyz',
    {
      config: forOperators,
      schema: {
        tags: ['operations'],
        summary: 'Whether this instance can take traffic, one line for each dependency',
        produces: ['text/plain'],
        response: { 200: Type.String(), 503: Type.String() }
      }
    },
    async (_request, reply) => {
      const { ready, dependencies } = await readiness()
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
      reply.type(metrics.registry.contentType)
      return metrics.registry.metrics()
    }
  )
}
