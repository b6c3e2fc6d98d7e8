import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Attempt } from '../../../src/session/sign-in/attempt.ts'

/** The sign-in that a request attempts, in the form that the services below the routes use: without HTTP. */
export function toAttempt({ limiter }: Pick<FastifyInstance, 'limiter'>, request: FastifyRequest): Attempt {
  return {
    requestId: request.id,
    address: request.ip,
    device: request.findDevice(),
    signedIn: request.readSession().open,
    rations: {
      take: (name, key) => limiter.take(request, name, key),
      check: (name, key, inFlight) => limiter.check(request, name, key, inFlight),
      count: (name, key) => limiter.count(request, name, key)
    }
  }
}
