import type { Config } from '../../config/config.ts'
import { Problem } from '../../domain/problems.ts'
import { hasRole, type Role } from '../../domain/roles.ts'
import type { Account } from '../../plex/account.ts'
import { isServer, type Resource, roleFor } from '../../plex/resources.ts'
import type { Session } from '../session.ts'

/** What an account may do here: its role on the server, and the server's own token for it. */
export interface Admission {
  readonly role: Role
  readonly server: { readonly name: string; readonly machineIdentifier: string } | null
  readonly serverToken: string | null
}

/** A server's name rides in every cookie. */
const MAX_NAME_CHARS = 100

const NO_SERVER: Admission = { role: 'none', server: null, serverToken: null }

/**
 * Who may come in (`USHER_ACCESS`, `USHER_REQUIRE_2FA`), decided by numeric ids alone and never by
 * a name or an e-mail address. `machineId` is the deployment's server, or the one a session chose; null before
 * a choice. Throws USHER_SERVER_ACCESS_DENIED or USHER_TWO_FACTOR_REQUIRED.
 */
export function admit(
  config: Pick<Config, 'access' | 'requireTwoFactor'>,
  account: Account,
  resources: readonly Resource[],
  machineId: string | null
): Admission {
  const servers = resources.filter((resource) => isServer(resource) && resource.accessToken !== null)
  const chosen = servers.find((server) => server.machineIdentifier === machineId)
  const admission = chosen === undefined ? NO_SERVER : admissionTo(chosen, account)
  // Without a chosen server the best role anywhere tells whether there will be one to choose.
  const best = machineId === null ? bestRole(servers, account) : admission.role
  if (!isAllowed(config.access, best)) throw new Problem('USHER_SERVER_ACCESS_DENIED')
  const needsTwoFactor =
    config.requireTwoFactor === 'all' || (config.requireTwoFactor === 'owner' && best === 'owner')
  // A managed profile has no sign-in of its own to protect: it is entered through an account that was checked.
  if (needsTwoFactor && !account.twoFactorEnabled && !account.restricted)
    throw new Problem('USHER_TWO_FACTOR_REQUIRED')
  return admission
}

function admissionTo(server: Resource, account: Account): Admission {
  return {
    role: roleFor(server, account),
    server: { name: server.name.slice(0, MAX_NAME_CHARS), machineIdentifier: server.machineIdentifier },
    serverToken: server.accessToken
  }
}

function bestRole(servers: readonly Resource[], account: Account): Role {
  return servers
    .map((server): Role => roleFor(server, account))
    .reduce((best, role) => (hasRole(role, best) ? role : best), 'none')
}

function isAllowed(access: Config['access'], role: Role): boolean {
  switch (access) {
    case 'anyone':
      return true
    case 'server':
      return hasRole(role, 'shared')
    case 'home':
      return hasRole(role, 'home')
    case 'owner':
      return role === 'owner'
  }
}

/** The session with what a new admission says; the same object where nothing differs but the time. */
export function withAdmission(session: Session, admission: Admission, checkedAt: number): Session {
  const server = admission.server === null ? null : { ...admission.server, uri: session.server?.uri ?? null }
  return { ...session, role: admission.role, server, serverToken: admission.serverToken, checkedAt }
}
