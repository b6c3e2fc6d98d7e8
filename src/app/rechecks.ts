import { deploymentIdentifier } from '../plex/identity.ts'
import { createCallBudget } from '../session/check/call-budget.ts'
import { createRecheck, type Recheck } from '../session/check/recheck.ts'
import { createRoll, type RollTrouble } from '../session/check/roll.ts'
import { createRounds } from '../session/check/rounds.ts'
import type { Core } from './core.ts'

export interface Rechecks {
  readonly recheck: Recheck
  /** Whether USHER_PLEX_TOKEN serves; undefined without one, null before its first use. */
  isOwnerTokenUp(): boolean | null | undefined
  /** Why USHER_PLEX_TOKEN does not serve; null while it does, or without one. */
  ownerTokenTrouble(): RollTrouble | null
  start(): void
  close(): void
}

export type RechecksOptions = Pick<Core, 'config' | 'log' | 'audit' | 'plexTv' | 'mediaServer' | 'live'> &
  Pick<Core, 'revocations' | 'sessionEnds' | 'state' | 'now'> & {
    /** The longest that a request waits for a check. */
    readonly waitMs: number
  }

/** The re-checks of one instance: by the owner's lists where there is an owner's token, else session by session. */
export function createRechecks(options: RechecksOptions): Rechecks {
  const { config, log, audit, plexTv, mediaServer, live, revocations, sessionEnds, state, waitMs, now } =
    options
  const { recheckMs, plexToken } = config
  const budget = createCallBudget({ now })
  const machineId = () => mediaServer?.lastIdentity()?.machineIdentifier ?? config.pms.machineId
  const onOutage = (error: unknown) => log.warn({ err: error }, 're-check failed, sessions kept')
  const hasEnded = (session: Parameters<typeof revocations.isRevoked>[0]) => revocations.isRevoked(session)

  function* accountsHere(): Iterable<number> {
    for (const { session } of live.all())
      if (session.server !== null && session.expiresAt > now() && !hasEnded(session)) yield session.account.id
  }

  const roll =
    plexToken === null || mediaServer === null
      ? null
      : createRoll({
          plexTv,
          owner: { token: plexToken, clientIdentifier: deploymentIdentifier(config.publicUrl.href) },
          machineId,
          budget,
          accountsHere,
          onChange(isUsable, reason) {
            const setting = 'USHER_PLEX_TOKEN'
            if (isUsable) log.info({ setting }, 'the owner token serves again, access is read from its lists')
            else audit.note('upstream.degraded', { service: 'owner token', reason, setting })
          },
          onDoubt: (counts) =>
            audit.note('upstream.degraded/list', { service: 'plex.tv', reason: 'odd_list', ...counts }),
          recheckMs,
          now
        })
  const recheck = createRecheck({
    config,
    tellsAccounts: config.oidc.clients.length > 0,
    plexTv,
    budget,
    roll,
    remembersEnds: state.kind !== 'memory',
    machineId,
    hasEnded,
    end: sessionEnds.end,
    onOutage,
    waitMs,
    now
  })
  const rounds = roll === null ? null : createRounds({ roll, recheck, live, onOutage, recheckMs, now })
  return {
    recheck,
    isOwnerTokenUp: () => (roll === null ? undefined : roll.isUsable),
    ownerTokenTrouble: () => roll?.trouble ?? null,
    start: () => rounds?.start(),
    close: () => rounds?.close()
  }
}
