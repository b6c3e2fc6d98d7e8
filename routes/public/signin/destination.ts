/**
 * Where the sign-in leads in the end. A `returnTo` that names this page, as the way back from Plex does, is taken apart:
 * what counts is where that page goes on to. `check` is the rule for every value (SECURITY rule 35).
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
  // The last page of the small window is a destination; every other state of this page is on the way to one.
  return own.get('window') === 'done' ? checked : findDestination(own.get('returnTo'), basePath, check)
}
