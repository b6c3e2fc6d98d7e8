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
/** Segments of a film come and go every second: a page that loads itself as often is of no use. */
const CALM_MS = 10_000

/** What a page of lists shows, as texts to compare. */
interface Lists {
  readonly people: string
  readonly playing: string
}

/** `/signin/live`: an event stream that tells an open page of lists when to load itself again. */
export const liveNews: FastifyPluginAsync<LiveNewsOptions> = async (fastify, { core }) => {
  const { people, standings } = core
  const closing = new AbortController()
  fastify.addHook('preClose', async () => closing.abort())

  /** Says when a list has changed, and ends with its session. */
  async function* news(session: Session): AsyncGenerator<string> {
    const read = async (): Promise<Lists> => {
      const asker = { session }
      const { sessions } = await people.sessions(asker)
      const accounts = people.isOwner(session) ? await people.accounts(asker) : []
      // Minutes pass without news, and so does an order by them.
      const who = sessions.map(({ lastSeenAt: _, streams: __, ...rest }) => JSON.stringify(rest))
      const blocked = accounts.map((account) => `${account.id} ${account.blocked}`)
      const playing = sessions.flatMap(({ handle, streams }) =>
        streams.map(({ kind, title }) => `${handle} ${kind} ${title}`)
      )
      return {
        people: [...who.sort(), ...blocked.sort(), core.ownerTokenTrouble()].join(),
        playing: [...new Set(playing)].sort().join()
      }
    }
    // Before the stream opens: a page whose stream is open misses no change.
    let before = await read().catch(() => null)
    yield 'retry: 5000\n\n'
    let restMs = LOOK_MS
    let calmUntil = 0
    for (let looks = 1; !closing.signal.aborted && !standings.hasEnded(session); looks += 1) {
      await delay(restMs, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
      if (standings.hasEnded(session)) break
      const from = performance.now()
      const after = await read().catch(() => before)
      restMs = Math.max(LOOK_MS, REST_PART * (performance.now() - from))
      before ??= after
      const isNews =
        after?.people !== before?.people || (after?.playing !== before?.playing && from >= calmUntil)
      if (isNews) {
        calmUntil = from + CALM_MS
        before = after
        yield 'event: changed\ndata: {}\n\n'
      } else if (looks % PING_LOOKS === 0) yield ': still here\n\n'
    }
    // At the end of the process the page stays, and asks again by itself.
    if (standings.hasEnded(session)) yield 'event: ended\ndata: {}\n\n'
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
