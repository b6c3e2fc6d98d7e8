import type { Configuration } from 'oidc-provider'
import type { Dispatcher } from 'undici'
import type { OpenIdClient } from './clients.ts'

const TIMEOUT_MS = 2500

/**
 * Sends the library's requests to apps: sign-outs, to exactly the configured addresses. These may be private, which
 * the library itself refuses. Follows no redirect, and reads only the status of a response.
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
    const { origin, pathname, search } = new URL(target)
    const { statusCode, body } = await dispatcher.request({
      origin,
      path: pathname + search,
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: String(options?.body ?? ''),
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      signal: AbortSignal.timeout(TIMEOUT_MS)
    })
    await body.dump({ limit: 16_384 }).catch(() => undefined)
    return new Response(null, { status: statusCode < 200 ? 502 : statusCode })
  }
}
