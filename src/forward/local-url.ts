import type { ServerRole } from '../domain/roles.ts'
import type { Policy } from './policy.ts'
import type { RouteClass } from './policy-table.ts'
import { localQuery } from './query.ts'
import { readTarget } from './target.ts'

/**
 * Checks an upstream path whose `url` or `path` parameter makes the media server fetch an address
 * (reference/plex.md#server-side-fetches). Only a path of the same server that the policy opens to the same role is
 * allowed, without a token in it. `allows` limits it further: a scoped token must not reach through a transcoder what it may not reach itself.
 * Returns the upstream path to send, or null: refused.
 */
export function resolveLocalUrl(
  upstream: string,
  policy: Policy,
  role: ServerRole,
  allows: (routeClass: RouteClass, path: string) => boolean = () => true
): string | null {
  const mark = upstream.indexOf('?')
  if (mark === -1) return upstream
  const query = localQuery(upstream.slice(mark + 1), (value) => {
    // An empty prefix would take the empty value for '/'.
    const inner = value === '' ? null : readTarget(value, '')
    if (inner === null) return null
    const rule = policy.find('GET', inner.path, role)
    // A transcoder asked to fetch from a transcoder could be led outside by the inner one's parameters.
    if (rule === null || rule.localUrl === true || rule.unsafe === true || rule.class === 'event') return null
    return allows(rule.class, inner.path) ? inner.upstream : null
  })
  return query === null ? null : `${upstream.slice(0, mark)}?${query}`
}
