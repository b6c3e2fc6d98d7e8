import { randomBytes } from 'node:crypto'
import { CLOCK_SKEW_MS } from '../domain/clock.ts'
import { createLruMap } from '../domain/lru-map.ts'
import type { RouteClass } from '../forward/policy-table.ts'
import type { Seal } from '../seal/seal.ts'
import type { Recheck } from '../session/check/recheck.ts'
import { createLiveSession, type LiveSession } from '../session/live/live-sessions.ts'
import type { Revocations } from '../session/live/revocation.ts'
import type { Session } from '../session/session.ts'
import type { SubjectRefusal } from './assertion.ts'
import type { Owner } from './owner.ts'
import { isWithin } from './resource.ts'
import { coversClass, type Scope } from './scope.ts'
import { readScoped, type ScopedClaims, toScoped } from './scoped-claims.ts'
import type { Service, Services } from './services.ts'

/** An unsealed scoped token; cached, so treat it as read-only. */
export interface ScopedToken {
  readonly open: true
  readonly claims: ScopedClaims
  /** The session that it was issued for, with the limits of the token. */
  readonly live: LiveSession
  readonly serviceId: string
  /** Whether its scope and resources cover a class and canonical path. The session's role must allow them too. */
  allows(routeClass: RouteClass, path: string): boolean
}

export interface ScopedRefusal {
  readonly open: false
  readonly code: SubjectRefusal
  /** A token has no cookie to clear. */
  readonly clear: false
}

export interface IssueOptions {
  readonly service: Service
  readonly owner: boolean
  readonly scope: Scope
  readonly resources: readonly string[]
  /** Requested seconds; undefined for the service's maximum. */
  readonly expiresIn: number | undefined
}

export interface ScopedTokens {
  /**
   * Seals a token that lives as long as requested, at most as long as the service may have and as the session lasts.
   */
  issue(session: Session, options: IssueOptions): { readonly token: string; readonly claims: ScopedClaims }
  /** Synchronous; a cache hit does no cryptography. Limits and revocation are checked every time. */
  open(text: string): ScopedToken | ScopedRefusal
  revoke(token: ScopedToken): void
  /** The keys or the services were replaced: every token is looked at afresh. */
  forget(): void
}

export interface ScopedTokensOptions {
  readonly seal: Seal
  readonly revocations: Revocations
  readonly recheck: Pick<Recheck, 'touch'>
  readonly services: Services
  readonly owner: Owner
  readonly now: () => number
  readonly max?: number
}

/** Unsealed tokens in the cache, some 2 KB each. */
const MAX_OPEN = 5000

const INVALID: ScopedRefusal = { open: false, code: 'USHER_SESSION_INVALID', clear: false }
const EXPIRED: ScopedRefusal = { open: false, code: 'USHER_SESSION_EXPIRED', clear: false }
const REVOKED: ScopedRefusal = { open: false, code: 'USHER_SESSION_REVOKED', clear: false }

/**
 * Usher's own access tokens (reference/http.md#token-exchange): sealed, narrow and short-lived, valid at /pms alone,
 * and dead with their session.
 */
export function createScopedTokens(options: ScopedTokensOptions): ScopedTokens {
  const { seal, revocations, recheck, services, owner, now, max = MAX_OPEN } = options
  const opened = createLruMap<string, ScopedToken>(max)

  function unseal(text: string): ScopedToken | ScopedRefusal {
    const unsealed = seal.unseal('scoped', text)
    const claims = typeof unsealed === 'string' ? null : readScoped(unsealed.value, owner)
    if (claims === null || claims.issuedAt > now() + CLOCK_SKEW_MS || !isHeld(claims)) return INVALID
    const live = createLiveSession(claims.session)
    if (typeof unsealed !== 'string') live.kid = unsealed.kid
    const token: ScopedToken = {
      open: true,
      claims,
      live,
      serviceId: claims.serviceId,
      allows: (routeClass, path) => coversClass(claims.scope, routeClass) && isWithin(path, claims.resources)
    }
    if (now() < claims.expiresAt) opened.set(text, token)
    return token
  }

  /** Whether the current settings still let the service have such a token. */
  function isHeld({ serviceId, owner: byOwner }: ScopedClaims): boolean {
    const service = services.find(serviceId)
    return service?.has('scoped') === true && (!byOwner || service.has('transient:owner'))
  }

  return {
    issue(session, { service, owner: byOwner, scope, resources, expiresIn }) {
      const issuedAt = now()
      const ttlMs = Math.min(service.maxTtlMs, expiresIn === undefined ? service.maxTtlMs : expiresIn * 1000)
      const claims: ScopedClaims = {
        id: randomBytes(16).toString('base64url'),
        serviceId: service.id,
        owner: byOwner,
        scope,
        resources,
        issuedAt,
        expiresAt: Math.min(issuedAt + ttlMs, session.expiresAt, session.idleExpiresAt),
        session
      }
      return { token: seal.seal('scoped', toScoped(claims)), claims }
    },

    open(text) {
      const token = opened.get(text) ?? unseal(text)
      if (!token.open) return token
      const { expiresAt } = token.claims
      if (now() >= expiresAt || revocations.isRevoked(token.live.session)) {
        opened.delete(text)
        return now() >= expiresAt ? EXPIRED : REVOKED
      }
      recheck.touch(token.live)
      return token
    },

    revoke({ claims }) {
      revocations.revoke({ kind: 'token', id: claims.id, until: claims.expiresAt + CLOCK_SKEW_MS })
    },
    forget: () => opened.clear()
  }
}
