import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { wantsPage } from '../src/domain/navigation.ts'
import { PROBLEMS, Problem, type ProblemCode } from '../src/domain/problems.ts'
import { addVary } from '../src/domain/vary.ts'
import { logRequestFailure } from '../src/observe/request-failures.ts'

export const PROBLEM_TYPE = 'application/problem+json'

/** RFC 9457 body of a problem (reference/http.md#problems). */
export interface ProblemBody {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ProblemCode
  readonly detail: string
  readonly requestId: string
  readonly upstream?: Problem['upstream']
}

/** The page of a problem: its own header fields, and the document. */
export type RenderProblem = (
  problem: Problem,
  request: Pick<FastifyRequest, 'id' | 'host' | 'headers'>
) => { readonly headers: Readonly<Record<string, string>>; readonly markup: string }

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `json`: the route's problems are no pages, not even where a person looks, for this reason. */
    problems?: { readonly json: string }
  }
}

export interface ProblemsOptions {
  /** Called for each problem that is answered. */
  readonly onProblem?: (code: ProblemCode) => void
  /** For a person's navigation; without it everybody gets JSON. */
  readonly render?: RenderProblem | null
}

/** Turns every failure into a problem of the closed list. The cause of an internal one is logged here, once. */
export default fp<ProblemsOptions>(
  async (fastify, { onProblem = () => undefined, render = null }) => {
    const methods = methodsByPath(fastify)

    function sendProblem(problem: Problem, request: FastifyRequest, reply: FastifyReply): FastifyReply {
      onProblem(problem.code)
      logRequestFailure(request.log, request.id, problem)
      if (problem.retryAfter !== undefined) reply.header('retry-after', String(problem.retryAfter))
      return writeProblem(problem, request, reply, render)
    }

    fastify.setErrorHandler((error, request, reply) => sendProblem(toProblem(error), request, reply))
    fastify.setNotFoundHandler((request, reply) => {
      // Fastify's default response repeats the URL, query included.
      const path = request.url.split('?', 1)[0] ?? ''
      const allowed = methods.get(path)
      if (allowed === undefined) return sendProblem(new Problem('USHER_NOT_FOUND'), request, reply)
      reply.header('allow', [...allowed].join(', '))
      return sendProblem(new Problem('USHER_METHOD_NOT_ALLOWED'), request, reply)
    })
  },
  { name: 'problems' }
)

/** Status and body. Which representation leaves is decided here and nowhere else (RFC 9110 §12.1). */
export function writeProblem(
  problem: Problem,
  request: FastifyRequest,
  reply: FastifyReply,
  render: RenderProblem | null
): FastifyReply {
  reply.code(problem.status)
  const isPage = render !== null && request.routeOptions.config.problems === undefined
  if (!isPage || !wantsPage(request.method, request.raw.headers))
    return reply.type(PROBLEM_TYPE).serializer(JSON.stringify).send(toBody(problem, request.id))
  const { headers, markup } = render(problem, request)
  const vary = addVary(reply.getHeader('vary'), ...NEGOTIATED)
  return reply.headers({ ...headers, vary }).send(markup)
}

const NEGOTIATED = ['Accept', 'Accept-Language', 'Sec-Fetch-Dest', 'Sec-Fetch-Mode']

export function toBody(problem: Problem, requestId: string): ProblemBody {
  return {
    type: `urn:usher:problem:${problem.code}`,
    title: problem.title,
    status: problem.status,
    code: problem.code,
    detail: problem.detail,
    requestId,
    ...(problem.upstream !== undefined && { upstream: problem.upstream })
  }
}

/** Fastify's own failures by code; what is neither ours nor known is internal. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof Error && error.name === 'StoreAway')
    return new Problem('USHER_UPSTREAM_UNREACHABLE', {
      detail: 'The store cannot be used now.',
      cause: error
    })
  const { code, statusCode, validation } = error as Partial<FastifyError>
  if (validation !== undefined)
    return new Problem('USHER_INVALID_REQUEST', { detail: describeValidation(validation) })
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return new Problem('USHER_UNSUPPORTED_MEDIA_TYPE')
  if (statusCode === 413)
    return new Problem('USHER_INVALID_REQUEST', { status: 413, detail: 'The body is too large.' })
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new Problem('USHER_INVALID_REQUEST')
  return new Problem('USHER_INTERNAL', { cause: error })
}

/** Names the member of the schema that failed, which is ours, and never what was sent. */
function describeValidation(validation: NonNullable<FastifyError['validation']>): string {
  const [first] = validation
  const member = first?.instancePath.replaceAll('/', '.').slice(1, 60)
  const missing = first?.params?.['missingProperty']
  if (typeof missing === 'string') return `The member ${missing} is missing.`
  if (first?.keyword === 'additionalProperties') return 'There is a member that this path does not take.'
  return member === undefined || member === ''
    ? PROBLEMS.USHER_INVALID_REQUEST.detail
    : `The member ${member} is not valid.`
}

/** Which methods each static path takes, gathered as the routes are added: the router itself only says "none". */
function methodsByPath(fastify: FastifyInstance): Map<string, Set<string>> {
  const methods = new Map<string, Set<string>>()
  fastify.addHook('onRoute', (route) => {
    const known = methods.get(route.url) ?? new Set<string>()
    for (const method of [route.method].flat()) known.add(method)
    methods.set(route.url, known)
  })
  return methods
}
