import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Core } from '../../../src/app/core.ts'
import { PLAYBACK_KINDS } from '../../../src/tokens/playback-target.ts'
import { problems } from '../../schemas.ts'

/** Characters of the path and query that a player asks for. */
const MAX_PATH = 2048

const PlaybackAsked = Type.Object(
  {
    path: Type.String({ minLength: 1, maxLength: MAX_PATH }),
    kind: Type.Enum([...PLAYBACK_KINDS])
  },
  { additionalProperties: false, title: 'PlaybackAsked' }
)

const PlaybackView = Type.Object(
  { url: Type.String(), expiresAt: Type.String() },
  {
    title: 'PlaybackView',
    examples: [
      {
        url: 'https://usher.example.com/pms/library/parts/21/1706626696/film.mp4?X-Plex-Token=play.eyJhbGciOiJkaXIi',
        expiresAt: '2026-11-28T15:00:00.000Z'
      }
    ]
  }
)

/** An address that a device without the cookie plays, such as a Chromecast (reference/http.md#casting). */
export const playbackRoute: FastifyPluginAsyncTypebox<{ core: Pick<Core, 'config' | 'tokens'> }> = async (
  fastify,
  { core }
) => {
  fastify.post(
    '/session/playback',
    {
      config: { guard: 'session', sameOrigin: 'unsafe', limit: 'account' },
      schema: {
        tags: ['session'],
        summary: 'An address with which a device without cookie plays one film',
        body: PlaybackAsked,
        response: { 201: PlaybackView, ...problems(400, 401, 403, 415, 429, 503) }
      }
    },
    async (request, reply) => {
      const { path, kind } = request.body
      const { address, expiresAt } = core.tokens.playback.issue(
        request.requireSession().live.session,
        path,
        kind
      )
      return reply.code(201).send({
        url: `${core.config.publicUrl.href}/pms${address}`,
        expiresAt: new Date(expiresAt).toISOString()
      })
    }
  )
}
