import type { FastifyInstance } from 'fastify'

/** Lets the routes of a scope take what a plain form of these pages sends. */
export function parseForms(fastify: FastifyInstance): void {
  fastify.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => {
      done(null, Object.fromEntries(new URLSearchParams(body.toString())))
    }
  )
}
