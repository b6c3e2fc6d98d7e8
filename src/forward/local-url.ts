import type { ServerRole } from '../domain/roles.ts'
import type { Policy } from './policy.ts'
import type { RouteClass, Rule } from './policy-table.ts'
import { readTarget, type Target } from './target.ts'

/** On whose behalf the media server would fetch an address: it must be one that the caller may request directly. */
export interface Caller {
  readonly policy: Policy
  readonly role: ServerRole
  /** The media server's. */
  readonly machineIdentifier: string
  /** Narrows it further for a scoped token. */
  readonly allows: (routeClass: RouteClass, path: string) => boolean
}

/** The media server's own address, as older clients put it in front of its paths. */
const LOOPBACK = /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]):32400(?=\/)/i
/** How a server names pictures that it stores. */
const OWN_PICTURE = /^(?:upload|metadata|media):\/\/(?!.*\.\.)[\w./-]+$/
/** The sources from which media servers' agents offer pictures. */
const PICTURE_HOSTS: ReadonlySet<string> = new Set([
  'artworks.thetvdb.com',
  'assets.fanart.tv',
  'image.tmdb.org',
  'images.plex.tv',
  'metadata-static.plex.tv'
])

/**
 * An address for the media server to fetch, reduced to one of its own paths, without a token, that the policy allows
 * for the same caller. Null for any other: the server would send requests to any address a caller chooses.
 */
export function toLocalUrl(value: string, caller: Caller): string | null {
  const found = findInside(value.replace(LOOPBACK, ''), caller)
  if (found === null) return null
  const { target, rule } = found
  if (rule.parameters === undefined) return target.upstream
  // The parameters of an inner transcoder could lead outside.
  if (rule.parameters !== 'picture') return null
  const url = new URLSearchParams(target.upstream.split('?')[1]).getAll('url')
  return url.length === 1 && isOwnPicture(url[0] as string) ? target.upstream : null
}

/**
 * A `uri` that names items of this media server by their path. Null for another server's or a provider's, which the
 * media server would contact for the caller.
 */
export function toOwnUri(value: string, caller: Caller): string | null {
  const [, server, machine, path = ''] =
    /^(server:\/\/([^/]+)\/com\.plexapp\.plugins\.library)(\/.*)$/.exec(value) ?? []
  if (server !== undefined) {
    const found = machine === caller.machineIdentifier ? findInside(path, caller) : null
    return found === null || found.rule.parameters !== undefined ? null : server + found.target.upstream
  }
  const [, library, encoded = ''] =
    /^(library:\/\/[\w-]*\/(?:item|directory)\/)([\w%.~-]+)$/.exec(value) ?? []
  if (library === undefined) return null
  const found = findInside(decode(encoded), caller)
  if (found === null || found.rule.parameters !== undefined) return null
  return library + encodeURIComponent(found.target.upstream)
}

/** A picture that the media server stores, or one of a source that it uses itself. */
export function toPictureUrl(value: string): string | null {
  if (isOwnPicture(value)) return value
  const url = URL.parse(value)
  if (
    url === null ||
    url.protocol !== 'https:' ||
    url.port !== '' ||
    url.username !== '' ||
    url.password !== ''
  )
    return null
  return PICTURE_HOSTS.has(url.hostname) ? url.href : null
}

function isOwnPicture(value: string): boolean {
  return OWN_PICTURE.test(value)
}

function findInside(path: string, caller: Caller): { readonly target: Target; readonly rule: Rule } | null {
  // readTarget with an empty prefix reads the empty value as '/'.
  const target = path === '' ? null : readTarget(path, '')
  if (target === null) return null
  const rule = caller.policy.find('GET', target.path, caller.role)
  if (rule === null || rule.unsafe === true || rule.class === 'event' || rule.class === 'upgrade') return null
  return caller.allows(rule.class, target.path) ? { target, rule } : null
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
