import type { FastifyReply } from 'fastify'
import type { Core } from '../app/core.ts'
import { Problem } from '../domain/problems.ts'
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
const AVATAR_MAX_AGE_S = 3600

/**
 * Answers from plex.tv in the name of the request's session: the few documents that a browser may have, buffered and
 * without secrets, and people's pictures. The reader throws the problem that says why not.
 */
export function createPlexTvReader(
  core: Pick<Core, 'config' | 'plexTv'>
): (reply: FastifyReply) => Promise<FastifyReply> {
  const { config, plexTv } = core
  const mount = `${config.publicUrl.basePath}/plex`
  // A frontend on another origin of the same site shows pictures too.
  const embeddedBy = config.allowedOrigins.length > 0 ? 'same-site' : 'same-origin'

  async function read(reply: FastifyReply): Promise<FastifyReply> {
    const { request } = reply
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      reply.header('allow', 'GET, HEAD')
      throw new Problem('USHER_METHOD_NOT_ALLOWED')
    }
    const target = readTarget(request.raw.url ?? '', mount)
    if (target === null) throw new Problem('USHER_INVALID_REQUEST')
    const { live } = request.requireSession()
    const { path } = target
    const { accountToken: token, serverToken, clientIdentifier } = live.session
    if (AVATAR.test(path)) {
      reply.header('cross-origin-resource-policy', embeddedBy)
      const { contentType, body } = await plexTv.picture(path, clientIdentifier)
      return reply
        .type(contentType)
        .header('cache-control', `private, max-age=${AVATAR_MAX_AGE_S}`)
        .send(body)
    }
    const parameters = DOCUMENTS.get(path)
    if (parameters === undefined) throw new Problem('USHER_PATH_DENIED')
    const query = pick(target.upstream, parameters)
    const document = withoutSecrets(await plexTv.document({ path, query }, token, clientIdentifier))
    const secrets = serverToken === null ? [token] : [token, serverToken]
    const body = scrubBody(Buffer.from(JSON.stringify(document)), secrets, 'json')
    return reply.type('application/json; charset=utf-8').send(body)
  }

  return read
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
