import fp from 'fastify-plugin'

/**
 * JSON bodies and nothing else: every other type is 415 before a schema is asked (SECURITY rules 30 and 31).
 * A body of no bytes counts as none, whatever its type says.
 */
export default fp(
  async (fastify) => {
    const parse = fastify.getDefaultJsonParser('error', 'error')
    fastify.removeAllContentTypeParsers()
    fastify.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
      if (body.length === 0) done(null, undefined)
      else void parse(request, body.toString(), done)
    })
  },
  { name: 'json-bodies' }
)
