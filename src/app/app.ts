import cookie from '@fastify/cookie'
import cors, { type FastifyCorsOptions } from '@fastify/cors'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import accessLog from '../../plugins/access-log.ts'
import apiDocument from '../../plugins/api-document.ts'
import compression from '../../plugins/compression.ts'
import forward from '../../plugins/forward.ts'
import forwardedAddresses from '../../plugins/forwarded-addresses.ts'
import host from '../../plugins/host.ts'
import jsonBodies from '../../plugins/json-bodies.ts'
import notBrowser from '../../plugins/not-browser.ts'
import oauthErrors from '../../plugins/oauth-errors.ts'
import problems from '../../plugins/problems.ts'
import proxyNotices from '../../plugins/proxy-notices.ts'
import rateLimits from '../../plugins/rate-limits.ts'
import refusalLinks from '../../plugins/refusal-links.ts'
import sameOrigin from '../../plugins/same-origin.ts'
import securityHeaders from '../../plugins/security-headers.ts'
import serviceAuth from '../../plugins/service-auth.ts'
import session from '../../plugins/session.ts'
import signInCookies from '../../plugins/sign-in-cookies.ts'
import { healthRoute } from '../../routes/health.ts'
import { docsRoutes } from '../../routes/internal/docs.ts'
import { operationsRoutes } from '../../routes/internal/operations.ts'
import { peopleServiceRoutes } from '../../routes/internal/people.ts'
import { sourceRoutes } from '../../routes/internal/sources.ts'
import { tokenRoutes } from '../../routes/internal/tokens.ts'
import { openApiRoute } from '../../routes/public/openapi.ts'
import { plexRoutes } from '../../routes/public/plex.ts'
import { pmsRoutes } from '../../routes/public/pms.ts'
import { rootRoute } from '../../routes/public/root.ts'
import { homeRoutes } from '../../routes/public/session/home.ts'
import { loginRoute } from '../../routes/public/session/login.ts'
import { peopleSessionRoutes } from '../../routes/public/session/people.ts'
import { pinRoutes } from '../../routes/public/session/pin.ts'
import { playbackRoute } from '../../routes/public/session/playback.ts'
import { redirectRoutes } from '../../routes/public/session/redirect.ts'
import { serverRoutes } from '../../routes/public/session/servers.ts'
import { sessionRoutes } from '../../routes/public/session/session.ts'
import { verifyRoute } from '../../routes/public/session/verify.ts'
import { loadAssets } from '../../routes/public/signin/assets.ts'
import { createLanguages } from '../../routes/public/signin/language.ts'
import { signinPage } from '../../routes/public/signin/page.ts'
import { createPlainPages } from '../../routes/public/signin/plain-page.ts'
import { createProblemPages } from '../../routes/public/signin/problem-page.ts'
import { type CrossSiteCheck, createCrossSiteCheck } from '../domain/cross-site.ts'
import { createInternalHostCheck, createPublicHostCheck } from '../domain/hosts.ts'
import { createRequestLines } from '../observe/request-lines.ts'
import { toView } from '../session/session.ts'
import { createAppList } from './app-list.ts'
import type { Core } from './core.ts'
import { createListener, createPagesApp } from './listener.ts'
import { StartError } from './start-error.ts'

