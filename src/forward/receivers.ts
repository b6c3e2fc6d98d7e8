import type { FastifyReply } from 'fastify'
import { Problem } from '../domain/problems.ts'
import type { PlaybackBinding } from './scoped-access.ts'
import type { Target } from './target.ts'

/**
 * What lets a receiver of any origin read a response: the token in its address is the whole proof, and no cookie came
 * with the request. The last one replaces that of other responses.
 */
export const RECEIVER_FIELDS: readonly string[] = [
  'access-control-allow-origin',
  '*',
  'access-control-expose-headers',
  '*',
  'cross-origin-resource-policy',
  'cross-origin'
]

const READS = ['GET', 'HEAD']

/**
 * Lets any origin read what follows, problems included. Throws a problem if the token is not for this request: its
 * session may do more, but not by an address that was given away.
 */
export function openToReceivers(
  reply: FastifyReply,
  method: string,
  target: Target,
  playback: PlaybackBinding
): void {
  for (let i = 0; i < RECEIVER_FIELDS.length; i += 2)
    reply.header(RECEIVER_FIELDS[i] as string, RECEIVER_FIELDS[i + 1])
  // @fastify/cors may have allowed one of the frontends more.
  reply.removeHeader('access-control-allow-credentials')
  if (!READS.includes(method) || !playback.plays(target.path, target.upstream))
    throw new Problem('USHER_PATH_DENIED')
}

/** Answers the question of a browser whether a receiver may send its headers (Fetch §3.3.2). */
export function answerPreflight(reply: FastifyReply): void {
  reply
    .code(204)
    .headers({
      'access-control-allow-methods': READS.join(', '),
      'access-control-allow-headers': 'Accept, Content-Type, If-None-Match, If-Range, Range',
      'access-control-max-age': '600'
    })
    .send()
}
