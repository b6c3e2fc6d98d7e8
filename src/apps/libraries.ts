import { createLruMap } from '../domain/lru-map.ts'
import type { MediaServer } from '../plex/media-server.ts'
import type { Session } from '../session/session.ts'

/** Which libraries an account sees, by name. */
export interface Libraries {
  /** Asks the media server if the last answer is older than a re-check. Falls back to the last answer, else null. */
  ask(session: Session): Promise<readonly string[] | null>
  /** What is known now. */
  known(accountId: number): readonly string[] | null
  /** Restores what was known before this start. */
  recall(accountId: number, names: readonly string[]): void
}

export interface LibrariesOptions {
  /** The deployment's server; without one libraries grant nothing. */
  readonly mediaServer: Pick<MediaServer, 'libraries'> | null
  readonly recheckMs: number
  readonly onFailure: (error: unknown) => void
  readonly now: () => number
}

interface Known {
  readonly names: readonly string[] | null
  /** Epoch ms of the last attempt, successful or not. */
  readonly askedAt: number
}

/** Accounts remembered; an evicted one is looked up again. */
const MAX_ACCOUNTS = 10_000
/** After a failure, so that a server that is away is not asked for every request. */
const RETRY_MS = 10_000

export function createLibraries({ mediaServer, recheckMs, onFailure, now }: LibrariesOptions): Libraries {
  const accounts = createLruMap<number, Known>(MAX_ACCOUNTS)
  const underWay = new Map<number, Promise<readonly string[] | null>>()

  async function look({
    account,
    serverToken,
    clientIdentifier
  }: Session): Promise<readonly string[] | null> {
    const before = accounts.get(account.id)?.names ?? null
    if (mediaServer === null || serverToken === null) return before
    try {
      const names = await mediaServer.libraries(serverToken, clientIdentifier)
      accounts.set(account.id, { names, askedAt: now() })
      return names
    } catch (error) {
      onFailure(error)
      accounts.set(account.id, { names: before, askedAt: now() - recheckMs + Math.min(RETRY_MS, recheckMs) })
      return before
    }
  }

  return {
    ask(session) {
      const { id } = session.account
      const last = accounts.get(id)
      if (last !== undefined && Math.abs(now() - last.askedAt) < recheckMs) return Promise.resolve(last.names)
      const asked = underWay.get(id) ?? look(session).finally(() => underWay.delete(id))
      underWay.set(id, asked)
      return asked
    },
    known: (accountId) => accounts.get(accountId)?.names ?? null,
    recall(accountId, names) {
      if (!accounts.has(accountId)) accounts.set(accountId, { names, askedAt: now() - recheckMs })
    }
  }
}
