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
 * One log line and two metrics for every response. They name the route template instead of the path: a URL can hold a
 * secret, and a label for each path would be unbounded (SECURITY rule 67).
 */
export default fp<AccessLogOptions>(
  async (fastify, { listener, metrics, writeLine }) => {
    function record(request: FastifyRequest, status: number, ms: number | null): void {
      const route = request.routeOptions.url ?? 'none'
      const method = KNOWN_METHODS.has(request.method) ? request.method : 'other'
      metrics.requests.inc({ listener, route, method, status })
      if (ms !== null) metrics.requestSeconds.observe({ listener, route }, ms / 1000)
      writeLine(request.id, method, route, status, ms)
    }

    fastify.addHook('onResponse', (request, reply, done) => {
      record(request, reply.raw.statusCode, reply.elapsedTime)
      done()
    })
    // There is no onResponse for a client that left before the whole response was written.
    fastify.addHook('onRequestAbort', (request, done) => {
      record(request, CLIENT_CLOSED, null)
      done()
    })
  },
  { name: 'access-log' }
)

/** nginx's status for a client that left before the response; never sent. */
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
