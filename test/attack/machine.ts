import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { freePort } from '../support/ports.ts'

export interface Machine {
  readonly server: Server
  readonly port: number
  /** Every token that reached it. */
  readonly tokens: string[]
}

/** A media server of a few lines, at a port where another one may have been before. */
export async function startMachine(
  t: Test,
  machineIdentifier: string,
  port = 0,
  answer: RequestListener = (_request, response) => void response.end('{}')
): Promise<Machine> {
  const tokens: string[] = []
  const server = createServer((request, response) => {
    const token = request.headers['x-plex-token']
    if (token !== undefined) tokens.push(String(token))
    response.setHeader('content-type', 'application/json')
    if (request.url !== '/identity') return answer(request, response)
    response.end(JSON.stringify({ MediaContainer: { machineIdentifier, version: '1', claimed: true } }))
  })
  server.on('upgrade', (request, socket) => {
    tokens.push(String(request.headers['x-plex-token']))
    socket.destroy()
  })
  // Nobody else takes it before another machine is there.
  server.listen(port || (await freePort()), '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => stopMachine(server))
  return { server, port: (server.address() as AddressInfo).port, tokens }
}

export async function stopMachine(server: Server): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
