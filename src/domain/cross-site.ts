/** What told that a request comes from another site; labels of a metric. */
export type CrossSiteReason = 'sec_fetch_site' | 'origin' | 'no_header'

export interface FetchHeaders {
  readonly 'sec-fetch-site'?: string | string[] | undefined
  readonly origin?: string | undefined
  readonly 'x-usher'?: string | string[] | undefined
}

/** Why a request counts as cross-site, or null. `unsafe`: whether it can change anything. */
export type FindCrossSite = (headers: FetchHeaders, unsafe: boolean) => CrossSiteReason | null

/**
 * The same-origin rule (SECURITY rules 27-29): Fetch Metadata first, then Origin, then a header that no cross-site
 * form can send.
 */
export function createCrossSiteCheck(publicOrigin: string, allowedOrigins: readonly string[]): FindCrossSite {
  const allowed = new Set([publicOrigin, ...allowedOrigins])
  return (headers, unsafe) => {
    const { origin } = headers
    const site = headers['sec-fetch-site']
    if (site !== undefined) {
      if (site === 'same-origin') return null
      // A person's own navigation (address bar, bookmark) comes from nowhere, and changes nothing by itself.
      if (site === 'none' && !unsafe) return null
      return origin !== undefined && origin !== publicOrigin && allowed.has(origin) ? null : 'sec_fetch_site'
    }
    if (origin !== undefined) return allowed.has(origin) ? null : 'origin'
    return headers['x-usher'] === '1' ? null : 'no_header'
  }
}
