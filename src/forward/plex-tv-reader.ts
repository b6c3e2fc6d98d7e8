import type { FastifyReply } from 'fastify'
import type { Core } from '../app/core.ts'
import { Problem } from '../domain/problems.ts'
import { parseAnswer } from '../plex/answer.ts'
import { createDispatcher } from '../plex/dispatcher.ts'
import { identityHeaders } from '../plex/identity.ts'
import { toPlexProblem } from '../plex/plex-errors.ts'
import { createUpstream, type UpstreamAnswer } from '../plex/upstream.ts'
import { scrubBody } from '../scrub/scrubber.ts'
import { withoutSecrets } from './plex-document.ts'
import { readTarget } from './target.ts'

/**
 * Path to the query parameters that pass: the whole of what may be asked of plex.tv (reference/http.md#plex).
 */
const DOCUMENTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['/api/v2/user', []],
  ['/api/v2/resources', ['includeHttps', 'includeRelay', 'includeIPv6']],
  ['/api/v2/home/users', []],
  ['/api/v2/friends', []],
  ['/api/v2/ping', []]
])
const AVATAR = /^\/users\/[0-9a-z]{1,64}\/avatar$/i
const IMAGE = /^image\/(?:png|jpeg|gif|webp|avif)\b/i
const AVATAR_MAX_AGE_S = 3600
const PLEX_TIMEOUT_MS = 10_000
const CONNECT_TIMEOUT_MS = 5000

export interface PlexTvReader {
  /** Answers from plex.tv in the name of the request's session; throws the problem that says why not. */
  read(reply: FastifyReply): Promise<FastifyReply>
  close(): Promise<void>
}

/** The few documents of plex.tv that a browser may have, buffered and without secrets, and people's pictures. */
export function createPlexTvReader(core: Core): PlexTvReader {
  const { config, metrics } = core
  const mount = `${config.publicUrl.basePath}/plex`
  // A frontend on another origin of the same site shows pictures too.
  const embeddedBy = config.allowedOrigins.length > 0 ? 'same-site' : 'same-origin'
  // A pool of its own: browsers' wishes do not wait in front of sign-ins and re-checks.
  const dispatcher = createDispatcher({ connectTimeoutMs: CONNECT_TIMEOUT_MS })
  const upstream = createUpstream({
    service: 'plex.tv',
    origin: config.plexUrl,
    dispatcher,
    timeoutMs: Math.min(PLEX_TIMEOUT_MS, config.upstreamTimeoutMs),
    onOutcome: ({ outcome, seconds }) =>
      metrics.upstreamSeconds.observe({ upstream: 'plex.tv', outcome }, seconds)
  })

  async function read(reply: FastifyReply): Promise<FastifyReply> {
    const { request } = reply
    if (request.method !== 'GET') {
      reply.header('allow', 'GET')
      throw new Problem('USHER_METHOD_NOT_ALLOWED')
    }
    const target = readTarget(request.raw.url ?? '', mount)
    if (target === null) throw new Problem('USHER_INVALID_REQUEST')
    const { live } = request.requireSession()
    const { path } = target
    const identity = identityHeaders(config.client, live.session.clientIdentifier)
    if (AVATAR.test(path)) {
      const headers = { ...identity, Accept: 'image/*' }
      reply.header('cross-origin-resource-policy', embeddedBy)
      return picture(reply, await upstream.call({ method: 'GET', path, headers }))
    }
    const parameters = DOCUMENTS.get(path)
    if (parameters === undefined) throw new Problem('USHER_PATH_DENIED')
    const token = live.session.accountToken
    const answer = await upstream.call({
      method: 'GET',
      path,
      query: pick(target.upstream, parameters),
      headers: { ...identity, 'X-Plex-Token': token }
    })
    if (answer.status !== 200) throw toPlexProblem(answer, 'token')
    const document = JSON.stringify(withoutSecrets(parseAnswer(answer)))
    const secrets = live.session.serverToken === null ? [token] : [token, live.session.serverToken]
    const body = scrubBody(Buffer.from(document), secrets, 'json')
    return reply.type('application/json; charset=utf-8').send(body)
  }

  return { read, close: () => dispatcher.destroy() }
}

function picture(reply: FastifyReply, answer: UpstreamAnswer): FastifyReply {
  if (answer.status === 404) throw new Problem('USHER_NOT_FOUND')
  if (answer.status >= 400) throw toPlexProblem(answer, 'pin')
  // SECURITY rules 43 and 57: a redirect is not followed, and nothing but a picture passes for one.
  if (answer.status !== 200 || !IMAGE.test(answer.contentType)) throw new Problem('USHER_UPSTREAM_INVALID')
  return reply
    .type(answer.contentType)
    .header('cache-control', `private, max-age=${AVATAR_MAX_AGE_S}`)
    .send(answer.body)
}

function pick(target: string, names: readonly string[]): Record<string, string> {
  const query: Record<string, string> = {}
  const given = new URLSearchParams(target.split('?')[1] ?? '')
  for (const name of names) {
    const value = given.get(name)
    if (value === '0' || value === '1') query[name] = value
  }
  return query
}
