import { randomBytes } from 'node:crypto'
import type { Server } from 'node:http'
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  fastify,
  LogController
} from 'fastify'
import { addHeadRoute } from '../../plugins/head-routes.ts'
import { compileSchemasLate } from '../../plugins/late-schemas.ts'
import { type RenderProblem, writeProblem } from '../../plugins/problems.ts'
import { requireRules } from '../../plugins/route-rules.ts'
import { fixedHeaders } from '../../plugins/security-headers.ts'
import { Problem } from '../domain/problems.ts'
import { refuseClient } from './client-errors.ts'
import type { Core } from './core.ts'
import { joinChunks } from './joined-chunks.ts'
import { serializePipelines } from './pipelining.ts'

/** Bytes of a JSON body; the largest is a token exchange with two sealed values. */
const BODY_LIMIT = 16_384
/** Request line and headers together; with a cookie domain the cookies of other apps arrive here too. */
const MAX_HEADER_BYTES = 32_768
/** For a whole request, so that a slow client cannot hold a socket (SECURITY rule 53). */
const REQUEST_TIMEOUT_MS = 60_000
/** Longer than the usual 60 s of a reverse proxy, which could otherwise reuse a socket that is being closed. */
const KEEP_ALIVE_MS = 75_000

/** A Fastify instance with the settings of both listeners: strict bodies, own errors, no default logging. */
export function createListener(
  core: Pick<Core, 'config' | 'log'>,
  name: 'public' | 'internal',
  renderProblem: RenderProblem | null = null
): FastifyInstance {
  // Random, so that ids do not repeat after a restart. A caller's own id is ignored.
  const prefix = randomBytes(6).toString('base64url')
  let requests = 0
  const fixed = fixedHeaders(name === 'public' && core.config.publicUrl.secure)
  const { trustedProxies } = core.config
  const loggerInstance: FastifyBaseLogger = core.log.child({ listener: name })
  const app = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    // A child logger for every request costs more than adding the request id to each line.
    childLoggerFactory: (logger) => logger,
    genReqId: () => `${prefix}-${(++requests).toString(36)}`,
    // The internal listener has no proxy in front: a forwarded address would let a caller choose its own.
    trustProxy: name === 'public' && trustedProxies.length > 0 ? [...trustedProxies] : false,
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    http: {
      maxHeaderSize: MAX_HEADER_BYTES,
      // Every other protocol's Upgrade is ignored (RFC 9110 §7.8), h2c among them.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket'
    },
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (_error, request, reply: FastifyReply) => {
      reply.headers({ ...fixed })
      void writeProblem(new Problem('USHER_INVALID_REQUEST'), request, reply, renderProblem)
    },
    clientErrorHandler: (error, socket) => refuseClient(error, socket, fixed)
  })
  serializePipelines(app.server as Server)
  joinChunks(app.server as Server)
  app.addHook('onRoute', requireRules)
  app.addHook('onRoute', addHeadRoute)
  compileSchemasLate(app)
  return app
}

/** An app that never listens, for the pages of /docs: the internal listener injects requests into it. */
export function createPagesApp(): FastifyInstance {
  return fastify({ logger: false })
}
