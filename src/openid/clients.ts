import type { ClientMetadata } from 'oidc-provider'
import type { Config } from '../config/config.ts'

/** An app that signs in by OpenID Connect. */
export type OpenIdClient = Config['oidc']['clients'][number]

export function createClients({ oidc }: Pick<Config, 'oidc'>): ReadonlyMap<string, OpenIdClient> {
  return new Map(oidc.clients.map((client) => [client.id, client]))
}

/** The library's metadata of a client. */
export function toMetadata(client: OpenIdClient): ClientMetadata {
  const { id, name, secretHashes, redirectUris, postLogoutRedirectUris, backchannelLogoutUri } = client
  const isPublic = secretHashes.length === 0
  return {
    client_id: id,
    client_name: name,
    // Never compared itself: a seam compares the digest of the received secret with each hash.
    ...(!isPublic && { client_secret: secretHashes.join(' ') }),
    // With one of these the library accepts both ways of sending the secret.
    token_endpoint_auth_method: isPublic ? 'none' : 'client_secret_basic',
    application_type: redirectUris.some(isOwnScheme) ? 'native' : 'web',
    grant_types: client.refresh ? ['authorization_code', 'refresh_token'] : ['authorization_code'],
    response_types: ['code'],
    redirect_uris: [...redirectUris],
    post_logout_redirect_uris: [...postLogoutRedirectUris],
    id_token_signed_response_alg: client.idTokenAlg,
    ...(backchannelLogoutUri !== null && {
      backchannel_logout_uri: backchannelLogoutUri,
      backchannel_logout_session_required: true
    })
  }
}

function isOwnScheme(uri: string): boolean {
  return !/^https?:/i.test(uri)
}

/** Origins whose scripts may use an app's tokens: those of its redirect URIs. */
export function originsOf({ redirectUris }: Pick<OpenIdClient, 'redirectUris'>): ReadonlySet<string> {
  return new Set(
    redirectUris.flatMap((uri) => URL.parse(uri)?.origin ?? []).filter((origin) => origin !== 'null')
  )
}
