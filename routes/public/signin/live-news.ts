import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyPluginAsync } from 'fastify'
import { Type } from 'typebox'
import type { Core } from '../../../src/app/core.ts'
import type { Session } from '../../../src/session/session.ts'
import { problems } from '../../schemas.ts'

export interface LiveNewsOptions {
  readonly core: Pick<Core, 'people' | 'standings' | 'ownerTokenTrouble'>
}

/** How often an open page is looked at for news, and how long a silence may be. */
const LOOK_MS = 1000
const PING_LOOKS = 25
/** Reading long lists takes time: an open page takes a twentieth of it at most. */
const REST_PART = 20

/** `/signin/live`: an event stream that tells an open page of lists when to load itself again. */
export const liveNews: FastifyPluginAsync<LiveNewsOptions> = async (fastify, { core }) => {
  const { people, standings } = core
  const closing = new AbortController()
  fastify.addHook('preClose', async () => closing.abort())

  /** Says when a list has changed, and ends with its session. */
  async function* news(session: Session): AsyncGenerator<string> {
    const read = async () => {
      const asker = { session }
      const seen = await people.sessions(asker)
      // Minutes pass without news.
      const shown = seen.sessions.map(({ lastSeenAt: _, ...rest }) => rest)
      return JSON.stringify([
        shown,
        people.isOwner(session)
          ? (await people.accounts(asker)).map(({ id, blocked }) => [id, blocked])
          : null,
        core.ownerTokenTrouble()
      ])
    }
    yield 'retry: 5000\n\n'
    let before = await read()
    let restMs = LOOK_MS
    for (let looks = 1; !closing.signal.aborted && !standings.hasEnded(session); looks += 1) {
      await delay(restMs, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
      if (standings.hasEnded(session)) break
      const from = performance.now()
      const after = await read().catch(() => before)
      restMs = Math.max(LOOK_MS, REST_PART * (performance.now() - from))
      if (after !== before) yield 'event: changed\ndata: {}\n\n'
      else if (looks % PING_LOOKS === 0) yield ': still here\n\n'
      before = after
    }
    yield 'event: ended\ndata: {}\n\n'
  }

  fastify.get(
    '/signin/live',
    {
      config: { guard: 'session', sameOrigin: 'always', limit: 'account' },
      schema: {
        tags: ['signin'],
        summary: 'An event for each change of the lists',
        produces: ['text/event-stream'],
        response: { 200: Type.String(), ...problems(401, 403, 429) }
      }
    },
    async (request, reply) => {
      const { session } = request.requireSession().live
      return reply
        .type('text/event-stream')
        .headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
        .send(Readable.from(news(session)))
    }
  )
}
