import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  ServerResponse
} from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { Problem } from '../../../src/domain/problems.ts'
import type { StreamEnd, StreamKind } from '../../../src/domain/streams.ts'
import { IdentityFields } from '../../../src/fetch/identity-fields.ts'
import { createLane } from '../../../src/fetch/lane.ts'
import type { ForwardCall, ForwardPrincipal } from '../../../src/forward/forward-call.ts'
import { createForwarder, type Forwarder, type ForwarderOptions } from '../../../src/forward/forwarder.ts'
import { Load } from '../../../src/forward/loads.ts'
import type { RouteClass } from '../../../src/forward/policy-table.ts'
import { createDispatcher } from '../../../src/plex/dispatcher.ts'
import { toTransportProblem } from '../../../src/plex/upstream-errors.ts'
import { createScrubber } from '../../../src/scrub/scrubber.ts'

export const TOKEN = 'sim-srv-tok-Front001'
/** For all but the test that waits for it: a loopback that is slow for a moment is no test's subject. */
const CONNECT_TIMEOUT_MS = 20_000

const IDENTITY = new IdentityFields([
  'X-Plex-Client-Identifier',
  'browser-1',
  'X-Plex-Product',
  'Usher',
  'X-Plex-Token',
  TOKEN
])

/** A bare forwarder between a plain HTTP server and an upstream of the test's own, without any of Fastify. */
export interface Front {
  readonly url: string
  readonly port: number
  readonly upstream: Upstream
  readonly forwarder: Forwarder
  readonly outcomes: string[]
  /** Streams registered and not yet released. */
  readonly streams: Set<{ kind: StreamKind; abort: (why: StreamEnd) => void }>
  /** What the next requests are forwarded as. */
  call: Partial<Pick<ForwardCall, 'class' | 'repeatable' | 'largeBody' | 'bodyCheck' | 'handOn' | 'extra'>>
  /** What the next requests' principal has of its own. */
  principal: Partial<ForwardPrincipal>
  /** Milliseconds until a request is forwarded, as where the server must prove itself first. */
  holdMs: number
  /** Whether the session of the requests has ended. */
  ended: boolean
  /** What plex.tv is said to think of the token. */
  unauthorized: Problem
}

export interface Upstream {
  readonly server: Server
  readonly url: string
  readonly requests: IncomingMessage[]
  answer: RequestListener
}

export async function startUpstream(t: Test): Promise<Upstream> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    upstream.answer(request, response)
  })
  const url = await listen(t, server)
  const upstream: Upstream = { server, url, requests, answer: (_request, response) => response.end() }
  return upstream
}

export interface FrontOptions extends Partial<ForwarderOptions> {
  /** With lanes, and what it trusts beside the usual. */
  readonly lane?: { readonly ca?: string; readonly connectTimeoutMs?: number } | null
  readonly identity?: IdentityFields
  /** Another upstream than the one that comes along. */
  readonly origin?: string
}

export async function startFront(
  t: Test,
  { lane = null, origin, identity = IDENTITY, ...options }: FrontOptions = {}
): Promise<Front> {
  const upstream = await startUpstream(t)
  const outcomes: string[] = []
  const streams: Front['streams'] = new Set()
  const forwarder = createForwarder({
    service: 'pms',
    mount: '/pms',
    createDispatcher: (connections) =>
      createDispatcher({ connectTimeoutMs: CONNECT_TIMEOUT_MS, connections }),
    timeoutMs: 5000,
    secure: false,
    sharedWithSite: false,
    toProblem: toTransportProblem,
    onOutcome: (outcome) => outcomes.push(outcome),
    ...(lane !== null && {
      createLanes: (connections: number) =>
        createLane({
          origin: origin ?? upstream.url,
          ca: lane.ca ?? null,
          connectTimeoutMs: lane.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
          connections
        })
    }),
    ...options
  })
  t.teardown(() => forwarder.close())
  const principal: ForwardPrincipal = {
    identity,
    createScrubber: (grammar) => createScrubber([TOKEN], grammar),
    hasEnded: () => front.ended,
    load: new Load(),
    isProven: () => true,
    prove: async () => undefined,
    addStream(kind, abort) {
      const stream = { kind, abort }
      streams.add(stream)
      return () => streams.delete(stream)
    },
    explainUnauthorized: async () => front.unauthorized
  }
  const actor = (): ForwardPrincipal => Object.assign(Object.create(principal), front.principal)
  const toCall = (request: IncomingMessage, raw: ServerResponse): ForwardCall => ({
    sink: createSink(raw),
    request,
    principal: actor(),
    method: request.method ?? 'GET',
    origin: origin ?? upstream.url,
    path: request.url ?? '/',
    class: 'api' as RouteClass,
    repeatable: request.method === 'GET',
    largeBody: false,
    bodyCheck: null,
    handOn: null,
    extra: () => [],
    ...front.call
  })
  const server = createServer((request, response) => {
    const forward = () => forwarder.forward(toCall(request, response))
    if (front.holdMs === 0) forward()
    else setTimeout(forward, front.holdMs)
  })
  server.on('upgrade', (request, socket: Socket, head) => {
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(socket)
    response.on('finish', () => socket.destroySoon())
    forwarder.upgrade({ ...toCall(request, response), socket, head })
  })
  const url = await listen(t, server)
  const front: Front = {
    url,
    port: Number(new URL(url).port),
    upstream,
    forwarder,
    outcomes,
    streams,
    call: {},
    principal: {},
    holdMs: 0,
    ended: false,
    unauthorized: new Problem('USHER_SESSION_REVOKED')
  }
  return front
}

function createSink(raw: ServerResponse): ForwardCall['sink'] {
  return {
    raw,
    hijack() {},
    header: (name, value) => raw.setHeader(name, value),
    send(payload) {
      const problem = payload as Problem
      raw.writeHead(problem.status, { 'content-type': 'application/problem+json' })
      raw.end(JSON.stringify({ code: problem.code, upstream: problem.upstream }))
    }
  }
}

async function listen(t: Test, server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Sends bytes over a plain socket and gives everything that comes back until the other side closes. */
export async function exchange(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.write(text, 'latin1')
  // A reset is an end like any other here: what came before it counts.
  await new Promise((resolve) => socket.on('error', resolve).on('close', resolve))
  return Buffer.concat(chunks).toString('latin1')
}
