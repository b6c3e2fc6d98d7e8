import type { Config } from '../config/config.ts'
import { CLOCK_SKEW_MS } from '../domain/clock.ts'
import type { LiveSessions } from './live/live-sessions.ts'
import type { Revocations } from './live/revocation.ts'
import type { Session } from './session.ts'
import type { SignOuts } from './sign-outs.ts'

/** Why a session ended: labels of a metric and words of the audit line. */
export const END_REASONS = [
  'logout',
  'logout_everywhere',
  /** Its browser signed in again, or chose another server. */
  'replaced',
  /** Its browser switched to another profile of the Home. */
  'switched',
  /** By a service, at the revocation endpoint (RFC 7009). */
  'revoked',
  /** By the same account, from another browser. */
  'ended_elsewhere',
  'ended_by_owner',
  /** The owner blocked the account. */
  'blocked',
  'token_dead',
  'access_lost'
] as const
export type EndReason = (typeof END_REASONS)[number]

/** These ends also end the account's other sessions; `access_lost` does so if there is one server. */
const ACCOUNT_WIDE: readonly EndReason[] = ['logout_everywhere', 'access_lost']

export interface SessionEnds {
  /**
   * Ends a session here at once, for every copy of its cookie, and signs it out at plex.tv in the background. An end
   * that concerns the account ends its sessions that were signed in at `before` or earlier (epoch ms, default now).
   * False if the session had ended already: it is neither counted nor logged again.
   */
  end(session: Session, reason: EndReason, before?: number): boolean
  /** Ends a session that `successor` replaces in its browser. The tokens that the successor needs stay alive. */
  replace(session: Session, successor: Session): boolean
  /** Ends every session of an account, and of the profiles that it switched to, on every instance. */
  endAccount(accountId: number, reason: EndReason, before?: number): void
}

export interface SessionEndsOptions {
  readonly config: Pick<Config, 'sessionMaxMs'>
  /** Whether the deployment names its one media server: an account that lost it has lost it in every browser. */
  readonly hasOneServer: boolean
  readonly live: Pick<LiveSessions, 'ofAccount'>
  readonly revocations: Pick<Revocations, 'isRevoked' | 'revoke'>
  readonly signOuts: Pick<SignOuts, 'add'>
  /** Called once for each session known here that ended, for the metric and the audit line. */
  readonly onEnd: (session: Session, reason: EndReason) => void
  readonly now: () => number
}

/** The one place that ends sessions. */
export function createSessionEnds(options: SessionEndsOptions): SessionEnds {
  const { config, hasOneServer, live, revocations, signOuts, onEnd, now } = options

  function endOne(session: Session, reason: EndReason, keeps: readonly string[] = []): boolean {
    if (revocations.isRevoked(session)) return false
    const until = session.expiresAt + CLOCK_SKEW_MS
    revocations.revoke({ kind: 'session', id: session.id, until })
    signOut(session, reason, keeps)
    return true
  }

  function endAccount(accountId: number, reason: EndReason, before = now()): void {
    const ending = live
      .ofAccount(accountId)
      .filter((session) => session.signedInAt <= before && !revocations.isRevoked(session))
    revocations.revoke({ kind: 'account', accountId, before, until: before + config.sessionMaxMs })
    // The sessions known here are signed out at plex.tv too: a restart that forgets revocations revives none of them.
    for (const session of ending) signOut(session, reason, [])
  }

  function signOut(session: Session, reason: EndReason, keeps: readonly string[]): void {
    for (const { token, clientIdentifier } of tokensOf(session, reason)) {
      if (!keeps.includes(token)) signOuts.add(token, clientIdentifier)
    }
    onEnd(session, reason)
  }

  return {
    end(session, reason, before) {
      const hasEnded = endOne(session, reason)
      const isAccountWide = ACCOUNT_WIDE.includes(reason) && (reason !== 'access_lost' || hasOneServer)
      if (isAccountWide) endAccount(session.account.id, reason, before)
      return hasEnded
    },
    replace(session, successor) {
      const reason = successor.method === 'home' ? 'switched' : 'replaced'
      const keeps = [successor.accountToken, successor.homeAdmin?.token ?? '']
      // plex.tv keeps one token per account and client identifier: the successor's has replaced this one.
      const isReplacedAtPlex =
        session.account.id === successor.account.id && session.clientIdentifier === successor.clientIdentifier
      return endOne(session, reason, isReplacedAtPlex ? [...keeps, session.accountToken] : keeps)
    },
    endAccount
  }
}

interface Token {
  readonly token: string
  readonly clientIdentifier: string
}

/**
 * The tokens to sign out: the session's own unless it is dead, and that of the account whose Home it was switched in.
 */
function tokensOf({ accountToken, clientIdentifier, homeAdmin }: Session, reason: EndReason): Token[] {
  const own = reason === 'token_dead' ? [] : [{ token: accountToken, clientIdentifier }]
  return homeAdmin === null ? own : [...own, homeAdmin]
}
