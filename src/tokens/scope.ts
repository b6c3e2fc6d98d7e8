import type { RouteClass } from '../forward/policy-table.ts'
import { OAuthError } from './oauth-error.ts'

/** Rising: each includes the one before it. */
export const SCOPES = ['pms:read', 'pms:stream'] as const
export type Scope = (typeof SCOPES)[number]

/**
 * The requested scope, `pms:read` by default (RFC 6749 §3.3). Of several the widest is granted. Throws invalid_scope
 * for an unknown name.
 */
export function readScope(text: string | undefined): Scope {
  const names = (text ?? '').split(' ').filter((name) => name !== '')
  if (!names.every((name) => (SCOPES as readonly string[]).includes(name))) {
    throw new OAuthError('invalid_scope', `The scopes are ${SCOPES.join(' and ')}.`)
  }
  return names.includes('pms:stream') ? 'pms:stream' : 'pms:read'
}

/** The same, but undefined for an unknown name: for the audit event of a request that may be refused. */
export function findScope(text: string | undefined): Scope | undefined {
  try {
    return readScope(text)
  } catch {
    // The response reports it. The log does not repeat what a client sent.
    return undefined
  }
}

/**
 * Whether a scope covers a class of path: `pms:read` covers everything but media bytes
 * (reference/http.md#token-exchange).
 */
export function coversClass(scope: Scope, routeClass: RouteClass): boolean {
  return scope === 'pms:stream' || routeClass !== 'media'
}
