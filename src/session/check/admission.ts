import type { Config } from '../../config/config.ts'
import { Problem } from '../../domain/problems.ts'
import { hasRole, type Role } from '../../domain/roles.ts'
import type { Account } from '../../plex/account.ts'
import { isServer, type Resource, roleFor } from '../../plex/resources.ts'
import type { Session } from '../session.ts'

/** The settings that decide who may sign in. */
export type AdmissionRules = Pick<Config, 'access' | 'allowedAccounts' | 'requireTwoFactor'>

/** What an account may do here: its role on the server, and the server's own token for it. */
export interface Admission {
  readonly role: Role
  readonly server: { readonly name: string; readonly machineIdentifier: string } | null
  readonly serverToken: string | null
}

/** A server's name is in every cookie, so its length counts. */
const MAX_NAME_CHARS = 100

const NO_SERVER: Admission = { role: 'none', server: null, serverToken: null }

/**
 * Decides whether an account may sign in, at sign-in and again at every re-check. `machineId` is the deployment's
 * server, or the one a session chose; null before a choice. Throws USHER_ACCOUNT_BLOCKED, USHER_SERVER_ACCESS_DENIED
 * or USHER_TWO_FACTOR_REQUIRED.
 */
export function admit(
  config: AdmissionRules,
  account: Account,
  resources: readonly Resource[],
  machineId: string | null
): Admission {
  requireListed(config, account)
  const servers = resources.filter((resource) => isServer(resource) && resource.accessToken !== null)
  const chosen = servers.find((server) => server.machineIdentifier === machineId)
  const admission = chosen === undefined ? NO_SERVER : admissionTo(chosen, account)
  // A role at some other server means nothing here (SECURITY rule 75): anybody can own one.
  if (!isAllowed(config.access, admission.role))
    throw new Problem('USHER_SERVER_ACCESS_DENIED', whose(account))
  // Before a server is chosen, anybody who owns one is held to what owners must have: they may choose that one.
  requireSecondFactor(config, account, machineId === null ? bestRole(servers, account) : admission.role)
  return admission
}

/** Throws USHER_ACCOUNT_BLOCKED if the settings list accounts, but not this one. */
export function requireListed(config: AdmissionRules, account: Account): void {
  if (!isListed(config.allowedAccounts, account)) throw new Problem('USHER_ACCOUNT_BLOCKED', whose(account))
}

/** Throws USHER_TWO_FACTOR_REQUIRED if the role needs a second factor and the account has none. */
export function requireSecondFactor(config: AdmissionRules, account: Account, role: Role): void {
  const isNeeded =
    config.requireTwoFactor === 'all' || (config.requireTwoFactor === 'owner' && role === 'owner')
  // A managed profile has no sign-in of its own to protect: it is entered through an account that was checked.
  if (isNeeded && !account.twoFactorEnabled && !account.restricted)
    throw new Problem('USHER_TWO_FACTOR_REQUIRED', whose(account))
}

/** Whom a refusal is about. */
export function whose({ id, title, username }: Pick<Account, 'id' | 'title' | 'username'>) {
  return { accountId: id, accountName: title || username }
}

/** Whether the settings depend on the account's own document: on its names or its second factor. */
export function asksForAccount({ allowedAccounts, requireTwoFactor }: AdmissionRules): boolean {
  return requireTwoFactor !== 'none' || allowedAccounts.length > 0
}

/**
 * An empty list admits every account. An e-mail address counts only if plex.tv has confirmed it, because anybody can
 * enter somebody else's.
 */
function isListed(allowed: AdmissionRules['allowedAccounts'], account: Account): boolean {
  if (allowed.length === 0) return true
  const email = account.confirmed ? account.email.toLowerCase() : null
  const username = account.username.toLowerCase()
  return allowed.some((entry) => {
    if ('id' in entry) return entry.id === account.id
    return 'email' in entry ? entry.email === email : entry.username === username
  })
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

/** Whether USHER_ACCESS admits this role. */
export function isAllowed(access: Config['access'], role: Role): boolean {
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

/** The session updated by a new admission; the same object if nothing but the time differs. */
export function withAdmission(session: Session, admission: Admission, checkedAt: number): Session {
  const server = admission.server === null ? null : { ...admission.server, uri: session.server?.uri ?? null }
  return { ...session, role: admission.role, server, serverToken: admission.serverToken, checkedAt }
}
