import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import { Problem } from '../domain/problems.ts'
import type { ForwardCall, ForwardContext } from './forward-call.ts'
import { findRefusal, hasEnded, NotSent, ProofWait } from './last-moment.ts'
import { refuse, toOutcome } from './refusal.ts'
import { toIdentity, toUpstreamHeaders } from './request-headers.ts'
import { busy } from './scheduler.ts'
import { joinTunnel } from './tunnel.ts'

/** A request to forward that asks for a WebSocket. */
export interface UpgradeCall extends ForwardCall {
  readonly socket: Socket
  /** What the browser sent right behind its request. */
  readonly head: Buffer
}

/** Without extensions: compressed frames could not be scrubbed. */
const REQUEST_FIELDS: readonly string[] = [
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-protocol'
]
const RESPONSE_FIELDS: readonly string[] = ['sec-websocket-accept', 'sec-websocket-protocol']

/**
 * Asks the upstream for a WebSocket and joins the two sockets if it agrees.
 */
export function tunnel(context: ForwardContext, call: UpgradeCall): void {
  const { request, socket, sink, principal } = call
  if (!isHandshake(request.headers)) return void sink.send(new Problem('USHER_INVALID_REQUEST'))
  if (socket.destroyed) return
  const { dispatcher, schedulerTo } = context.pools.upgrade
  const scheduler = schedulerTo(call.origin)
  const load = principal.load.upgrade
  const startedAt = performance.now()
  const report = (outcome: Parameters<ForwardContext['onOutcome']>[0]) =>
    context.onOutcome(outcome, (performance.now() - startedAt) / 1000, call)
  let proofWait: ProofWait | null = null
  let settled = false

  function prove(): void {
    proofWait ??= new ProofWait(principal)
    proofWait.prove().then(dispatch, fail)
  }

  /** The upgrade failed: returns the connection and answers why. */
  function fail(error: unknown): void {
    scheduler.giveBack()
    if (settled || socket.destroyed) return
    settled = true
    const problem = context.toProblem(error)
    report(toOutcome(problem))
    sink.send(problem)
  }

  function dispatch(): void {
    if (socket.destroyed) {
      scheduler.giveBack()
      return
    }
    const headers = toUpstreamHeaders(request.rawHeaders, { body: null, range: false, plainTags: false })
    // RFC 6455 §4.1; of the identity, the token stays last.
    headers.unshift(...REQUEST_FIELDS.flatMap((name) => pair(name, request.headers[name])))
    headers.push(...toIdentity(principal.identity, headers, call.path).fields)
    dispatcher.dispatch(
      {
        origin: call.origin,
        path: call.path,
        method: 'GET',
        upgrade: 'websocket',
        headers,
        headersTimeout: context.timeoutMs
      },
      handler
    )
  }

  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(controller) {
      const refusal = findRefusal(principal, proofWait)
      if (socket.destroyed) controller.abort(new Error('the client went away'))
      else if (refusal !== null) controller.abort(new NotSent(refusal))
      else socket.once('close', () => !settled && controller.abort(new Error('the client went away')))
    },
    onRequestUpgrade(_controller, _status, answer, upstream) {
      settled = true
      report('ok')
      upstream.once('close', () => scheduler.giveBack())
      try {
        open(call, answer, upstream)
      } catch {
        // The failure of this one request, which ends (SECURITY rule 87).
        upstream.destroy()
        socket.destroy()
      }
    },
    onResponseStart(controller, status) {
      if (status < 200) return
      settled = true
      // A plain 2xx or 3xx does not answer a handshake.
      if (status >= 400) report(refuse(context, call, status, undefined))
      else sink.send(new Problem('USHER_UPSTREAM_INVALID'))
      controller.abort(new Error('not a WebSocket'))
    },
    onResponseData() {},
    onResponseEnd() {
      scheduler.giveBack()
    },
    onResponseError(_controller, error) {
      if (!(error instanceof NotSent)) fail(error)
      else if (error.refusal === 'ended') fail(hasEnded())
      else prove()
    }
  }

  // Sockets do not queue: a page asks again on its own.
  if (scheduler.borrow(load, { onLease() {}, onLeaseTimeout() {} }) !== 'lent') {
    context.onBusy()
    sink.send(busy())
    return
  }
  socket.once('close', () => load.done())
  if (principal.isProven()) dispatch()
  else prove()
}

function isHandshake(headers: IncomingHttpHeaders): boolean {
  const key = headers['sec-websocket-key']
  return key !== undefined && /^[A-Za-z0-9+/]{22}==$/.test(key) && headers['sec-websocket-version'] === '13'
}

function open(call: UpgradeCall, answer: IncomingHttpHeaders, upstream: Duplex): void {
  const { sink, socket, head, principal } = call
  const handshake = toHandshake(answer, call.extra())
  sink.hijack()
  // For the log line, which is written when the socket closes.
  sink.raw.statusCode = 101
  sink.raw.detachSocket(socket)
  socket.write(handshake)
  joinTunnel({ principal, socket, head, upstream })
}

function toHandshake(headers: IncomingHttpHeaders, extra: readonly string[]): string {
  const fields = ['upgrade', 'websocket', 'connection', 'Upgrade']
  for (const name of RESPONSE_FIELDS) fields.push(...pair(name, headers[name]))
  fields.push(...extra)
  let text = 'HTTP/1.1 101 Switching Protocols\r\n'
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`
  return `${text}\r\n`
}

function pair(name: string, value: string | string[] | undefined): string[] {
  return value === undefined ? [] : [name, Array.isArray(value) ? value.join(', ') : value]
}
