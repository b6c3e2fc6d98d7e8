/**
 * A Location on the same media server, as a path for the browser; null for any other (SECURITY rules 43, 58). `base` is
 * the requested URL, `mount` the path of the media server, `/pms` below the base path.
 */
export function toLocalLocation(location: string, base: string, mount: string): string | null {
  const url = URL.parse(location, base)
  if (url === null || url.origin !== new URL(base).origin || url.username !== '' || url.password !== '')
    return null
  // Written anew at most once: with each removal it would take time in the square of its length (SECURITY rule 53).
  const parameters = [...url.searchParams]
  const kept = parameters.filter(([name]) => !/^\W*x[-_]plex/i.test(name))
  if (kept.length < parameters.length) url.search = String(new URLSearchParams(kept))
  return mount + url.pathname + url.search
}
