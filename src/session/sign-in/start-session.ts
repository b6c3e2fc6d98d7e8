import { randomBytes } from 'node:crypto'
import type { Config } from '../../config/config.ts'
import { isTokenDead, Problem } from '../../domain/problems.ts'
import type { SignInMethod } from '../../domain/sign-in-methods.ts'
import type { Account } from '../../plex/account.ts'
import type { PlexTv } from '../../plex/plex-tv.ts'
import { type AdmissionRules, admit, whose } from '../check/admission.ts'
import { type HomeAdmin, type Session, toSessionAccount } from '../session.ts'
import type { SignOuts } from '../sign-outs.ts'

/** A fresh account token from one of Usher's own sign-ins. */
export interface FreshToken {
  /** From the sign-in's response; if it has none, plex.tv is asked. */
  readonly account?: Account
  readonly token: string
  readonly clientIdentifier: string
  readonly method: SignInMethod
  readonly homeAdmin?: HomeAdmin | null
}

export interface StartSessionOptions {
  readonly config: AdmissionRules & Pick<Config, 'sessionIdleMs' | 'sessionMaxMs'>
  readonly plexTv: Pick<PlexTv, 'resources' | 'account'>
  readonly signOuts: Pick<SignOuts, 'add'>
  /** Whether the session fits its cookie. */
  readonly fits: (session: Session) => boolean
  /** The deployment's machineIdentifier; asks the server if it is not known yet. Null without a server. */
  readonly machineId: () => Promise<string | null>
  /** Whether the owner has blocked an account. */
  readonly isBlocked: (accountId: number) => Promise<boolean>
  readonly now: () => number
}

/**
 * Makes the session of a fresh account token, always under a new id (SECURITY rule 17). A token whose sign-in is
 * refused is signed out again, so that none is left behind. The exception is an outage in a PIN sign-in: the PIN can
 * be read again, and the same token tried again. Throws the problems of `admit`, and those of an upstream
 * that is away.
 */
export async function startSession(options: StartSessionOptions, fresh: FreshToken): Promise<Session> {
  const { signOuts, fits } = options
  const { token, clientIdentifier, method } = fresh
  let session: Session
  try {
    session = await admitted(options, fresh)
  } catch (error) {
    // A token that was issued a moment ago cannot be dead, so this must not end any other session.
    if (isTokenDead(error)) throw new Problem('USHER_UPSTREAM_INVALID', { cause: error })
    const canBeTriedAgain = method === 'pin' && error instanceof Problem && error.status >= 500
    if (!canBeTriedAgain) signOuts.add(token, clientIdentifier)
    throw error
  }
  if (fits(session)) return session
  signOuts.add(token, clientIdentifier)
  throw new Problem('USHER_UPSTREAM_INVALID', { detail: 'The account does not fit a cookie.' })
}

async function admitted(options: StartSessionOptions, fresh: FreshToken): Promise<Session> {
  const { config, plexTv, machineId, isBlocked, now } = options
  const { token, clientIdentifier, method, homeAdmin = null } = fresh
  const [account, resources, machine] = await Promise.all([
    fresh.account ?? plexTv.account(token, clientIdentifier),
    plexTv.resources(token, clientIdentifier),
    machineId()
  ])
  const { role, server, serverToken } = admit(config, account, resources, machine)
  const time = now()
  // After `time` is taken: a block that comes later ends what was signed in before it.
  if (await isBlocked(account.id)) throw new Problem('USHER_ACCOUNT_BLOCKED', whose(account))
  const expiresAt = time + config.sessionMaxMs
  return {
    id: freshId(),
    account: toSessionAccount(account),
    accountToken: token,
    clientIdentifier,
    role,
    server: server === null ? null : { ...server, uri: null },
    serverToken,
    method,
    signedInAt: time,
    expiresAt,
    seenAt: time,
    idleExpiresAt: Math.min(expiresAt, time + config.sessionIdleMs),
    checkedAt: time,
    homeAdmin
  }
}

/** 128 random bits: nobody guesses it, and no sign-in takes over an earlier one. */
export function freshId(): string {
  return randomBytes(16).toString('base64url')
}
