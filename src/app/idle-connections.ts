import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Makes `closeIdleConnections`, which a stop calls again and again, close what is idle and nothing else. Node takes a
 * connection for idle as soon as its response was ended, although a slow reader has yet to take the rest. Node 24 takes
 * one that has brought no byte yet for busy, and browsers open some ahead.
 */
export function mendIdleConnections(server: Server): void {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const closeIdle = server.closeIdleConnections.bind(server)
  // Node's own `close` calls it too.
  server.closeIdleConnections = () => {
    const unsent = [...sockets].filter(({ writableLength }) => writableLength > 0)
    // It asks nobody which ones to close, so these cannot be closed for as long as it takes.
    for (const socket of unsent) socket.destroy = () => socket
    closeIdle()
    for (const socket of unsent) Reflect.deleteProperty(socket, 'destroy')
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
  }
}
