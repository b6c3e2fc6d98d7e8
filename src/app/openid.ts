import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { FastifyInstance } from 'fastify'
import providerAnswers from '../../plugins/provider-answers.ts'
import { oidcEndpoints } from '../../routes/public/oidc/endpoints.ts'
import { createHousePages } from '../../routes/public/oidc/house-pages.ts'
import { oidcInteraction } from '../../routes/public/oidc/interaction.ts'
import type { RenderPlainPage } from '../../routes/public/signin/plain-page.ts'
import type { Config } from '../config/config.ts'
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
export async function openProvider(core: Core, render: RenderPlainPage): Promise<Provider> {
  const { config, log, state } = core
  if (state.kind === 'memory')
    log.warn(
      { settings: ['USHER_STATE_DIR', 'USHER_REDIS_URL'] },
      'without a state directory or Redis, apps are not told of sign-outs after a restart'
    )
  const visits = createVisits()
  const pages = createHousePages({
    config,
    render,
    nameOf: (clientId) => config.oidc.clients.find(({ id }) => id === clientId)?.name ?? null,
    accountOf: (ctx) => visits.of(ctx.req).read?.live.session.account.title ?? null
  })
  const dispatcher = createDispatcher({ connectTimeoutMs: CONNECT_TIMEOUT_MS })
  const holder = randomBytes(9).toString('base64url')

  async function open(from: Config): Promise<OpenId> {
    const objections = await objectionsTo(from)
    if (objections.length > 0) throw new StartError(objections.join('; '))
    const parts = { store: state.store, rules: core.accessRules, visits, pages, dispatcher, holder }
    return createOpenId({ ...core, ...parts, config: from })
  }

  let current = await open(config)
  let isStarted = false
  // What is under way at the one before is finished there.
  const openId: OpenId = {
    answer: (...args) => current.answer(...args),
    get interactions() {
      return current.interactions
    },
    entered: (session) => current.entered(session),
    move: (before, after) => current.move(before, after),
    start() {
      isStarted = true
      current.start()
    },
    async close() {
      await current.close()
      await dispatcher.destroy()
    }
  }
  // Last, because a provider that is not taken over would still listen for revocations.
  core.reload.follow(async (next) => {
    if (isDeepStrictEqual([next.oidc, next.apps], [config.oidc, config.apps])) return () => undefined
    const fresh = await open(next)
    return () => {
      const before = current
      current = fresh
      if (isStarted) fresh.start()
      void before.close()
    }
  })
  return {
    openId,
    async addRoutes(scope) {
      const { standings, sessionEnds } = core
      await scope.register(providerAnswers, { config, standings, sessionEnds, openId })
      await scope.register(oidcEndpoints)
      await scope.register(oidcInteraction, { basePath: config.publicUrl.basePath, pages })
    }
  }
}
