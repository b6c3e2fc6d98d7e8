import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from './answer.ts'
import { deliver } from './deliver.ts'
import { alter, type Fault, type Faults } from './faults.ts'
import type { RecordedRequest, Recorder } from './recorder.ts'
import { type Service, type SimRequest, toSimRequest } from './request.ts'

export interface Tls {
  readonly key: string
  readonly cert: string
}

export interface ListenerOptions {
  readonly service: Service
  readonly host: string
  readonly port: number
  readonly tls?: Tls | undefined
  readonly faults: Faults
  readonly recorder: Recorder
  /** The response of the service to any request. */
  readonly answer: (request: SimRequest) => Promise<Answer>
  /** The response for a fault; null if the fault lets the request through. */
  readonly faultAnswer: (request: SimRequest, fault: Fault) => Answer | null
  readonly upgrade?: (message: IncomingMessage, socket: Duplex, head: Buffer, request: SimRequest) => void
  /** A text left whole, and as the service wrote it. */
  readonly delivered?: (text: string) => void
}

/** A listening socket that can go away and come back on the same port. */
export interface Listener {
  readonly url: string
  readonly listening: boolean
  down(): Promise<void>
  up(): Promise<void>
  openSockets(): number
  activeResponses(): number
}

export async function startListener(options: ListenerOptions): Promise<Listener> {
  const sockets = new Set<Socket>()
  let active = 0
  const onRequest = (message: IncomingMessage, response: ServerResponse): void => {
    active++
    response.once('close', () => active--)
    // A caller that leaves in the middle is a test case, not an error.
    response.on('error', () => {})
    const record = options.recorder.open(options.service, message, response)
    void respond(options, message, response, record)
  }
  const server: Server = options.tls ? createHttpsServer(options.tls, onRequest) : createHttpServer(onRequest)
  server.keepAliveTimeout = 30_000
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    void respondToUpgrade(options, message, socket, head)
  })
  await listen(server, options.host, options.port)
  const { port } = server.address() as AddressInfo
  return {
    url: `${options.tls ? 'https' : 'http'}://${options.host}:${port}`,
    get listening() {
      return server.listening
    },
    down: async () => {
      if (!server.listening) return
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
    up: async () => {
      if (!server.listening) await listen(server, options.host, port)
    },
    openSockets: () => sockets.size,
    activeResponses: () => active
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function respond(
  options: ListenerOptions,
  message: IncomingMessage,
  response: ServerResponse,
  record: RecordedRequest
): Promise<void> {
  try {
    const body = await readBody(message)
    record.body = body.toString('utf8')
    const request = toSimRequest(options.service, message, body)
    const faults = options.faults.take(request)
    if (await interrupts(options, faults, () => response.destroy())) return
    const answer = faultAnswerOf(options, request, faults) ?? (await options.answer(request))
    if (response.destroyed) return
    const altered = alter(answer, faults)
    const { delivered } = options
    if (delivered !== undefined && altered === answer && typeof answer.body === 'string') {
      const text = answer.body
      response.once('finish', () => delivered(text))
    }
    await deliver(response, request.method, altered, faults, record)
  } catch (error) {
    // A broken request body, or a defect of the simulator. It must be visible and must not look like Plex.
    if (!message.destroyed) process.emitWarning(error instanceof Error ? error : String(error))
    response.destroy()
  }
}

async function respondToUpgrade(
  options: ListenerOptions,
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer
): Promise<void> {
  socket.on('error', () => {})
  const record = options.recorder.open(options.service, message)
  socket.once('close', () => {
    record.state = 'finished'
  })
  const request = toSimRequest(options.service, message, Buffer.alloc(0))
  const faults = options.faults.take(request)
  if (await interrupts(options, faults, () => socket.destroy())) return
  const refusal = faultAnswerOf(options, request, faults)
  if (refusal) writeRaw(socket, refusal)
  else if (options.upgrade) options.upgrade(message, socket, head, request)
  else socket.destroy()
}

/** Whether a fault leaves the caller without a response. */
async function interrupts(
  options: ListenerOptions,
  faults: readonly Fault[],
  destroy: () => void
): Promise<boolean> {
  for (const fault of faults) {
    if (fault.kind === 'hold') await options.faults.cleared(fault)
    if (fault.kind === 'latency') await sleep(fault.ms)
    if (fault.kind === 'hang') return true
    if (fault.kind === 'reset') {
      destroy()
      return true
    }
  }
  return false
}

function faultAnswerOf(
  options: ListenerOptions,
  request: SimRequest,
  faults: readonly Fault[]
): Answer | null {
  for (const fault of faults) {
    const answer = options.faultAnswer(request, fault)
    if (answer) return answer
  }
  return null
}

/** An HTTP response on a socket whose upgrade is refused. */
export function writeRaw(socket: Duplex, answer: Answer): void {
  const body = Buffer.from(answer.body ?? '')
  const headers = { ...answer.headers, 'Content-Length': String(body.length), Connection: 'close' }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(Buffer.concat([Buffer.from(`HTTP/1.1 ${answer.status} Refused\r\n${lines.join('')}\r\n`), body]))
}

async function readBody(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
