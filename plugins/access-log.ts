import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Metrics } from '../src/observe/metrics.ts'
import type { WriteRequestLine } from '../src/observe/request-lines.ts'

export interface AccessLogOptions {
  readonly listener: 'public' | 'internal'
  readonly metrics: Pick<Metrics, 'requests' | 'requestSeconds'>
  readonly writeLine: WriteRequestLine
}

/**
 * One log line and two figures for every answer. The route template stands for the path: what a caller puts into
 * a URL can be a secret, and a label of its own for each would have no bound (SECURITY rule 67).
 */
export default fp<AccessLogOptions>(
  async (fastify, { listener, metrics, writeLine }) => {
    function tell(request: FastifyRequest, status: number, ms: number | null): void {
      const route = request.routeOptions.url ?? 'none'
      const method = KNOWN_METHODS.has(request.method) ? request.method : 'other'
      metrics.requests.inc({ listener, route, method, status })
      if (ms !== null) metrics.requestSeconds.observe({ listener, route }, ms / 1000)
      writeLine(request.id, method, route, status, ms)
    }

    fastify.addHook('onResponse', (request, reply, done) => {
      tell(request, reply.raw.statusCode, reply.elapsedTime)
      done()
    })
    // An answer that its client did not wait for has no onResponse, unless it was whole already.
    fastify.addHook('onRequestAbort', (request, done) => {
      tell(request, CLIENT_CLOSED, null)
      done()
    })
  },
  { name: 'access-log' }
)

/** nginx's number for an answer that its client did not wait for; never sent. */
const CLIENT_CLOSED = 499

const KNOWN_METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS'
])
