import { connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

export interface Switch {
  /** From now on every connection goes to this port; those that are open are cut. */
  lead(port: number): void
}

/** One address for several instances, as a load balancer has it: a test chooses which of them answers. */
export async function startSwitch(t: Test, publicPort: number): Promise<Switch> {
  let port = 0
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client]
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  })
  await new Promise<void>((resolve) => server.listen(publicPort, '127.0.0.1', resolve))
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(() => {
    cut()
    server.close()
  })
  return {
    lead(to) {
      port = to
      cut()
    }
  }
}
