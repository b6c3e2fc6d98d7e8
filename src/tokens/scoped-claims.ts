import { array, createCodec, createLayout, flag, integer, listOf, oneOf, text } from '../seal/codec.ts'
import type { Session } from '../session/session.ts'
import type { Owner } from './owner.ts'
import { SCOPES, type Scope } from './scope.ts'
import { fromReference, toReference } from './session-reference.ts'

/** The claims of a scoped token. Times are epoch milliseconds. */
export interface ScopedClaims {
  readonly id: string
  readonly serviceId: string
  /** Issued for the deployment's owner, without a session. */
  readonly owner: boolean
  readonly scope: Scope
  /** Canonical path prefixes; empty for all of /pms. */
  readonly resources: readonly string[]
  readonly issuedAt: number
  readonly expiresAt: number
  readonly session: Session & { readonly tokenId?: string; readonly openerId?: number | null }
}

const version1 = createLayout({
  id: text,
  serviceId: text,
  owner: flag,
  scope: oneOf(SCOPES),
  resources: listOf(text),
  issuedAt: integer,
  expiresAt: integer,
  // A session's reference; for the owner, name and machineIdentifier of the server.
  subject: array
})
const ownerSubject = createLayout({ name: text, machineIdentifier: text })

type SealedClaims = NonNullable<ReturnType<typeof version1.read>>

export const scopedCodec = createCodec<SealedClaims>({
  version: 1,
  encode: version1.write,
  decoders: new Map([[1, version1.read]])
})

export function toScoped(claims: ScopedClaims): readonly unknown[] {
  const { session, owner } = claims
  // The owner's account token is never in it, not even sealed: the instance that unseals it has the setting.
  const subject = owner ? [session.server?.name, session.server?.machineIdentifier] : toReference(session)
  return scopedCodec.encode({ ...claims, subject })
}

/** The claims in an unsealed value; null for another version or shape, or when USHER_PLEX_TOKEN is no longer set. */
export function readScoped(value: unknown, owner: Owner): ScopedClaims | null {
  const claims = scopedCodec.decode(value)
  if (claims === null) return null
  const { subject, ...rest } = claims
  const session = claims.owner ? ownerAt(subject, owner) : fromReference(subject)
  if (session === null) return null
  return {
    ...rest,
    // Streams that the token opened end when it expires, and when it alone is revoked.
    session: {
      ...session,
      idleExpiresAt: Math.min(session.idleExpiresAt, claims.expiresAt),
      tokenId: claims.id
    }
  }
}

function ownerAt(subject: readonly unknown[], owner: Owner): Session | null {
  const server = ownerSubject.read(subject)
  return server === null ? null : owner.at({ ...server, uri: null })
}
