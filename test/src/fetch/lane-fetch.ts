import { IdentityFields } from '../../../src/fetch/identity-fields.ts'
import type { PoolDispatcher } from '../../../src/forward/pools.ts'

export interface LaneAsk {
  readonly origin: string
  readonly path?: string
  readonly headers?: string[]
  /** Milliseconds for which every piece is held, as by a client that is slow. */
  readonly pauseMs?: number
}

/** Fetches by a lane without anything in front of it; rejects with the error that ended the request. */
export function laneFetch(
  lane: Pick<PoolDispatcher, 'dispatch'>,
  { origin, path = '/', headers = [], pauseMs = 0 }: LaneAsk
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const pieces: Buffer[] = []
  lane.dispatch(
    {
      origin,
      path,
      method: 'GET',
      headers,
      identity: new IdentityFields([]),
      body: null,
      headersTimeout: 5000,
      bodyTimeout: 5000
    },
    {
      onRequestStart() {},
      onResponseHead() {},
      onResponseWait() {},
      onResponseData(controller, piece) {
        pieces.push(Buffer.from(piece))
        if (pauseMs === 0) return
        controller.pause()
        setTimeout(() => controller.resume(), pauseMs)
      },
      onResponseEnd: () => resolve(Buffer.concat(pieces)),
      onResponseError: (_controller, error) => reject(error)
    }
  )
  return promise
}

/** What comes of it, told as the text of the body or the code of the error. */
export async function laneOutcome(lane: Pick<PoolDispatcher, 'dispatch'>, ask: LaneAsk): Promise<string> {
  try {
    return String(await laneFetch(lane, ask))
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'error'
  }
}
