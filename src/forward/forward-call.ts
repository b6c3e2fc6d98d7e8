import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { Problem } from '../domain/problems.ts'
import type { StreamEnd, StreamKind } from '../domain/streams.ts'
import type { Identity } from '../fetch/identity-fields.ts'
import type { TransferHandler } from '../fetch/transfer.ts'
import type { Grammar, Scrubber } from '../scrub/scrubber.ts'
import type { BodyCheck } from './parameters.ts'
import type { RouteClass } from './policy-table.ts'

export type { Scrubber } from '../scrub/scrubber.ts'

/** Where an answer goes: Fastify's reply, of which this is the part that forwarding needs. */
export interface ReplySink {
  readonly raw: ServerResponse
  /** From here on the answer is written to `raw`. */
  hijack(): unknown
  header(name: string, value: string): unknown
  send(payload: unknown): unknown
}

/** Who a request is forwarded for; one object per session or scoped token, shared by its requests. */
export interface ForwardPrincipal {
  readonly identity: Identity
  /** For one body, or one text. */
  createScrubber(grammar: Grammar): Scrubber
  /**
   * Whether the session has ended: revoked, or past a limit. Asked at the last moment before bytes leave, after every
   * wait (SECURITY rule 85). Synchronous and cheap.
   */
  hasEnded(): boolean
  /** Registers a stream, which `abort` ends with the session; gives the release to call when it ends by itself. */
  addStream(kind: StreamKind, abort: (why: StreamEnd) => void): () => void
  /** The problem to answer with when the upstream said 401: only plex.tv knows whether the token is dead. */
  explainUnauthorized(): Promise<Problem>
}

/** One request to forward. */
export interface ForwardCall {
  readonly sink: ReplySink
  readonly request: IncomingMessage
  readonly principal: ForwardPrincipal
  readonly method: string
  /** Scheme and authority of the upstream. */
  readonly origin: string
  /** Path and query, checked. */
  readonly path: string
  readonly class: RouteClass
  /** Whether asking twice does no harm. */
  readonly repeatable: boolean
  /** Whether a body may be a large one, which is streamed. */
  readonly largeBody: boolean
  /** What a body must be; null for requests that have none. */
  readonly bodyCheck: BodyCheck | null
  /** Flat headers to set on the answer: a renewed cookie, CORS. Asked for once, when the head goes out. */
  extra(): readonly string[]
}

/** The classes whose answers are fetched, and end. */
export type FetchClass = Extract<RouteClass, 'api' | 'media'>

export type ForwardOutcome = 'ok' | 'refused' | 'failed' | 'timeout' | 'unreachable' | 'invalid'

/** What forwarding asks of a connection pool: undici's, or the media lane. */
export interface LaneDispatcher {
  dispatch(
    options: {
      origin: string
      path: string
      method: Dispatcher.HttpMethod
      headers: string[]
      /** What a lane that lends sets behind the headers; undici has it among them. */
      identity: Identity
      body: Readable | Buffer | null
      headersTimeout: number
      bodyTimeout: number
    },
    handler: TransferHandler
  ): boolean
  destroy(): Promise<void>
}

/** One connection pool and how many requests it carries at once. */
export interface Lane {
  readonly dispatcher: LaneDispatcher
  /** Whether a piece of a body is only lent: left as it is while paused, and overwritten afterwards. */
  readonly lends: boolean
  readonly connections: number
  /** Requests under way; beyond `connections` they wait, and the wait is limited. */
  open: number
}

/** A lane of undici's, which upgrades too. */
export interface PoolLane extends Lane {
  readonly dispatcher: Dispatcher
}

/** What all requests of one forwarder share. */
export interface ForwardContext {
  readonly service: 'pms' | 'plex.tv'
  /** Where the upstream appears to browsers: `/pms` below the base path. */
  readonly mount: string
  readonly lanes: Readonly<Record<RouteClass, PoolLane>>
  /** The leaner lanes of what is only fetched; null where there are none. */
  readonly fetchLanes: Readonly<Record<FetchClass, Lane>> | null
  /** Milliseconds until the head of an answer, and again between two pieces of its body. */
  readonly timeoutMs: number
  /** Flat headers set on every answer. */
  readonly fixed: readonly string[]
  readonly toProblem: (error: unknown) => Problem
  readonly onOutcome: (outcome: ForwardOutcome, seconds: number, call: ForwardCall) => void
  /** Until then, on the clock of performance.now(), nothing is retried: the last retry failed too. */
  noRetryUntil: number
}
