import fp from 'fastify-plugin'

/**
 * Takes JSON bodies alone: every other type is 415 before any schema sees it (SECURITY rules 30 and 31). An empty body
 * counts as none.
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
