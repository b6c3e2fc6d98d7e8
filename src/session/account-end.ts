import type { Config } from '../config/config.ts'
import type { LiveSessions } from './live/live-sessions.ts'
import type { Revocations } from './live/revocation.ts'
import type { Session } from './session.ts'
import { type SignOuts, signOutSession } from './sign-outs.ts'

export interface AccountEndOptions {
  readonly config: Pick<Config, 'sessionMaxMs'>
  readonly live: Pick<LiveSessions, 'ofAccount'>
  readonly revocations: Pick<Revocations, 'isRevoked' | 'revoke'>
  readonly signOuts: Pick<SignOuts, 'add'>
}

/**
 * Ends all sessions of a session's account that signed in at `before` or earlier, on every instance at once, and signs
 * those known here out at plex.tv: a restart, which may forget revocations, brings none of them back. The tokens of the
 * session itself are left to the caller.
 */
export function endAccount(options: AccountEndOptions, { id, account }: Session, before: number): void {
  const { config, live, revocations, signOuts } = options
  for (const other of live.ofAccount(account.id)) {
    if (other.id === id || other.signedInAt > before || revocations.isRevoked(other)) continue
    signOutSession(signOuts, other)
  }
  revocations.revoke({
    kind: 'account',
    accountId: account.id,
    before,
    until: before + config.sessionMaxMs
  })
}
