import type { Session, SessionServer } from '../session/session.ts'
import type { Owner } from './owner.ts'
import { SCOPES, type Scope } from './scope.ts'
import { fromReference, toReference } from './session-reference.ts'

/** What a scoped token says. Times are epoch milliseconds. */
export interface ScopedClaims {
  readonly id: string
  readonly serviceId: string
  /** Made for the deployment's owner, without a session. */
  readonly owner: boolean
  readonly scope: Scope
  /** Canonical path prefixes; empty for all of /pms. */
  readonly resources: readonly string[]
  readonly issuedAt: number
  readonly expiresAt: number
  readonly session: Session & { readonly tokenId?: string; readonly openerId?: number | null }
}

const VERSION = 1

export function toScoped(claims: ScopedClaims): readonly unknown[] {
  const { id, serviceId, owner, scope, resources, issuedAt, expiresAt, session } = claims
  const { server } = session
  // The owner's account token never leaves, not even sealed: who opens the token has it in the settings.
  const subject = owner ? [server?.name, server?.machineIdentifier] : toReference(session)
  return [VERSION, id, serviceId, owner, scope, resources, issuedAt, expiresAt, subject]
}

/** The claims in an unsealed value; null for any other version or shape, or an owner who is none any more. */
export function readScoped(value: unknown, owner: Owner): ScopedClaims | null {
  if (!Array.isArray(value) || value[0] !== VERSION) return null
  const [, id, serviceId, byOwner, scope, resources, issuedAt, expiresAt, subject] =
    value as readonly unknown[]
  if (typeof id !== 'string' || typeof serviceId !== 'string' || !isTexts(resources)) return null
  if (!(SCOPES as readonly unknown[]).includes(scope)) return null
  if (typeof issuedAt !== 'number' || typeof expiresAt !== 'number') return null
  const server = byOwner === true ? toServer(subject) : null
  const session = server === null ? fromReference(subject) : owner.at(server)
  if (session === null) return null
  return {
    id,
    serviceId,
    owner: byOwner === true,
    scope: scope as Scope,
    resources,
    issuedAt,
    expiresAt,
    // Streams in the token's name end with the token, and with it when it is revoked by itself.
    session: { ...session, idleExpiresAt: Math.min(session.idleExpiresAt, expiresAt), tokenId: id }
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function toServer(value: unknown): SessionServer | null {
  if (!isTexts(value)) return null
  const [name, machineIdentifier] = value
  return name === undefined || machineIdentifier === undefined ? null : { name, machineIdentifier, uri: null }
}
