import type { Dispatcher } from 'undici'
import { Problem } from '../domain/problems.ts'
import { parseAnswer } from './answer.ts'
import { toFields, toText } from './fields.ts'
import { type ClientIdentity, identityHeaders } from './identity.ts'
import type { Presence, Presences } from './presences.ts'
import { readIdentity, type ServerIdentity, toServerProblem } from './server-identity.ts'
import { isSource, type Source, toSource } from './source.ts'
import { type TitledItem, toTitledItems } from './titled-item.ts'
import {
  createUpstream,
  type UpstreamAnswer,
  type UpstreamOptions,
  type UpstreamRequest
} from './upstream.ts'

/**
 * One media server at one address. Before a token is sent there, `/identity` has proven that it is the expected
 * server. Its 401 and 403 are USHER_SERVER_ACCESS_DENIED; the caller asks plex.tv whether the token is dead.
 */
export interface MediaServer {
  readonly url: string
  /** Asks the server each time. */
  readonly identity: (signal?: AbortSignal) => Promise<ServerIdentity>
  /**
   * The proven identity; asks for it if there is none. Throws USHER_UPSTREAM_INVALID if the server is not the
   * configured one, or not `expected`. After a failed proof it waits before asking again.
   */
  readonly verifyIdentity: (expected?: string) => Promise<ServerIdentity>
  /**
   * The identity that the server has proven; null if it must be proven again, because a connection failed or none was
   * open in between (SECURITY rule 77). Synchronous, for paths that cannot wait.
   */
  readonly verifiedIdentity: () => ServerIdentity | null
  /** The identity that it last proved, however long ago: for comparing, not for sending a token. */
  readonly lastIdentity: () => ServerIdentity | null
  /** Makes the next `verifyIdentity` ask again; for others that saw a connection fail. */
  readonly forgetIdentity: () => void
  /** Its friendly name, or ''. */
  readonly name: (token: string, clientIdentifier: string) => Promise<string>
  /** The names of the libraries that the token's account sees. */
  readonly libraries: (token: string, clientIdentifier: string) => Promise<readonly string[]>
  /** Titles of what is playing, which the owner alone may ask, or of items by their ids. */
  readonly titledItems: (
    what: 'playing' | readonly string[],
    token: string,
    clientIdentifier: string
  ) => Promise<readonly TitledItem[]>
  /** Plex's delegation token: `transient-…`, at most 48 h, dead when the server restarts. */
  readonly createTransientToken: (
    token: string,
    clientIdentifier: string,
    findRefusal?: FindRefusal
  ) => Promise<string>
  /** Throws USHER_INVALID_REQUEST for a malformed source, USHER_NOT_FOUND for one the server does not know. */
  readonly source: (
    source: string,
    token: string,
    clientIdentifier: string,
    options?: { readonly refresh?: boolean; readonly findRefusal?: FindRefusal }
  ) => Promise<Source>
}

/** Asked at the last moment before a token leaves: the problem to reject with, or null (SECURITY rule 85). */
export type FindRefusal = () => Problem | null

export interface MediaServerOptions {
  readonly url: string
  readonly dispatcher: Dispatcher
  /** The same, for the identity alone: a caller that waits for it must not wait for anything else. */
  readonly identityDispatcher: Dispatcher
  /** Counts all connections to it, those of the dispatcher and others. */
  readonly presences: Presences
  readonly timeoutMs: number
  readonly identity: ClientIdentity
  /** The identity that the server must have; null accepts any. */
  readonly machineIdentifier: string | null
  readonly onOutcome?: UpstreamOptions['onOutcome']
}

interface Proof {
  readonly identity: ServerIdentity
  readonly presence: Presence
}

/**
 * How long a server that answers with another identity is not asked again; doubles with each further answer. A server
 * that is away costs little to ask and may be back at any moment.
 */
const BACK_OFF_MS = 100
const MAX_BACK_OFF_MS = 5000
/**
 * Limit in bytes of what a server says of itself and of one source; real ones have some thousands. Anybody may bring a
 * server, and plain data take twenty times the memory of their text (SECURITY rule 53).
 */
const SMALL_MAX_BYTES = 64 * 1024

