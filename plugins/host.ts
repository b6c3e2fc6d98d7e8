import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import { Problem } from '../src/domain/problems.ts'

export interface HostOptions {
  /** Host (and port, if any) of the public URL. */
  readonly publicHost: string
  readonly publicHostname: string
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `any`: the route answers under every name, for this reason. */
    host?: { readonly any: string }
  }
}

const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '[::1]']

/**
 * Refuses requests for another host than the public URL's, and those that name two (SECURITY rule 50). Nothing is
 * built from Host, but a page of a name that was rebound to this address must not count as same-origin.
 */
export default fp<HostOptions>(
  async (fastify, { publicHost, publicHostname }) => {
    const isLoopback = LOOPBACK.includes(publicHostname)
    let accepted = publicHost
    fastify.addHook('onRequest', (request, _reply, done) => {
      if (countHosts(request.raw) !== 1)
        return done(new Problem('USHER_INVALID_REQUEST', { detail: 'One Host, please.' }))
      if (request.routeOptions.config.host !== undefined) return done()
      // Nearly always the one before's.
      if (request.host === accepted) return done()
      const host = request.host.toLowerCase()
      // Loopback names are one place, and a published container port differs from the one inside.
      const hostname = host.replace(/:\d+$/, '')
      if (host === publicHost || (isLoopback && LOOPBACK.includes(hostname))) {
        accepted = request.host
        return done()
      }
      done(
        new Problem('USHER_INVALID_REQUEST', {
          detail: 'Host is not that of USHER_PUBLIC_URL; let the proxy pass it on.'
        })
      )
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
