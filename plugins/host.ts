import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import type { IsOwnHost } from '../src/domain/hosts.ts'
import { Problem } from '../src/domain/problems.ts'

export interface HostOptions {
  readonly isOwnHost: IsOwnHost
  /** What to change if the Host is another one; a fixed text. */
  readonly remedy: string
  /** Receives what a client sent, which may be anything. */
  readonly onForeignHost: (host: string) => void
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `any`: the route answers under any name, and to HTTP/1.0 without one, for this reason. */
    host?: { readonly any: string }
  }
}

/**
 * Refuses requests for another host than this listener's, and those that name two (SECURITY rule 50). No link is built
 * from Host, but a page whose name was rebound to this address must not count as same-origin.
 */
export default fp<HostOptions>(
  async (fastify, { isOwnHost, remedy, onForeignHost }) => {
    let accepted: string | null = null
    fastify.addHook('onRequest', (request, _reply, done) => {
      const hosts = countHosts(request.raw)
      const isAnyHost = request.routeOptions.config.host !== undefined
      if (isAnyHost && hosts <= 1) return done()
      if (hosts !== 1)
        return done(new Problem('USHER_INVALID_REQUEST', { detail: 'Exactly one Host header is required.' }))
      // Nearly always the same as the previous request's.
      const { host } = request
      if (host === accepted) return done()
      if (!isOwnHost(host)) {
        onForeignHost(host)
        return done(new Problem('USHER_INVALID_REQUEST', { detail: remedy }))
      }
      accepted = host
      done()
    })
  },
  { name: 'host' }
)

function countHosts(message: IncomingMessage): number {
  const { rawHeaders } = message
  let hosts = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.length === 4 && rawHeaders[index]?.toLowerCase() === 'host') hosts += 1
  }
  return hosts
}