/** A client of one media server that remembers who it is talking to, and nothing else. */
export function createMediaServer(options: MediaServerOptions): MediaServer {
  const { url, dispatcher, identityDispatcher, presences, timeoutMs, onOutcome } = options
  const { origin } = new URL(url)
  const connect = (via: Dispatcher) =>
    createUpstream({
      service: 'pms',
      origin: url,
      dispatcher: via,
      timeoutMs,
      ...(onOutcome ? { onOutcome } : {})
    })
  const upstream = connect(dispatcher)
  const asking = connect(identityDispatcher)
  let last: ServerIdentity | null = null
  let proof: Proof | null = null
  let proving: Promise<ServerIdentity> | null = null
  let failures = 0
  /** Why the last proof failed, and until when on the clock of performance.now() that holds. */
  let failure: { readonly error: unknown; readonly until: number } | null = null

  const verifiedIdentity = (): ServerIdentity | null =>
    proof !== null && proof.presence.open > 0 ? proof.identity : null

  async function prove(): Promise<ServerIdentity> {
    try {
      const identity = await readIdentity(asking)
      // What was learned once holds like a setting until the next start: the owner of another machine at this address
      // must not become the owner here.
      requireSame(identity, options.machineIdentifier ?? last?.machineIdentifier ?? null)
      // The connection of this response. If the server closes each one, it is gone by now and nothing is remembered.
      const presence = presences.of(origin)
      proof = presence === null ? null : { identity, presence }
      last = identity
      failures = 0
      failure = null
      return identity
    } catch (error) {
      if (!isAway(error)) {
        const pauseMs = Math.min(MAX_BACK_OFF_MS, BACK_OFF_MS * 2 ** failures)
        failures += 1
        failure = { error, until: performance.now() + pauseMs }
      }
      throw error
    } finally {
      proving = null
    }
  }

  async function verifyIdentity(expected?: string): Promise<ServerIdentity> {
    let identity = verifiedIdentity()
    if (identity === null) {
      if (failure !== null && performance.now() < failure.until) throw failure.error
      // One request for all that wait: it carries no token, so nothing can be mixed up.
      proving ??= prove()
      identity = await proving
    }
    requireSame(identity, expected ?? null)
    return identity
  }

  async function call(
    request: Omit<UpstreamRequest, 'headers'>,
    token: string,
    clientIdentifier: string,
    findCallerRefusal: FindRefusal = () => null
  ): Promise<UpstreamAnswer> {
    const headers = { ...identityHeaders(options.identity, clientIdentifier), 'X-Plex-Token': token }
    const unproven = new Problem('USHER_UPSTREAM_UNREACHABLE')
    for (let attempt = 1; ; attempt += 1) {
      await verifyIdentity()
      // Its connections are closed already, or were before the last proof could be used: this one is as good as such a
      // server can ever give.
      let isJustProven = verifiedIdentity() === null || attempt > 1
      let refused: Problem | null = null
      const findRefusal = (): Problem | null => {
        const mayLeave = isJustProven || verifiedIdentity() !== null
        isJustProven = false
        refused = mayLeave ? findCallerRefusal() : null
        return mayLeave ? refused : unproven
      }
      try {
        return await upstream.call({ ...request, headers, findRefusal })
      } catch (error) {
        if (error === refused) throw error
        // The next server at this address may be another one.
        proof = null
        if (error !== unproven || attempt > 1) throw error
      }
    }
  }

  return {
    url,
    identity: (signal) => readIdentity(asking, signal),
    verifyIdentity,
    verifiedIdentity,
    lastIdentity: () => last,
    forgetIdentity() {
      proof = null
    },

    async name(token, clientIdentifier) {
      const answer = await call(
        { method: 'GET', path: '/', maxBytes: SMALL_MAX_BYTES },
        token,
        clientIdentifier
      )
      return toText(containerOf(answer)['friendlyName'], 200)
    },

    async libraries(token, clientIdentifier) {
      const answer = await call({ method: 'GET', path: '/library/sections' }, token, clientIdentifier)
      const container = containerOf(answer)
      // Without the list, the response says nothing about libraries; the list itself may be empty.
      if (container['Directory'] === undefined && String(container['size']) !== '0')
        throw new Problem('USHER_UPSTREAM_INVALID')
      return [container['Directory'] ?? []]
        .flat()
        .map((library) => toText(toFields(library)['title'], 200))
        .filter((title) => title !== '')
    },

    async titledItems(what, token, clientIdentifier) {
      const path = what === 'playing' ? '/status/sessions' : `/library/metadata/${what.join(',')}`
      return toTitledItems(containerOf(await call({ method: 'GET', path }, token, clientIdentifier)))
    },

    async createTransientToken(token, clientIdentifier, findRefusal) {
      const request = {
        path: '/security/token',
        query: { type: 'delegation', scope: 'all' },
        maxBytes: SMALL_MAX_BYTES
      }
      let answer = await call({ ...request, method: 'POST' }, token, clientIdentifier, findRefusal)
      // Older servers answer only GET (reference/plex.md#contradictions).
      if (answer.status === 404 || answer.status === 405) {
        answer = await call({ ...request, method: 'GET' }, token, clientIdentifier, findRefusal)
      }
      const transient = containerOf(answer)['token']
      // SECURITY rule 65: anything without the prefix might be the account's own token.
      if (typeof transient !== 'string' || !/^transient-[\w.-]{8,500}$/.test(transient)) {
        throw new Problem('USHER_UPSTREAM_INVALID')
      }
      return transient
    },

    async source(source, token, clientIdentifier, { refresh = false, findRefusal } = {}) {
      if (!isSource(source)) throw new Problem('USHER_INVALID_REQUEST')
      const query = { source, refresh: refresh ? '1' : '0' }
      const answer = await call(
        { method: 'GET', path: '/security/resources', query, maxBytes: SMALL_MAX_BYTES },
        token,
        clientIdentifier,
        findRefusal
      )
      if (answer.status !== 200) throw toServerProblem(answer)
      const { accessToken, ...found } = toSource(source, parseAnswer(answer))
      // SECURITY rule 56: the token that asked must not come back under another name.
      if (JSON.stringify(found).includes(token)) throw new Problem('USHER_UPSTREAM_INVALID')
      return { ...found, accessToken }
    }
  }
}

function isAway(error: unknown): boolean {
  if (!(error instanceof Problem)) return false
  return error.code === 'USHER_UPSTREAM_UNREACHABLE' || error.code === 'USHER_UPSTREAM_TIMEOUT'
}

function requireSame(found: ServerIdentity, expected: string | null): void {
  if (expected === null || found.machineIdentifier === expected) return
  throw new Problem('USHER_UPSTREAM_INVALID', {
    detail: 'The server at this address is not the expected media server.'
  })
}

function containerOf(answer: UpstreamAnswer): Readonly<Record<string, unknown>> {
  if (answer.status !== 200) throw toServerProblem(answer)
  return toFields(toFields(parseAnswer(answer))['MediaContainer'])
}
