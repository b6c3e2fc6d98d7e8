import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Node takes a connection for idle as soon as its response was ended, and then closes it although a slow reader has yet
 * to take the rest. This spares such connections until the returned function is called.
 */
export function spareUnsentAnswers(server: Server): () => void {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const closeIdle = server.closeIdleConnections.bind(server)
  let isSparing = true
  // Node's own `close` calls it too.
  server.closeIdleConnections = () => {
    const unsent = isSparing ? [...sockets].filter(({ writableLength }) => writableLength > 0) : []
    // It asks nobody which ones to close, so these cannot be closed for as long as it takes.
    for (const socket of unsent) socket.destroy = () => socket
    closeIdle()
    for (const socket of unsent) Reflect.deleteProperty(socket, 'destroy')
  }
  return () => {
    isSparing = false
  }
}
