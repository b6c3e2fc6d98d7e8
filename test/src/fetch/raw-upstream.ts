import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** What answers one request, by hand; `requests` counts those of this connection. */
export type RawHandler = (socket: Socket, head: string, requests: number) => unknown

export interface RawUpstream {
  readonly origin: string
  readonly sockets: Socket[]
  /** Heads of the requests so far. */
  readonly heads: string[]
  answer: RawHandler
}

/** A server of plain TCP, for answers that no HTTP server would send. */
export async function startRaw(t: Test, answer: RawHandler): Promise<RawUpstream> {
  const server = createServer((socket) => {
    raw.sockets.push(socket)
    socket.on('error', () => {})
    let text = ''
    let requests = 0
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end)
        text = text.slice(end + 4)
        raw.heads.push(head)
        raw.answer(socket, head, ++requests)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const raw: RawUpstream = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets: [],
    heads: [],
    answer
  }
  t.teardown(() => {
    server.close()
    for (const socket of raw.sockets) socket.destroy()
  })
  return raw
}
