import type { Config } from '../config/config.ts'
import { deploymentIdentifier } from '../plex/identity.ts'
import type { MediaServer } from '../plex/media-server.ts'
import { NEVER_CHECKED, namelessAccount, type Session, type SessionServer } from '../session/session.ts'
import { OAuthError } from './oauth-error.ts'

/** The owner, acting with USHER_PLEX_TOKEN at the deployment's server, without a sign-in. */
export interface Owner {
  /** The owner at the server's current identity. Throws when the server is unreachable or not configured. */
  session(): Promise<Session>
  /** The owner at a server that a token names; null when USHER_PLEX_TOKEN is not set. */
  at(server: SessionServer): Session | null
}

export interface OwnerOptions {
  readonly config: Pick<Config, 'plexToken' | 'publicUrl' | 'sessionMaxMs'>
  readonly mediaServer: MediaServer | null
  readonly now: () => number
}

/** Stands for the account in logs and introspection: Usher never asks plex.tv whose USHER_PLEX_TOKEN is. */
export const OWNER_ID = 'owner'

export function createOwner({ config, mediaServer, now }: OwnerOptions): Owner {
  const { plexToken, publicUrl, sessionMaxMs } = config
  const clientIdentifier = deploymentIdentifier(publicUrl.href)
  let known: SessionServer | null = null

  function ownerAt(server: SessionServer, token: string): Session {
    const time = now()
    return {
      id: OWNER_ID,
      account: namelessAccount(0),
      accountToken: token,
      clientIdentifier,
      role: 'owner',
      server,
      serverToken: token,
      method: 'password',
      signedInAt: time,
      expiresAt: time + sessionMaxMs,
      seenAt: time,
      idleExpiresAt: time + sessionMaxMs,
      checkedAt: NEVER_CHECKED,
      homeAdmin: null
    }
  }

  return {
    at: (server) => (plexToken === null ? null : ownerAt(server, plexToken)),
    async session() {
      if (plexToken === null || mediaServer === null) {
        throw new OAuthError('invalid_target', 'This deployment has no owner token or no media server.')
      }
      const { machineIdentifier } = await mediaServer.verifyIdentity()
      if (known?.machineIdentifier !== machineIdentifier) {
        const name = await mediaServer.name(plexToken, clientIdentifier)
        known = { name, machineIdentifier, uri: null }
      }
      return ownerAt(known, plexToken)
    }
  }
}
