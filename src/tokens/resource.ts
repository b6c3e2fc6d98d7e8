import type { Config } from '../config/config.ts'
import { readTarget } from '../forward/target.ts'
import { OAuthError } from './oauth-error.ts'

/** Prefixes that one token may name, and characters of each: they ride in the token. */
const MAX_RESOURCES = 8
const MAX_CHARS = 256

/**
 * The path prefixes that a token is to be good for, canonical and without a trailing slash; empty stands for all
 * of /pms. Each is given as a path below /pms, as that with /pms before it, or as an absolute URI below the
 * public URL. What /pms would refuse as ambiguous is refused here too: invalid_target.
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
  // RFC 8707 §2: no fragment; a query would narrow nothing, and would look as if it did.
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
