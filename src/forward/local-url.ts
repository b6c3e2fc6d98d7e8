import type { ServerRole } from '../domain/roles.ts'
import type { Policy } from './policy.ts'
import type { RouteClass, Rule } from './policy-table.ts'
import { readTarget, type Target } from './target.ts'

/** In whose name addresses inside a request are read: they lead nowhere that the caller may not go by itself. */
export interface Caller {
  readonly policy: Policy
  readonly role: ServerRole
  /** The media server's. */
  readonly machineIdentifier: string
  /** What a scoped token may reach. */
  readonly allows: (routeClass: RouteClass, path: string) => boolean
}

/** The media server's own address, as clients write it that were made for a server on the same machine. */
const LOOPBACK = /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]):32400(?=\/)/i
/** What a server calls the pictures it has itself. */
const OWN_PICTURE = /^(?:upload|metadata|media):\/\/(?!.*\.\.)[\w./-]+$/
/** Where media servers find the pictures that they offer (their agents' sources). */
const PICTURE_HOSTS: ReadonlySet<string> = new Set([
  'artworks.thetvdb.com',
  'assets.fanart.tv',
  'image.tmdb.org',
  'images.plex.tv',
  'metadata-static.plex.tv'
])

/**
 * An address that the media server is to fetch, as a path of its own: only a path that the policy opens to the same
 * caller, and no token in it. Anything else would have the server send requests for whoever asks. Null: refused.
 */
export function toLocalUrl(value: string, caller: Caller): string | null {
  const found = findInside(value.replace(LOOPBACK, ''), caller)
  if (found === null) return null
  const { target, rule } = found
  if (rule.parameters === undefined) return target.upstream
  // A transcoder asked to fetch from a transcoder could be led outside by the inner one's parameters.
  if (rule.parameters !== 'picture') return null
  const url = new URLSearchParams(target.upstream.split('?')[1]).getAll('url')
  return url.length === 1 && isOwnPicture(url[0] as string) ? target.upstream : null
}

/**
 * A `uri` that names items of the media server itself, by the path they have there; null for one of another server or
 * of a provider, which the media server would ask in the caller's name.
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

/** A picture that the media server has, or may fetch from where it finds pictures itself. */
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
  // An empty prefix would take the empty value for '/'.
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
