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
