import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import type { Core } from '../src/app/core.ts'
import { createForwarders } from '../src/forward/forwarders.ts'
import { createGate } from '../src/forward/gate.ts'
import { createPlexTvReader } from '../src/forward/plex-tv-reader.ts'
import { createPolicy } from '../src/forward/policy.ts'
import { createPrincipals } from '../src/forward/principals.ts'
import type { ScopedAccess } from '../src/forward/scoped-access.ts'
import { listenForUpgrades } from '../src/forward/upgrades.ts'
import type { NoSession } from '../src/session/cookie/sessions.ts'

/** The parts of the core that forwarding uses. */
type ForwardCore = Pick<Core, 'config' | 'names' | 'attributes' | 'now' | 'metrics' | 'plexTv'> &
  Pick<
    Core,
    'sessions' | 'standings' | 'streams' | 'mediaServerOf' | 'connectionRules' | 'presences' | 'audit'
  >

export interface ForwardOptions {
  readonly core: ForwardCore
  /** Reads a token that came with a request without a cookie; without it none is accepted. */
  readonly readScoped?: (token: string) => ScopedAccess | NoSession
}

declare module 'fastify' {
  interface FastifyReply {
    /** Answers from the media server, or with the problem that says why not. */
    forwardToMediaServer(): void
    /** Answers from plex.tv with a document without secrets, or with the problem that says why not. */
    forwardToPlexTv(): void
  }
}

/** Decorates replies with the two ways to forward a request: to the media server and to plex.tv. */
export default fp<ForwardOptions>(
  async (fastify, options) => {
    const { core } = options
    const { config } = core
    const mount = `${config.publicUrl.basePath}/pms`
    const forwarders = createForwarders({ core, mount })
    const upgrades = listenForUpgrades(fastify)
    const principals = createPrincipals(core, core.now)
    core.metrics.observeMedia(principals.loads.totals)
    const gate = createGate({
      core,
      mount,
      forwarders,
      upgrades,
      policy: createPolicy({ ownerAdmin: config.ownerAdmin }),
      principals,
      findCrossSite: fastify.crossSite.find,
      serializeCookie: (value) =>
        fastify.serializeCookie(core.names.session, value, {
          ...core.attributes,
          maxAge: Math.floor(config.sessionMaxMs / 1000)
        }),
      readScoped: options.readScoped ?? null
    })

    fastify.decorateReply('forwardToMediaServer', function (this: FastifyReply) {
      gate(this)
    })
    const readPlexTv = createPlexTvReader(core)
    fastify.decorateReply('forwardToPlexTv', function (this: FastifyReply) {
      readPlexTv(this).catch((error: unknown) => this.send(error))
    })
    // A 401 from there clears the cookie as any other does: the session plugin looks at what was read.
    fastify.addHook('onError', (request, _reply, error, done) => {
      if ('status' in error && error.status === 401) request.readSession()
      done()
    })
    fastify.addHook('onClose', async () => {
      await forwarders.close()
    })
  },
  { name: 'forward', dependencies: ['session', 'same-origin', '@fastify/cookie'] }
)
