import type { Configuration } from 'oidc-provider'
import { type Dispatcher, request } from 'undici'
import type { OpenIdClient } from './clients.ts'

const TIMEOUT_MS = 2500

/**
 * Sends what the library sends to apps: sign-outs, to the exact addresses of the configuration and to no other. Those may
 * be private, which the library's own way refuses. Redirects are not followed, and nothing of an answer but its status is read.
 */
export function createBackChannel(
  clients: ReadonlyMap<string, OpenIdClient>,
  dispatcher: Dispatcher
): NonNullable<Configuration['fetch']> {
  const allowed = new Set(
    [...clients.values()].flatMap(({ backchannelLogoutUri }) =>
      backchannelLogoutUri === null ? [] : [new URL(backchannelLogoutUri).href]
    )
  )
  return async (url, options) => {
    const target = String(url)
    if (!allowed.has(target)) throw new TypeError('not an address of an app')
    const { statusCode, body } = await request(target, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: String(options?.body ?? ''),
      dispatcher,
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      signal: AbortSignal.timeout(TIMEOUT_MS)
    })
    await body.dump({ limit: 16_384 }).catch(() => undefined)
    return new Response(null, { status: statusCode < 200 ? 502 : statusCode })
  }
}
