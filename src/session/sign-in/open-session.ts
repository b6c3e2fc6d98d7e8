import { randomBytes } from 'node:crypto'
import type { Config } from '../../config/config.ts'
import { isTokenDead, Problem } from '../../domain/problems.ts'
import type { SignInMethod } from '../../domain/sign-in-methods.ts'
import type { Account } from '../../plex/account.ts'
import type { PlexTv } from '../../plex/plex-tv.ts'
import { type AdmissionRules, admit } from '../check/admission.ts'
import { type HomeAdmin, type Session, toSessionAccount } from '../session.ts'
import type { SignOuts } from '../sign-outs.ts'

/** A fresh account token from Usher's own sign-in, on its way to become a session. */
export interface SignedIn {
  /** As the sign-in answered it; asked of plex.tv where it did not. */
  readonly account?: Account
  readonly token: string
  readonly clientIdentifier: string
  readonly method: SignInMethod
  readonly homeAdmin?: HomeAdmin | null
}

export interface OpenSessionOptions {
  readonly config: AdmissionRules & Pick<Config, 'sessionIdleMs' | 'sessionMaxMs'>
  readonly plexTv: Pick<PlexTv, 'resources' | 'account'>
  readonly signOuts: Pick<SignOuts, 'add'>
  /** The deployment's machineIdentifier, asked of the server where it is not known yet; null without a server. */
  readonly machineId: () => Promise<string | null>
  readonly now: () => number
}

/**
 * Makes the session of a fresh account token, always under a new id (SECURITY rule 17). Whatever refuses it, the
 * token is signed out again, so that no sign-in leaves one behind; only an outage leaves the token of a PIN alone,
 * which can be read and tried again. Throws the problems of `admit`, and those of an upstream that is away.
 */
export async function openSession(options: OpenSessionOptions, signedIn: SignedIn): Promise<Session> {
  const { config, plexTv, signOuts, machineId, now } = options
  const { token, clientIdentifier, method, homeAdmin = null } = signedIn
  try {
    const [account, resources, machine] = await Promise.all([
      signedIn.account ?? plexTv.account(token, clientIdentifier),
      plexTv.resources(token, clientIdentifier),
      machineId()
    ])
    const admission = admit(config, account, resources, machine)
    const time = now()
    const expiresAt = time + config.sessionMaxMs
    return {
      id: freshId(),
      account: toSessionAccount(account),
      accountToken: token,
      clientIdentifier,
      role: admission.role,
      server: admission.server === null ? null : { ...admission.server, uri: null },
      serverToken: admission.serverToken,
      method,
      signedInAt: time,
      expiresAt,
      seenAt: time,
      idleExpiresAt: Math.min(expiresAt, time + config.sessionIdleMs),
      checkedAt: time,
      homeAdmin
    }
  } catch (error) {
    // A token that was given out a moment ago cannot be dead; nothing else may end for it.
    if (isTokenDead(error)) throw new Problem('USHER_UPSTREAM_INVALID', { cause: error })
    const canBeTriedAgain = method === 'pin' && error instanceof Problem && error.status >= 500
    if (!canBeTriedAgain) signOuts.add(token, clientIdentifier)
    throw error
  }
}

/** 128 random bits: never guessed, never taken over from before a sign-in. */
export function freshId(): string {
  return randomBytes(16).toString('base64url')
}
