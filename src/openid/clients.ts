import type { ClientMetadata } from 'oidc-provider'
import type { Config } from '../config/config.ts'

/** An app that signs in by OpenID Connect. */
export type OpenIdClient = Config['oidc']['clients'][number]

export function createClients({ oidc }: Pick<Config, 'oidc'>): ReadonlyMap<string, OpenIdClient> {
  return new Map(oidc.clients.map((client) => [client.id, client]))
}

/** As the library wants to be told of a client. */
export function toMetadata(client: OpenIdClient): ClientMetadata {
  const { id, name, secretHashes, redirectUris, postLogoutRedirectUris, backchannelLogoutUri } = client
  const isPublic = secretHashes.length === 0
  return {
    client_id: id,
    client_name: name,
    // Never compared as it stands: the seam holds a digest of what came against each hash.
    ...(!isPublic && { client_secret: secretHashes.join(' ') }),
    // The library takes either form of a secret where one of them stands here.
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

/** Origins whose scripts may ask with an app's tokens: those of its own redirect URIs. */
export function originsOf({ redirectUris }: Pick<OpenIdClient, 'redirectUris'>): ReadonlySet<string> {
  return new Set(
    redirectUris.flatMap((uri) => URL.parse(uri)?.origin ?? []).filter((origin) => origin !== 'null')
  )
}
