import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Problem } from '../domain/problems.ts'
import type { ForwardCall, ForwardContext } from './forward-call.ts'
import { refuse, toOutcome } from './refusal.ts'
import { toUpstreamHeaders } from './request-headers.ts'

/** A request to forward that asks for a WebSocket. */
export interface UpgradeCall extends ForwardCall {
  readonly socket: Socket
  /** What the browser sent right behind its request. */
  readonly head: Buffer
}

const KEEP_ALIVE_MS = 30_000
const REQUEST_FIELDS: readonly string[] = [
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-extensions',
  'sec-websocket-protocol'
]
const RESPONSE_FIELDS: readonly string[] = [
  'sec-websocket-accept',
  'sec-websocket-extensions',
  'sec-websocket-protocol'
]

/**
 * Asks the upstream for a WebSocket and, given one, joins both sockets: bytes pass as they are, compression
 * included. The tunnel ends with its session, and half-closing passes through.
 */
export function tunnel(context: ForwardContext, call: UpgradeCall): void {
  const { request, socket, sink } = call
  const lane = context.lanes.upgrade
  const startedAt = performance.now()
  const report = (outcome: Parameters<ForwardContext['onOutcome']>[0]) =>
    context.onOutcome(outcome, (performance.now() - startedAt) / 1000, call)
  const headers = toUpstreamHeaders(request.rawHeaders, { body: null, range: false })
  headers.push(...call.principal.identity.fields)
  // RFC 6455 §4.1; of the identity, the token stays last.
  if (!isHandshake(request.headers)) return void sink.send(new Problem('USHER_INVALID_REQUEST'))
  headers.unshift(...REQUEST_FIELDS.flatMap((name) => pair(name, request.headers[name])))
  let settled = false
  lane.open++
  lane.dispatcher.dispatch(
    {
      origin: call.origin,
      path: call.path,
      method: 'GET',
      upgrade: 'websocket',
      headers,
      headersTimeout: context.timeoutMs
    },
    {
      onRequestStart(controller) {
        if (socket.destroyed) controller.abort(new Error('the client went away'))
        else socket.once('close', () => !settled && controller.abort(new Error('the client went away')))
      },
      onRequestUpgrade(_controller, _status, answer, upstream) {
        settled = true
        report('ok')
        upstream.once('close', () => {
          lane.open--
        })
        sink.hijack()
        // For the log line, which is written when the socket closes.
        sink.raw.statusCode = 101
        sink.raw.detachSocket(socket)
        socket.write(toHandshake(answer, call.extra()))
        join(call, upstream)
      },
      onResponseStart(controller, status) {
        if (status < 200) return
        settled = true
        // A plain 2xx or 3xx is no answer to a handshake.
        if (status >= 400) report(refuse(context, call, status, undefined))
        else sink.send(new Problem('USHER_UPSTREAM_INVALID'))
        controller.abort(new Error('not a WebSocket'))
      },
      onResponseData() {},
      onResponseEnd() {
        lane.open--
      },
      onResponseError(_controller, error) {
        lane.open--
        if (settled || socket.destroyed) return
        settled = true
        const problem = context.toProblem(error)
        report(toOutcome(problem))
        sink.send(problem)
      }
    }
  )
}

function isHandshake(headers: IncomingHttpHeaders): boolean {
  const key = headers['sec-websocket-key']
  return key !== undefined && /^[A-Za-z0-9+/]{22}==$/.test(key) && headers['sec-websocket-version'] === '13'
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

function join(call: UpgradeCall, upstream: Duplex): void {
  const { socket, head } = call
  const end = () => {
    socket.destroy()
    upstream.destroy()
  }
  const release = call.principal.addStream('socket', end)
  socket.setTimeout(0)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
  if (head.length > 0) upstream.write(head)
  // Whoever closes for good takes the other along, once what is queued has left.
  upstream.on('error', end)
  socket.on('error', end)
  upstream.on('close', () => socket.destroySoon())
  socket.on('close', () => {
    release()
    upstream.destroy()
  })
  socket.pipe(upstream).pipe(socket)
}
