import type { Account } from '../../plex/account.ts'
import type { PlexTv } from '../../plex/plex-tv.ts'
import type { LiveSession } from '../live/live-sessions.ts'
import { type AdmissionRules, asksForAccount } from './admission.ts'
import type { CallBudget } from './call-budget.ts'

export interface Pings {
  /**
   * Asks plex.tv whether a session's own token is alive. Returns the account's document if the settings depend on it, or
   * apps are told of it; it takes one call as a ping does.
   */
  ask(live: LiveSession, at: number): Promise<Account | null>
  /** Once a day. A failed ping says nothing about the session; the next check pings again. */
  keepAlive(live: LiveSession, at: number): Promise<void>
}

export interface PingsOptions {
  readonly config: AdmissionRules
  /** Whether apps are told names and addresses, which may change. */
  readonly tellsAccounts: boolean
  readonly plexTv: Pick<PlexTv, 'account' | 'ping'>
  readonly budget: Pick<CallBudget, 'spend'>
}

/**
 * plex.tv drops tokens that are unused for weeks; one ping a day keeps them alive (reference/plex.md#token-checks).
 * Where the owner's lists decide about access, a session that was not asked for a day waits for its ping.
 */
export const PING_MS = 86_400_000

export function createPings({ config, tellsAccounts, plexTv, budget }: PingsOptions): Pings {
  const openersAskedAt = new WeakMap<LiveSession, number>()
  const needsAccount = tellsAccounts || asksForAccount(config)

  /** The token that the session's next profile switch needs, which nothing else uses. */
  async function keepOpenerAlive(live: LiveSession, at: number): Promise<void> {
    const { homeAdmin, signedInAt } = live.session
    if (homeAdmin === null || at - (openersAskedAt.get(live) ?? signedInAt) < PING_MS) return
    budget.spend(1)
    const [answer] = await Promise.allSettled([plexTv.ping(homeAdmin.token, homeAdmin.clientIdentifier)])
    if (answer?.status === 'fulfilled') openersAskedAt.set(live, at)
  }

  return {
    async ask(live, at) {
      const { accountToken, clientIdentifier } = live.session
      budget.spend(1)
      const account = needsAccount ? await plexTv.account(accountToken, clientIdentifier) : null
      if (account === null) await plexTv.ping(accountToken, clientIdentifier)
      live.askedAt = at
      await keepOpenerAlive(live, at)
      return account
    },
    async keepAlive(live, at) {
      if (at - live.askedAt < PING_MS) return
      budget.spend(1)
      const own = plexTv.ping(live.session.accountToken, live.session.clientIdentifier)
      const [answer] = await Promise.allSettled([own, keepOpenerAlive(live, at)])
      if (answer?.status === 'fulfilled') live.askedAt = at
    }
  }
}
