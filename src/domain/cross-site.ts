import { normalOrigin, originOf } from './origins.ts'

/** What showed that a request comes from another site, or does not say where from; labels of a metric. */
export type CrossSiteReason = 'navigation' | 'sec_fetch_site' | 'origin' | 'referer' | 'no_header'

export interface FetchHeaders {
  readonly 'sec-fetch-site'?: string | string[] | undefined
  readonly 'sec-fetch-mode'?: string | string[] | undefined
  readonly origin?: string | undefined
  readonly referer?: string | undefined
  readonly 'x-usher'?: string | string[] | undefined
}

/** Why a request is refused as cross-site, or null. `unsafe`: whether it may change something. */
export type FindCrossSite = (headers: FetchHeaders, unsafe: boolean) => CrossSiteReason | null

export type RequestSite = 'own' | 'other' | 'unknown'

export interface CrossSiteCheck {
  readonly find: FindCrossSite
  /** Where a request says it comes from: Usher's own pages or an allowed origin, elsewhere, or nothing. */
  siteOf(headers: FetchHeaders): RequestSite
  /** Whether an Origin field names an allowed frontend on another origin. */
  isAllowedOrigin(origin: string): boolean
}

/** An empty field counts as absent. */
function refererOf({ referer }: FetchHeaders): string | undefined {
  return referer === '' ? undefined : referer
}

/**
 * The same-origin rule (SECURITY rules 27-29, 79, 83): Fetch Metadata decides, then Origin, then a header that no
 * cross-site form can send. Origins are compared in normal form.
 */
export function createCrossSiteCheck(
  publicOrigin: string,
  allowedOrigins: readonly string[]
): CrossSiteCheck {
  const frontends: ReadonlySet<string | null> = new Set(allowedOrigins)

  function isFrontend(origin: string | null): boolean {
    return origin !== publicOrigin && frontends.has(origin)
  }

  function isKnown(origin: string | null): boolean {
    return origin === publicOrigin || frontends.has(origin)
  }

  function find(headers: FetchHeaders, unsafe: boolean): CrossSiteReason | null {
    // Any site can cause a navigation by a link, form or redirect. None of Usher's navigations changes anything.
    if (unsafe && headers['sec-fetch-mode'] === 'navigate') return 'navigation'
    const { origin } = headers
    const referer = refererOf(headers)
    const site = headers['sec-fetch-site']
    if (site !== undefined) {
      if (site === 'same-origin') return null
      // The address bar and bookmarks.
      if (site === 'none' && !unsafe) return null
      if (origin !== undefined) return isFrontend(normalOrigin(origin)) ? null : 'sec_fetch_site'
      // Images and media requested by a frontend on a sibling host carry no Origin.
      const isEmbedded = !unsafe && site === 'same-site' && referer !== undefined
      return isEmbedded && isFrontend(originOf(referer)) ? null : 'sec_fetch_site'
    }
    if (origin !== undefined) return isKnown(normalOrigin(origin)) ? null : 'origin'
    if (headers['x-usher'] === '1') return null
    if (unsafe) return 'no_header'
    // Plain HTTP, TVs and native players send nothing else. A Lax cookie is not sent with another site's subresources.
    return referer === undefined || isKnown(originOf(referer)) ? null : 'referer'
  }

  return {
    find,
    siteOf(headers) {
      if (find(headers, false) !== null) return 'other'
      const hasProof = headers['sec-fetch-site'] !== undefined || headers['x-usher'] === '1'
      const isStated = headers.origin !== undefined || refererOf(headers) !== undefined
      return hasProof || isStated ? 'own' : 'unknown'
    },
    isAllowedOrigin: (origin) => frontends.has(normalOrigin(origin))
  }
}