/** The public listener: browsers, by cookie and under the same-origin rule. */
export async function buildPublicApp(core: Core): Promise<FastifyInstance> {
  const { config, metrics } = core
  const { publicUrl } = config
  const [assets, languages] = [loadAssets(), createLanguages()]
  const renderPlain = createPlainPages({ config, assets, languages })
  // Its code is not even read if no app signs in here.
  const provider =
    config.oidc.clients.length > 0
      ? await (await import('./openid.ts')).openProvider(core, renderPlain)
      : null
  if (provider === null)
    core.reload.follow((next) => {
      if (next.oidc.clients.length > 0)
        throw new StartError('USHER_OIDC_CLIENTS: the first client needs a restart, OpenID Connect is off')
      return () => undefined
    })
  const listApps = createAppList(core, provider?.openId ?? null)
  const isOwnHost = createPublicHostCheck(publicUrl.origin)
  const render = createProblemPages({ config, isOwnHost, render: renderPlain })
  const app = createListener(core, 'public', render)
  app.addHook('onListen', async () => provider?.openId.start())
  app.addHook('onClose', async () => provider?.openId.close())

  await app.register(apiDocument, {
    url: publicUrl.origin,
    description: 'The public listener, for browsers',
    sessionCookie: core.names.session
  })
  await app.register(accessLog, {
    listener: 'public',
    metrics,
    writeLine: createRequestLines(core.log, 'public')
  })
  await app.register(problems, {
    onProblem: (code) => metrics.refusals.inc({ listener: 'public', code }),
    render
  })
  await app.register(securityHeaders, { secure: publicUrl.secure })
  if (config.trustedProxies.length > 0) await app.register(forwardedAddresses)
  await app.register(host, {
    isOwnHost,
    remedy: 'Host is not that of USHER_PUBLIC_URL; let the proxy pass it on.',
    onForeignHost: (name) => core.notices.foreignHost('public', name)
  })
  await app.register(proxyNotices, { notices: core.notices, secure: publicUrl.secure })
  const crossSite = createCrossSiteCheck(publicUrl.origin, config.allowedOrigins)
  if (config.allowedOrigins.length > 0) await app.register(cors, corsOptions(crossSite))
  if (config.compress) await app.register(compression, { crossSite })
  await app.register(rateLimits, {
    state: core.state,
    audit: core.audit,
    onLimited: (limit) => metrics.rateLimited.inc({ limit }),
    siteOf: (request) => crossSite.siteOf(request.headers),
    findAccount(request) {
      const read = request.readSession()
      return read.open ? read.live.session.account.id : null
    }
  })
  await app.register(sameOrigin, {
    crossSite,
    audit: core.audit,
    onRefusal: (reason) => metrics.csrfRefusals.inc({ reason })
  })

  const browsers: FastifyPluginAsync = async (scope) => {
    await scope.register(jsonBodies)
    await scope.register(cookie, { hook: false })
    const { sessions, live, standings, sessionEnds, signOuts } = core
    const { seal, names, attributes, hostAttributes, findOldCookies, now } = core
    await scope.register(session, {
      sessions,
      live,
      standings,
      sessionEnds,
      signOuts,
      names,
      attributes,
      findOldCookies,
      sessionMaxMs: config.sessionMaxMs,
      basePath: publicUrl.basePath,
      ...(provider !== null && { beforeReplace: provider.openId.move })
    })
    await scope.register(signInCookies, { seal, names, hostAttributes, now })
    await scope.register(refusalLinks, { seal, basePath: publicUrl.basePath, now })
    await scope.register(loginRoute, { signIns: core.signIns.password })
    await scope.register(sessionRoutes, { core })
    await scope.register(pinRoutes, { core })
    await scope.register(redirectRoutes, { core })
    await scope.register(homeRoutes, { signIns: core.signIns.home, basePath: publicUrl.basePath })
    await scope.register(serverRoutes, { choice: core.serverChoice })
    await scope.register(verifyRoute, { core })
    await scope.register(playbackRoute, { core })
    await scope.register(peopleSessionRoutes, { people: core.people })
    await scope.register(forward, { core, readScoped: core.tokens.open })
    if (config.openApi) await scope.register(openApiRoute)
    await scope.register(pmsRoutes)
    await scope.register(plexRoutes)
    await provider?.addRoutes(scope)
    await scope.register(signinPage, {
      config,
      assets,
      languages,
      core,
      findReturnTo: core.findReturnTo,
      findSession: (request) => {
        const read = request.readSession()
        return read.open ? toView(read.live.session, read.live.stale, publicUrl.basePath) : null
      },
      async findApps(request) {
        const read = request.readSession()
        return read.open ? listApps(read.live.session) : { open: [], entered: [] }
      },
      findRefusedName: scope.findRefusedName,
      plexUnreachableSince: () => core.plexStatus.outageSince
    })
  }
  await app.register(browsers, { prefix: publicUrl.basePath })
  const { basePath } = publicUrl
  for (const prefix of new Set(['', basePath])) {
    await app.register(healthRoute, { prefix })
    await app.register(rootRoute, { prefix, basePath })
  }
  return app
}

/** The internal listener: services with their own secrets, and operators. */
export async function buildInternalApp(core: Core, publicApp: FastifyInstance): Promise<FastifyInstance> {
  const app = createListener(core, 'internal')
  await app.register(apiDocument, {
    url: `http://localhost:${core.config.internalListen.port}`,
    description: 'The internal listener, for services and operators',
    sessionCookie: core.names.session
  })
  await app.register(accessLog, {
    listener: 'internal',
    metrics: core.metrics,
    writeLine: createRequestLines(core.log, 'internal')
  })
  await app.register(problems, {
    onProblem: (code) => core.metrics.refusals.inc({ listener: 'internal', code })
  })
  await app.register(securityHeaders, { secure: false })
  await app.register(host, {
    isOwnHost: createInternalHostCheck(core.config.internalNames),
    remedy: 'Host is no address and no private name; list the name in USHER_INTERNAL_NAMES.',
    onForeignHost: (name) => core.notices.foreignHost('internal', name)
  })
  await app.register(notBrowser)
  await app.register(rateLimits, {
    state: core.state,
    audit: core.audit,
    onLimited: (limit) => core.metrics.rateLimited.inc({ limit })
  })
  await app.register(serviceAuth, { services: core.tokens.services, audit: core.audit })
  const oauth: FastifyPluginAsync = async (scope) => {
    await scope.register(jsonBodies)
    await scope.register(oauthErrors)
    const { exchange, introspector } = core.tokens
    await scope.register(tokenRoutes, { exchange, introspector, metrics: core.metrics, audit: core.audit })
  }
  await app.register(oauth)
  await app.register(sourceRoutes, {
    owner: core.tokens.owner,
    turns: core.tokens.turns,
    mediaServer: core.mediaServer,
    audit: core.audit
  })
  await app.register(peopleServiceRoutes, { people: core.people })
  await app.register(operationsRoutes, { readiness: core.readiness, metrics: core.metrics })
  await app.register(healthRoute)
  await app.register(docsRoutes, {
    documents: () => [publicApp.swagger(), app.swagger()],
    createApp: createPagesApp
  })
  return app
}

/** The response fields that a frontend on another origin may read, besides the CORS-safelisted ones. */
const EXPOSED_FIELDS = [
  'Retry-After',
  'Content-Range',
  'Accept-Ranges',
  'X-Plex-Container-Total-Size',
  'X-Plex-Container-Start',
  'ETag',
  'Server-Timing'
]

/** CORS with credentials, for the allowed origins only. */
function corsOptions(crossSite: CrossSiteCheck): FastifyCorsOptions {
  return {
    // `true` echoes the request's Origin, which is in the list.
    origin: (origin, allow) => allow(null, origin !== undefined && crossSite.isAllowedOrigin(origin)),
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    exposedHeaders: EXPOSED_FIELDS,
    credentials: true,
    maxAge: 600
  }
}
