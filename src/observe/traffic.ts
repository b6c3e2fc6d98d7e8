import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** Bytes of one listener's connections since the start. */
export interface Traffic {
  readonly sent: number
  readonly received: number
}

/** Counts what sockets count anyway: at their end, and when somebody asks. No request pays for it. */
export function watchTraffic(server: Pick<Server, 'on'>): () => Traffic {
  const open = new Set<Socket>()
  let [sent, received] = [0, 0]
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => {
      open.delete(socket)
      sent += socket.bytesWritten
      received += socket.bytesRead
    })
  })
  return () => {
    const total = { sent, received }
    for (const socket of open) {
      total.sent += socket.bytesWritten
      total.received += socket.bytesRead
    }
    return total
  }
}
