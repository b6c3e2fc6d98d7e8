import type { Config } from '../config/config.ts'
import type { MediaServer } from '../plex/media-server.ts'
import type { Session, SessionServer } from '../session/session.ts'
import { OAuthError } from './oauth-error.ts'
import { readResources } from './resource.ts'
import { readScope } from './scope.ts'
import type { ScopedTokens } from './scoped.ts'
import type { Service } from './services.ts'
import type { Subject, Subjects } from './subject.ts'
import { TOKEN_TYPES, type TokenRequest } from './token-request.ts'
import type { Transients } from './transient.ts'

/** RFC 8693 §2.2.1, and the server that the token is valid at (reference/http.md#token-exchange). */
export interface TokenAnswer {
  readonly access_token: string
  readonly issued_token_type: string
  readonly token_type: 'N_A' | 'Bearer'
  /** Seconds. */
  readonly expires_in: number
  readonly scope: string
  readonly server: { readonly name: string; readonly machineIdentifier: string; readonly uri: string }
}

export interface TokenExchange {
  readonly findSubject: Subjects['find']
  /** Throws invalid_scope, invalid_target, invalid_grant, or the problem of an upstream that is away. */
  issue(service: Service, request: TokenRequest, subject: Subject): Promise<TokenAnswer>
}

export interface TokenExchangeOptions {
  readonly config: Pick<Config, 'publicUrl'>
  readonly mediaServerOf: (session: Session) => MediaServer | null
  readonly subjects: Subjects
  readonly transients: Transients
  readonly scoped: ScopedTokens
  readonly now: () => number
}

/** Token exchange (RFC 8693): from a session, an assertion or nothing to a transient or a scoped token. */
export function createTokenExchange(options: TokenExchangeOptions): TokenExchange {
  const { config, mediaServerOf, subjects, transients, scoped, now } = options
  const { publicUrl } = config

  async function issueTransient(
    service: Service,
    request: TokenRequest,
    subject: Subject,
    server: SessionServer,
    mediaServer: MediaServer
  ): Promise<TokenAnswer> {
    // It cannot be narrowed, so a request to narrow it is refused.
    if (request.scope !== undefined && request.scope !== 'all') {
      throw new OAuthError('invalid_scope', 'The only scope of a transient token is all.')
    }
    if (request.resources.length > 0) {
      throw new OAuthError('invalid_target', 'A transient token cannot be limited to a resource.')
    }
    requireAudience(request, [server.machineIdentifier])
    const { token, expiresAt } = await transients.issue(service, subject, mediaServer)
    return {
      access_token: token,
      issued_token_type: TOKEN_TYPES.transient,
      token_type: 'N_A',
      expires_in: secondsUntil(expiresAt),
      scope: 'all',
      server: toServerAnswer(server, mediaServer)
    }
  }

  function issueScoped(
    service: Service,
    request: TokenRequest,
    { live, owner }: Subject,
    server: SessionServer,
    mediaServer: MediaServer
  ): TokenAnswer {
    const scope = readScope(request.scope)
    const resources = readResources(request.resources, publicUrl)
    requireAudience(request, [server.machineIdentifier, publicUrl.href])
    const { expiresIn } = request
    const { token, claims } = scoped.issue(live.session, { service, owner, scope, resources, expiresIn })
    return {
      access_token: token,
      issued_token_type: TOKEN_TYPES.access_token,
      token_type: 'Bearer',
      expires_in: secondsUntil(claims.expiresAt),
      scope,
      server: toServerAnswer(server, mediaServer)
    }
  }

  function secondsUntil(expiresAt: number): number {
    return Math.max(0, Math.floor((expiresAt - now()) / 1000))
  }

  return {
    findSubject: subjects.find,
    async issue(service, request, subject) {
      const { session } = subject.live
      const mediaServer = mediaServerOf(session)
      const { server, serverToken } = session
      if (mediaServer === null || server === null || serverToken === null) {
        throw new OAuthError('invalid_target', 'The subject has no media server.', {
          code: 'USHER_SERVER_ACCESS_DENIED'
        })
      }
      return request.type === 'transient'
        ? await issueTransient(service, request, subject, server, mediaServer)
        : issueScoped(service, request, subject, server, mediaServer)
    }
  }
}

/** RFC 8693 §2.1: the audience is where the token will be used, so it must be a place where the token is valid. */
function requireAudience({ audiences }: TokenRequest, known: readonly string[]): void {
  if (audiences.every((audience) => known.includes(audience))) return
  throw new OAuthError('invalid_target', 'The audience must be the machineIdentifier of the server.')
}

function toServerAnswer(server: SessionServer, mediaServer: MediaServer): TokenAnswer['server'] {
  const { name, machineIdentifier } = server
  return { name, machineIdentifier, uri: mediaServer.url }
}
