import { type Html, html } from './html.ts'
import type { Language } from './language.ts'

/**
 * Where the sign-in finally leads. A `returnTo` that names this page, as on the way back from Plex, is unwrapped: what
 * counts is that page's own `returnTo`. Every value has to pass `check` (SECURITY rule 35).
 */
export function findDestination(
  value: unknown,
  basePath: string,
  check: (value: unknown) => string | null
): string | null {
  const checked = check(value)
  const [path, query] = checked?.split(/\?(.*)/s) ?? []
  if (path !== `${basePath}/signin`) return checked
  const own = new URLSearchParams(query)
  // The last page of the small window is a destination; all other states of this page lead on.
  return own.get('window') === 'done' ? checked : findDestination(own.get('returnTo'), basePath, check)
}

/** A destination as people know it. */
export type Place =
  | { readonly kind: 'site'; readonly host: string }
  /** An app that waits for the end of its OpenID sign-in. */
  | { readonly kind: 'app' }
  /** A page of Usher's own. */
  | { readonly kind: 'here' }

/** Null if nothing asked for the sign-in. */
export function placeOf(
  destination: string | null,
  publicUrl: { readonly href: string; readonly basePath: string }
): Place | null {
  if (destination === null) return null
  const own = new URL(publicUrl.href)
  const { host, pathname, origin } = new URL(destination, own)
  if (origin !== own.origin) return { kind: 'site', host }
  if (pathname.startsWith(`${publicUrl.basePath}/oidc/`)) return { kind: 'app' }
  const isHere =
    pathname === `${publicUrl.basePath}/signin` || pathname.startsWith(`${publicUrl.basePath}/signin/`)
  return isHere ? { kind: 'here' } : { kind: 'site', host: host + (pathname === '/' ? '' : pathname) }
}

/** "Continue to grafana.example.com". */
export function continueWords(place: Place, { text, phrase }: Language): Html {
  if (place.kind === 'site')
    return phrase('account.continue-to', { place: html`<bdi>${shorten(place.host)}</bdi>` })
  return html`${text(place.kind === 'app' ? 'account.continue-app' : 'account.continue')}`
}

/** The same announced before the sign-in; null where there is nothing to announce. */
export function onwardWords(place: Place | null, { text, phrase }: Language): Html | null {
  if (place === null || place.kind === 'here') return null
  if (place.kind === 'app') return html`${text('choose.onward-app')}`
  return phrase('choose.onward', { place: html`<b><bdi>${shorten(place.host)}</bdi></b>` })
}

const MOST_CHARS = 48

/** The host stays whole: it is what people recognise. */
function shorten(place: string): string {
  const host = place.split('/', 1)[0] ?? ''
  return place.length <= MOST_CHARS ? place : host
}
