import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'

export interface Upgrade {
  readonly socket: Socket
  /** What came right behind the request. */
  readonly head: Buffer
}

/**
 * Sends requests for an upgrade through the router like any other, so that host, origin, session and policy are
 * checked in the one place; the returned map tells the handler which of them still have a socket to upgrade.
 */
export function listenForUpgrades(fastify: FastifyInstance): WeakMap<IncomingMessage, Upgrade> {
  const upgrades = new WeakMap<IncomingMessage, Upgrade>()

  function onUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const socket = stream as Socket
    // Node took its own listener away; without one a reset would end the process.
    socket.on('error', () => socket.destroy())
    // A body behind the request would be taken for the first frames.
    if (request.method !== 'GET') {
      socket.write('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
      socket.destroySoon()
      return
    }
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    try {
      response.assignSocket(socket)
    } catch {
      // Pipelined: the socket still belongs to the previous response (SECURITY rule 49).
      socket.destroy()
      return
    }
    response.on('finish', () => {
      if (response.socket === null) return
      response.detachSocket(socket)
      socket.destroySoon()
    })
    // A tunnel is over when its socket is: that is when Fastify's onResponse hooks write their line.
    socket.on('close', () => {
      if (!response.writableFinished) response.emit('finish')
    })
    upgrades.set(request, { socket, head })
    fastify.routing(request, response)
  }

  fastify.server.on('upgrade', onUpgrade)
  fastify.addHook('onClose', async () => {
    fastify.server.off('upgrade', onUpgrade)
  })
  return upgrades
}
