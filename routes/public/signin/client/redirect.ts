import { byId, settings } from './dom.ts'

// `returnTo` may have 1,000 characters; a longer one is used directly.
const MAX_CHARS = 900

/**
 * Where Plex's page leads back to: this page again, which offers profile and server before it continues. Without
 * scripts the form leads straight to `returnTo`.
 */
function wayBack(): string {
  const { base, returnTo } = settings()
  // Nothing to choose in the small window: the page that opened it continues.
  if (returnTo === `${base}/signin?window=done`) return returnTo
  const query = new URLSearchParams({ fresh: '1', ...(returnTo !== '' && { returnTo }) })
  const here = `${base}/signin?${query}`
  return here.length <= MAX_CHARS || returnTo === '' ? here : returnTo
}

/** Makes the "Sign in with Plex" form return to this page. */
export function setUpRedirect(): void {
  byId('plex-return-to', HTMLInputElement).value = wayBack()
}

/** The same as pressing "Sign in with Plex". */
export function goToPlex(): void {
  location.assign(`${settings().base}/session/login?${new URLSearchParams({ returnTo: wayBack() })}`)
}
