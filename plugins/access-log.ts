import fp from 'fastify-plugin'
import type { Metrics } from '../src/metrics.ts'

export interface AccessLogOptions {
  readonly listener: 'public' | 'internal'
  readonly metrics: Pick<Metrics, 'requests' | 'requestSeconds'>
}

/**
 * One log line and two figures for every answer. The route template stands for the path: what a caller puts into
 * a URL can be a secret, and a label of its own for each would have no bound (SECURITY rule 67).
 */
export default fp<AccessLogOptions>(
  async (fastify, { listener, metrics }) => {
    fastify.addHook('onResponse', (request, reply, done) => {
      const route = request.routeOptions.url ?? 'none'
      const { method } = request
      const status = reply.raw.statusCode
      const ms = reply.elapsedTime
      metrics.requests.inc({ listener, route, method: KNOWN_METHODS.has(method) ? method : 'other', status })
      metrics.requestSeconds.observe({ listener, route }, ms / 1000)
      request.log.info({ reqId: request.id, method, route, status, ms: Math.round(ms * 10) / 10 }, 'request')
      done()
    })
  },
  { name: 'access-log' }
)

const KNOWN_METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS'
])
