import { byId, settings } from './dom.ts'

// The longest that `returnTo` may be is 1,000 characters; beyond this one goes on directly.
const MAX_CHARS = 900

/**
 * Where Plex's page shall lead back to: this page once more, which offers profile and server before it goes on. Without
 * a script the form leads straight to where one wanted to go.
 */
function wayBack(): string {
  const { base, returnTo } = settings()
  // In the small window there is nothing to choose: the page beside it goes on.
  if (returnTo === `${base}/signin?window=done`) return returnTo
  const query = new URLSearchParams({ fresh: '1', ...(returnTo !== '' && { returnTo }) })
  const here = `${base}/signin?${query}`
  return here.length <= MAX_CHARS || returnTo === '' ? here : returnTo
}

/** Has the form of "Sign in with Plex" come back here. */
export function setUpRedirect(): void {
  byId('plex-return-to', HTMLInputElement).value = wayBack()
}

/** The same as pressing "Sign in with Plex". */
export function goToPlex(): void {
  location.assign(`${settings().base}/session/login?${new URLSearchParams({ returnTo: wayBack() })}`)
}
