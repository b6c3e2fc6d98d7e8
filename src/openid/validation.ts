import type { Configuration, JWKS } from 'oidc-provider'
import type { Config } from '../config/config.ts'
import { CLAIMS } from './claims.ts'
import { createClients, toMetadata } from './clients.ts'
import { loadLibrary } from './library.ts'

/** The part of the library's configuration that decides which clients it accepts. */
export function clientRules({ oidc }: Pick<Config, 'oidc'>): Configuration {
  return {
    jwks: { keys: oidc.keys.map(({ jwk }) => jwk) } as JWKS,
    clients: [...createClients({ oidc }).values()].map(toMetadata),
    claims: { ...CLAIMS },
    scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
    subjectTypes: ['public'],
    responseTypes: ['code'],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none']
  }
}

/** The library's objections to clients, by name; otherwise they would appear at the first sign-in. */
export async function objectionsTo(config: Pick<Config, 'oidc' | 'publicUrl'>): Promise<readonly string[]> {
  if (config.oidc.clients.length === 0) return []
  const { Provider } = await loadLibrary()
  const provider = new Provider(config.publicUrl.href, {
    ...clientRules(config),
    adapter: () => {
      throw new Error('nothing is stored while clients are validated')
    },
    features: {
      backchannelLogout: { enabled: true },
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: true }
    }
  })
  const objections: string[] = []
  for (const [index, client] of config.oidc.clients.entries()) {
    try {
      await provider.Client.validate(toMetadata(client))
    } catch (error) {
      const { error_description: words = 'is not valid' } = error as { error_description?: string }
      // The library's message names the member in OpenID Connect's terms and repeats no value.
      objections.push(`USHER_OIDC_CLIENTS entry ${index + 1}: ${words}`)
    }
  }
  return objections
}
