import type { FastifyInstance } from 'fastify'
import providerAnswers from '../../plugins/provider-answers.ts'
import { oidcEndpoints } from '../../routes/public/oidc/endpoints.ts'
import { createHousePages } from '../../routes/public/oidc/house-pages.ts'
import { oidcInteraction } from '../../routes/public/oidc/interaction.ts'
import { createOpenId, type OpenId } from '../openid/openid.ts'
import { objectionsTo } from '../openid/validation.ts'
import { createVisits } from '../openid/visit.ts'
import { createDispatcher } from '../plex/dispatcher.ts'
import type { Core } from './core.ts'
import { StartError } from './start-error.ts'

export interface Provider {
  readonly openId: OpenId
  /** Adds the provider's endpoints and pages. */
  addRoutes(scope: FastifyInstance): Promise<void>
}

const CONNECT_TIMEOUT_MS = 2500

/** The OpenID provider for the configured clients, with its pages. */
export async function openProvider(core: Core): Promise<Provider> {
  const { config, log, state } = core
  const { clients } = config.oidc
  const objections = await objectionsTo(config)
  if (objections.length > 0) throw new StartError(objections.join('; '))
  if (state.kind === 'memory')
    log.warn(
      { settings: ['USHER_STATE_DIR', 'USHER_REDIS_URL'] },
      'without a state directory or Redis, apps are not told of sign-outs after a restart'
    )
  const visits = createVisits()
  const pages = createHousePages({
    config,
    nameOf: (clientId) => clients.find(({ id }) => id === clientId)?.name ?? null,
    accountOf: (ctx) => visits.of(ctx.req).read?.live.session.account.title ?? null
  })
  const dispatcher = createDispatcher({ connectTimeoutMs: CONNECT_TIMEOUT_MS })
  const openId = await createOpenId({
    ...core,
    store: state.store,
    rules: core.accessRules,
    visits,
    pages,
    dispatcher
  })
  return {
    openId: {
      ...openId,
      async close() {
        await openId.close()
        await dispatcher.destroy()
      }
    },
    async addRoutes(scope) {
      const { standings, sessionEnds } = core
      await scope.register(providerAnswers, { config, standings, sessionEnds, openId })
      await scope.register(oidcEndpoints)
      await scope.register(oidcInteraction, { core, pages })
    }
  }
}
