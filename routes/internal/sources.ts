import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { Problem } from '../../src/domain/problems.ts'
import type { Audit } from '../../src/observe/audit.ts'
import type { MediaServer } from '../../src/plex/media-server.ts'
import type { Owner } from '../../src/tokens/owner.ts'
import type { ServiceTurns } from '../../src/tokens/service-turns.ts'
import { problems } from '../schemas.ts'
import { sourceMembers, viewSource } from '../source-view.ts'
import { forServices } from './route-rules.ts'

const Source = Type.Object(
  { ...sourceMembers, accessToken: Type.Union([Type.String(), Type.Null()]) },
  { title: 'Source' }
)

export interface SourceOptions {
  readonly owner: Owner
  readonly turns: ServiceTurns
  readonly mediaServer: MediaServer | null
  readonly audit: Audit
}

/** `GET /sources`: how to reach a source that the media server knows, asked with the owner's token. */
export const sourceRoutes: FastifyPluginAsyncTypebox<SourceOptions> = async (fastify, options) => {
  const { owner, turns, mediaServer, audit } = options

  fastify.get(
    '/sources',
    {
      config: { ...forServices, grant: 'sources' },
      schema: {
        tags: ['tokens'],
        summary: 'Name, transient token and connections of a source',
        querystring: Type.Object(
          {
            source: Type.String({ pattern: '^(server|provider)://[A-Za-z0-9._-]{1,128}$' }),
            refresh: Type.Optional(Type.Union([Type.Literal('0'), Type.Literal('1')]))
          },
          { additionalProperties: false }
        ),
        response: { 200: Source, ...problems(400, 401, 403, 404, 429, 502, 503, 504) }
      }
    },
    async (request) => {
      const { source, refresh } = request.query
      const { accountToken, clientIdentifier } = await owner.session()
      if (mediaServer === null) throw new Problem('USHER_NOT_FOUND')
      const service = request.requireService()
      const found = await turns.take(service, () =>
        mediaServer.source(source, accountToken, clientIdentifier, { refresh: refresh === '1' })
      )
      const { accessToken } = found
      // SECURITY rule 65: only transient tokens leave, whatever the server sends.
      if (accessToken !== null && !accessToken.startsWith('transient-')) {
        throw new Problem('USHER_UPSTREAM_INVALID')
      }
      audit.note('token.delegated/source', { service: service.id, source, outcome: 'issued' }, request.id)
      return { ...viewSource(found), accessToken }
    }
  )
}
