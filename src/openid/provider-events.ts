import type { EventEmitter } from 'node:events'
import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Audit } from '../observe/audit.ts'
import type { Logger } from '../observe/logger.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { OpenIdClient } from './clients.ts'
import type { Visits } from './visit.ts'

export interface ProviderEventsOptions {
  readonly provider: Provider
  readonly clients: ReadonlyMap<string, OpenIdClient>
  readonly visits: Visits
  readonly metrics: Metrics
  readonly log: Logger
  readonly audit: Audit
}

/** Steps, by the library's route names; labels of a metric. */
const STEPS: Readonly<Record<string, string>> = {
  authorization: 'authorize',
  token: 'token',
  userinfo: 'userinfo',
  revocation: 'revoke',
  end_session: 'logout',
  end_session_confirm: 'logout'
}
const REFUSALS = [
  'authorization.error',
  'grant.error',
  'userinfo.error',
  'revocation.error',
  'end_session.error',
  'end_session_confirm.error'
]

/** Logs and counts what the library does; of a request only its client, account and error. */
export function observeProvider(options: ProviderEventsOptions): void {
  const { provider, clients, visits, metrics, log, audit } = options
  const clientOf = (ctx: KoaContextWithOIDC) => {
    const id = ctx.oidc?.client?.clientId
    return id !== undefined && clients.has(id) ? id : 'unknown'
  }
  const reqIdOf = (ctx: KoaContextWithOIDC) => visits.of(ctx.req).requestId

  provider.on('authorization.success', (ctx) => {
    const { session } = ctx.oidc
    const client = clientOf(ctx)
    const live = visits.of(ctx.req).read?.live
    if (live !== undefined) {
      live.apps ??= new Set()
      live.apps.add(client)
    }
    audit.note('app.entered', { client, accountId: Number(session?.accountId) }, reqIdOf(ctx))
  })
  // The library's types do not name every event that it emits.
  const emitter = provider as unknown as EventEmitter
  for (const event of REFUSALS) {
    emitter.on(event, (ctx: KoaContextWithOIDC, error: LibraryError) => {
      const accountId = Number(ctx.oidc?.session?.accountId)
      const fields = {
        client: clientOf(ctx),
        ...(Number.isSafeInteger(accountId) && { accountId }),
        // A detail that comes from a cause may quote what was sent.
        // Not `error`, which the logger takes for an Error.
        code: error.error,
        reason: (error.cause === undefined ? error.error_detail : undefined) ?? error.error_description
      }
      audit.note('sign_in.refused/app', fields, reqIdOf(ctx))
    })
  }
  provider.on('server_error', (ctx, err) => {
    log.error({ reqId: reqIdOf(ctx), client: clientOf(ctx), err }, 'app request failed')
  })
  // Koa's event for a response that could not be written; without a listener it goes to the console.
  emitter.on('error', (err: unknown) => log.warn({ err }, 'app answer failed'))

  provider.use(async (context, next) => {
    await next()
    // Undefined if no route of the library matched the request.
    const ctx = context as unknown as KoaContextWithOIDC
    const oidc = ctx.oidc as KoaContextWithOIDC['oidc'] | undefined
    const step = STEPS[oidc?.route ?? '']
    if (step !== undefined) metrics.oidcRequests.inc({ client: clientOf(ctx), step, result: resultOf(ctx) })
  })
}

interface LibraryError extends Error {
  readonly error?: string
  readonly error_description?: string
  readonly error_detail?: string
}

function resultOf(ctx: KoaContextWithOIDC): string {
  if (ctx.status >= 500) return 'unavailable'
  if (ctx.status >= 400) return 'refused'
  const location = String(ctx.response.get('location') ?? '')
  if (location.includes('/oidc/interaction/')) return 'sign_in'
  return /[?&]error=/.test(location) ? 'refused' : 'ok'
}
