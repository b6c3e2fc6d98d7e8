import fp from 'fastify-plugin'
import { logRequestFailure } from '../src/observe/request-failures.ts'
import { toOAuthError } from '../src/tokens/oauth-error.ts'
import { toProblem } from './problems.ts'

/**
 * Every failure below the token endpoints as RFC 6749 §5.2 has it, in application/json because OAuth clients read
 * nothing else; the problem code is added as `code` (reference/http.md#token-exchange).
 */
export default fp(
  async (fastify) => {
    fastify.addHook('onSend', async (_request, reply) => {
      // RFC 6749 §5.1 asks for both, and clients of HTTP/1.0 caches still look for the second.
      reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' })
    })

    fastify.setErrorHandler((error, request, reply) => {
      const problem = toOAuthError(toProblem(error))
      logRequestFailure(request.log, request.id, problem)
      if (problem.retryAfter !== undefined) reply.header('retry-after', String(problem.retryAfter))
      return reply
        .code(problem.status)
        .type('application/json')
        .serializer(JSON.stringify)
        .send({ error: problem.error, error_description: problem.detail, code: problem.code })
    })
  },
  { name: 'oauth-errors' }
)
