import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { JsonObject } from '../json.ts'
import { writeRaw } from '../listener.ts'
import type { SimRequest } from '../request.ts'
import type { Route } from '../router.ts'
import type { World } from '../world.ts'
import type { Callers } from './caller.ts'
import { pmsError } from './reply.ts'

// Plex's document has the singular, every client the plural (reference/plex.md#notifications).
const SOCKET_PATH = /^\/:\/websockets?\/notifications$/

/** The member that holds a notification's entries. */
const CONTAINERS: Readonly<Record<string, string>> = {
  playing: 'PlaySessionStateNotification',
  timeline: 'TimelineEntry',
  reachability: 'ReachabilityNotification',
  activity: 'ActivityNotification'
}

/** Live notifications over SSE and WebSocket. */
export interface Notifications {
  readonly routes: readonly Route[]
  upgrade(message: IncomingMessage, socket: Duplex, head: Buffer, request: SimRequest): void
  /** Sends to every open stream and socket; returns how many. */
  push(type: string, entry: JsonObject): number
  /** Writes this text to the event streams unchanged. */
  pushRaw(text: string): number
  streams(): number
  sockets(): number
  /** Text frames that clients have sent. */
  frames(): string[]
  /** Ends every stream and socket, sockets with this code. */
  end(code?: number): void
}

export function createNotifications(world: World, callers: Callers): Notifications {
  const streams = new Set<{ response: ServerResponse; wants: (type: string) => boolean }>()
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: { threshold: 0 } })
  const frames: string[] = []

  const open = (response: ServerResponse, filters: string | null): void => {
    const stream = { response, wants: toFilter(filters) }
    streams.add(stream)
    const { pingMs } = world.modes
    if (pingMs !== null) response.write('event: ping\ndata: {}\n\n')
    const timer =
      pingMs === null ? undefined : setInterval(() => response.write('event: ping\ndata: {}\n\n'), pingMs)
    timer?.unref()
    response.once('close', () => {
      clearInterval(timer)
      streams.delete(stream)
    })
  }
  return {
    routes: [
      [
        'GET',
        '/:/eventsource/notifications',
        callers.any((request) => ({
          status: 200,
          headers: { 'Content-Type': 'text/event-stream' },
          stream: (response) => open(response, request.query.get('filters'))
        }))
      ],
      ['GET', '/:/websocket{rest*}', callers.any(() => pmsError(400))]
    ],
    upgrade: (message, socket, head, request) => {
      if (!SOCKET_PATH.test(request.path)) return writeRaw(socket, pmsError(404))
      if (!callers.identify(request)) return writeRaw(socket, pmsError(401, request))
      server.handleUpgrade(message, socket, head, (client) => {
        client.on('error', () => {})
        client.on('message', (data) => frames.push(String(data)))
      })
    },
    push: (type, entry) => {
      const name = CONTAINERS[type] ?? `${type.charAt(0).toUpperCase()}${type.slice(1)}Notification`
      const listening = [...streams].filter(({ wants }) => wants(type))
      // One object over SSE, a list over WebSocket.
      for (const { response } of listening) {
        response.write(`event: ${type}\ndata: ${JSON.stringify({ [name]: entry })}\n\n`)
      }
      const frame = JSON.stringify({ NotificationContainer: { type, size: 1, [name]: [entry] } })
      for (const client of server.clients) client.send(frame)
      return listening.length + server.clients.size
    },
    pushRaw: (text) => {
      for (const { response } of streams) response.write(text)
      return streams.size
    },
    streams: () => streams.size,
    sockets: () => server.clients.size,
    frames: () => [...frames],
    end: (code = 1001) => {
      for (const { response } of streams) response.end()
      for (const client of server.clients) client.close(code)
    }
  }
}

/** `-log` by default; `a,b` means only these, `-a` all but these, empty all. */
function toFilter(filters: string | null): (type: string) => boolean {
  const list = (filters ?? '-log').split(',').filter((name) => name !== '')
  const denied = list.filter((name) => name.startsWith('-')).map((name) => name.slice(1))
  const allowed = list.filter((name) => !name.startsWith('-'))
  return (type) => !denied.includes(type) && (allowed.length === 0 || allowed.includes(type))
}
