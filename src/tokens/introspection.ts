import type { Config } from '../config/config.ts'
import { Problem } from '../domain/problems.ts'
import type { Sessions, UnsealedSession } from '../session/cookie/sessions.ts'
import type { SessionEnds } from '../session/end.ts'
import type { LiveSession } from '../session/live/live-sessions.ts'
import type { Standings } from '../session/standing.ts'
import { OAuthError } from './oauth-error.ts'
import { OWNER_ID } from './owner.ts'
import type { ScopedToken, ScopedTokens } from './scoped.ts'
import type { Service } from './services.ts'

/** RFC 7662 §2.2. It never contains a token, and of an inactive one nothing but `active`. */
export interface Introspection {
  readonly active: boolean
  readonly token_type?: 'Bearer' | 'N_A'
  readonly scope?: string
  readonly client_id?: string
  readonly username?: string
  /** The account's number as text, or `owner`. */
  readonly sub?: string
  readonly aud?: string
  readonly jti?: string
  /** Epoch seconds. */
  readonly iat?: number
  readonly exp?: number
}

/** What a revocation ended, for the audit event. */
export interface Revoked {
  readonly kind: 'token' | 'session' | 'none'
  readonly accountId?: number
}

export interface Introspector {
  /**
   * Throws USHER_UPSTREAM_UNREACHABLE past USHER_OUTAGE_GRACE and while a denial is unconfirmed: the session may yet
   * be active or not, and a service that reads "not active" forgets it for good.
   */
  introspect(text: string): Promise<Introspection>
  /** Ends a scoped token of this service, or a session (RFC 7009), and returns which. An unknown token is no error. */
  revoke(service: Service, text: string): Revoked
}

export interface IntrospectorOptions {
  readonly config: Pick<Config, 'publicUrl'>
  readonly sessions: Pick<Sessions, 'open'>
  readonly scoped: ScopedTokens
  readonly standings: Pick<Standings, 'settle'>
  readonly sessionEnds: Pick<SessionEnds, 'end'>
}

/** Introspection and revocation of Usher's own tokens and sessions, for services that receive them. */
export function createIntrospector(options: IntrospectorOptions): Introspector {
  const { config, sessions, scoped, standings, sessionEnds } = options
  const { href } = config.publicUrl

  function read(text: string): { readonly live: LiveSession; readonly description: Introspection } | null {
    const token = scoped.open(text)
    if (token.open) return { live: token.live, description: describeToken(token, `${href}/pms`) }
    const session = sessions.open(text)
    return session.open ? { live: session.live, description: describeSession(session, href) } : null
  }

  return {
    async introspect(text) {
      const found = read(text)
      if (found === null) return { active: false }
      const standing = await standings.settle(found.live)
      if (standing === 'ended') return { active: false }
      if (standing !== 'good') throw new Problem('USHER_UPSTREAM_UNREACHABLE')
      return found.description
    },

    revoke(service, text) {
      const token = scoped.open(text)
      if (token.open) {
        // RFC 7009 §2.1: a token that was issued to another client is refused with an error.
        if (token.claims.serviceId !== service.id) {
          throw new OAuthError('unauthorized_client', 'The token belongs to another service.')
        }
        scoped.revoke(token)
        return { kind: 'token', accountId: token.live.session.account.id }
      }
      const read = sessions.open(text)
      if (!read.open) return { kind: 'none' }
      if (!service.has('introspect')) {
        throw new OAuthError('unauthorized_client', 'Ending a session requires the grant introspect.')
      }
      sessionEnds.end(read.live.session, 'revoked')
      return { kind: 'session', accountId: read.live.session.account.id }
    }
  }
}

function describeSession({ asSealed, limitAt }: UnsealedSession, aud: string): Introspection {
  const { account, signedInAt } = asSealed
  return {
    active: true,
    token_type: 'N_A',
    username: account.username === '' ? account.uuid : account.username,
    sub: String(account.id),
    aud,
    iat: toSeconds(signedInAt),
    exp: toSeconds(limitAt)
  }
}

function describeToken({ claims, live }: ScopedToken, aud: string): Introspection {
  return {
    active: true,
    token_type: 'Bearer',
    scope: claims.scope,
    client_id: claims.serviceId,
    sub: claims.owner ? OWNER_ID : String(live.session.account.id),
    aud,
    jti: claims.id,
    iat: toSeconds(claims.issuedAt),
    exp: toSeconds(claims.expiresAt)
  }
}

function toSeconds(epochMs: number): number {
  return Math.floor(epochMs / 1000)
}
