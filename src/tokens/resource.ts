import type { Config } from '../config/config.ts'
import { readTarget } from '../forward/target.ts'
import { OAuthError } from './oauth-error.ts'

/** Prefixes in one token, and characters in each: the token contains them. */
const MAX_RESOURCES = 8
const MAX_CHARS = 256

/**
 * The path prefixes that a token is limited to, canonical and without a trailing slash; empty means all of /pms. Each
 * is given as a path below /pms, as the same path with /pms, or as an absolute URI below the public URL. Throws
 * invalid_target for a path that /pms would refuse as ambiguous.
 */
export function readResources(
  resources: readonly string[],
  publicUrl: Pick<Config['publicUrl'], 'origin' | 'basePath'>
): readonly string[] {
  if (resources.length > MAX_RESOURCES) throw invalidTarget()
  const prefixes = new Set(resources.map((resource) => readResource(resource, publicUrl)))
  return prefixes.has('') ? [] : [...prefixes]
}

/** Whether a canonical path lies within one of the prefixes, by whole segments. */
export function isWithin(path: string, prefixes: readonly string[]): boolean {
  if (prefixes.length === 0) return true
  return prefixes.some(
    (prefix) => path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/')
  )
}

function readResource(
  resource: string,
  { origin, basePath }: Pick<Config['publicUrl'], 'origin' | 'basePath'>
): string {
  // RFC 8707 §2 forbids a fragment. A query is refused because it would seem to narrow the token and would not.
  if (resource.length > MAX_CHARS || resource.includes('?')) throw invalidTarget()
  if (resource.startsWith('/')) return toPrefix(resource, /^\/pms(?:\/|$)/.test(resource) ? '/pms' : '')
  const start = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\\@\s]+/i.exec(resource)?.[0]
  if (start === undefined || URL.parse(start)?.origin !== origin) throw invalidTarget()
  return toPrefix(resource.slice(start.length), `${basePath}/pms`)
}

function toPrefix(rawPath: string, below: string): string {
  const target = readTarget(rawPath, below)
  if (target === null) throw invalidTarget()
  return target.path.endsWith('/') ? target.path.slice(0, -1) : target.path
}

function invalidTarget(): OAuthError {
  return new OAuthError('invalid_target', 'A resource must be a plain path below /pms.')
}
