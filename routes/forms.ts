import type { FastifyInstance } from 'fastify'

/** Lets the routes of a scope take forms, as `read` understands them; what it throws refuses the request. */
export function parseForms(
  fastify: FastifyInstance,
  read: (text: string) => unknown = (text) => Object.fromEntries(new URLSearchParams(text))
): void {
  fastify.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => {
      try {
        done(null, read(body.toString()))
      } catch (error) {
        done(error as Error)
      }
    }
  )
}
