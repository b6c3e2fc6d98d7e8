import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Problem } from '../domain/problems.ts'
import type { StreamEnd, StreamKind } from '../domain/streams.ts'
import type { IdentityFields } from '../fetch/identity-fields.ts'
import type { Grammar, Scrubber } from '../scrub/scrubber.ts'
import type { Compressors } from './compressor.ts'
import type { Load } from './loads.ts'
import type { Pace } from './pace.ts'
import type { BodyCheck } from './parameters.ts'
import type { RouteClass } from './policy-table.ts'
import type { Pools } from './pools.ts'

export type { Scrubber } from '../scrub/scrubber.ts'

/** Where a response goes: Fastify's reply, of which this is the part that forwarding needs. */
export interface ReplySink {
  readonly raw: ServerResponse
  /** From here on the response is written to `raw`. */
  hijack(): unknown
  header(name: string, value: string): unknown
  send(payload: unknown): unknown
}

/** Who a request is forwarded for; one object per session or scoped token, shared by its requests. */
export interface ForwardPrincipal {
  readonly identity: IdentityFields
  /** What the account behind it has in flight. */
  readonly load: Load
  /** For one body, or one text. */
  createScrubber(grammar: Grammar): Scrubber
  /**
   * Whether the session has ended: revoked, or past a limit. Asked at the last moment before bytes leave, after every
   * wait (SECURITY rule 85). Synchronous and cheap.
   */
  hasEnded(): boolean
  /**
   * Whether the upstream has proven to be the server meant, and a connection to it has been open ever since. Asked as
   * late, and as cheap (SECURITY rule 77).
   */
  isProven(): boolean
  /** Has the upstream prove itself; rejects with the problem that says why it did not. */
  prove(): Promise<unknown>
  /** Registers a stream, which `abort` ends with the session; returns the function to call when it ends by itself. */
  addStream(kind: StreamKind, abort: (why: StreamEnd) => void, path?: string): () => void
  /** The problem to answer when the upstream said 401: only plex.tv knows whether the token is dead. */
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
  /**
   * A token that the addresses in a playlist carry on; null for most requests. What holds it is not compressed: its
   * length could betray it.
   */
  readonly handOn: string | null
  /** Flat headers to set on the response: a renewed cookie, CORS. Asked for once, when the head goes out. */
  extra(): readonly string[]
}

export type ForwardOutcome = 'ok' | 'refused' | 'failed' | 'timeout' | 'unreachable' | 'invalid'

/** What all requests of one forwarder share. */
export interface ForwardContext {
  readonly service: 'pms' | 'plex.tv'
  /** Where the upstream appears to browsers: `/pms` below the base path. */
  readonly mount: string
  readonly pools: Pools
  /** Milliseconds until the head of a response, and again between two pieces of its body. */
  readonly timeoutMs: number
  readonly paces: Readonly<Record<RouteClass, Pace>>
  /** Flat headers set on every response. */
  readonly fixed: readonly string[]
  /** Null if nothing is compressed. */
  readonly compressors: Compressors | null
  readonly toProblem: (error: unknown) => Problem
  readonly onOutcome: (outcome: ForwardOutcome, seconds: number, call: ForwardCall) => void
  /** Called when a request is refused because of what its account has in flight. */
  readonly onBusy: () => void
  /** Until then, on the clock of performance.now(), nothing is retried: the last retry failed too. */
  noRetryUntil: number
}
