import type { StreamEnd, StreamKind } from '../../domain/streams.ts'
import type { Standings } from '../standing.ts'
import type { LiveSession } from './live-sessions.ts'
import type { Revocations } from './revocation.ts'

export interface Stream {
  readonly kind: StreamKind
  /** Epoch ms. */
  readonly since: number
  /** What was asked for, below the media server. */
  readonly path: string
  /** Ends the stream, and says why if its protocol can. */
  readonly abort: (why: StreamEnd) => void
}

export interface Streams {
  /**
   * Registers a stream, to end with its session. `listedWith`: another session that shows it and ends it too. Returns
   * a function to call when the stream ends by itself.
   */
  add(
    live: LiveSession,
    kind: StreamKind,
    abort: Stream['abort'],
    path?: string,
    listedWith?: LiveSession
  ): () => void
  readonly open: Readonly<Record<StreamKind, number>>
  /** Since the start. */
  readonly begun: Readonly<Record<StreamKind, number>>
  /** Ends the streams of sessions for which this holds; returns how many sessions that were. */
  endWhere(hasEnded: (live: LiveSession) => boolean): number
  /** Ends every open stream, at shutdown. */
  abort(): void
  close(): void
}

export interface StreamsOptions {
  readonly revocations: Pick<Revocations, 'listen'>
  readonly standings: Pick<Standings, 'hasEnded' | 'mayStream'>
  readonly now: () => number
}

/** How often the standing of sessions with open streams is checked: expiry is no event. */
const SWEEP_MS = 1000

/** The open streams of every session: they end with it, within a second. */
export function createStreams({ revocations, standings, now }: StreamsOptions): Streams {
  /** Separate from the bounded map of live sessions, which may drop a session that has open streams. */
  const streaming = new Set<LiveSession>()
  const open: Record<StreamKind, number> = { media: 0, events: 0, socket: 0 }
  const begun: Record<StreamKind, number> = { media: 0, events: 0, socket: 0 }

  function abort(live: LiveSession, why: StreamEnd): void {
    for (const stream of [...(live.streams ?? [])]) stream.abort(why)
  }

  function sweep(): void {
    const time = now()
    for (const live of streaming) {
      if (standings.mayStream(live, time)) continue
      abort(live, standings.hasEnded(live.session, time) ? 'session-ended' : 'past-grace')
    }
  }

  /** Returns the function that takes it away again, once. */
  function put(live: LiveSession, stream: Stream): () => boolean {
    live.streams ??= new Set()
    const { streams } = live
    streams.add(stream)
    streaming.add(live)
    return () => {
      const wasThere = streams.delete(stream)
      if (wasThere && streams.size === 0) streaming.delete(live)
      return wasThere
    }
  }

  // Once for all revocations that arrive together: each sweep looks at every stream.
  let isDue = false
  revocations.listen(() => {
    if (isDue) return
    isDue = true
    queueMicrotask(() => {
      isDue = false
      sweep()
    })
  })
  const timer = setInterval(sweep, SWEEP_MS)
  timer.unref()

  return {
    add(live, kind, end, path = '', listedWith) {
      const stream: Stream = { kind, abort: end, since: now(), path }
      const takeFrom = put(live, stream)
      const takeFromOther = listedWith === undefined ? null : put(listedWith, stream)
      open[kind] += 1
      begun[kind] += 1
      return () => {
        takeFromOther?.()
        if (takeFrom()) open[kind] -= 1
      }
    },
    open,
    begun,
    endWhere(hasEnded) {
      const ended = [...streaming].filter(hasEnded)
      for (const live of ended) abort(live, 'session-ended')
      return ended.length
    },
    abort() {
      for (const live of streaming) abort(live, 'shutdown')
    },
    close: () => clearInterval(timer)
  }
}
