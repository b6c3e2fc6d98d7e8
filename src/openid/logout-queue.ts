import { randomBytes } from 'node:crypto'
import { backOff } from '../domain/clock.ts'
import type { Store } from '../store/store.ts'
import type { SendLogout } from './seams.ts'
import { DELIVERY_MS, type Logout, logoutRecord, parseLogout } from './sign-in-record.ts'

export type LogoutResult = 'told' | 'refused' | 'failed' | 'given_up'

export interface LogoutQueue {
  /** Starts polling for due entries. */
  start(): void
  /** Something was queued: polls at once. */
  poke(): void
  /** At the last poll. */
  readonly waiting: number
  /** Tries what was never tried, for two seconds in all. */
  close(): Promise<void>
}

export interface LogoutQueueOptions {
  readonly store: Pick<Store, 'page' | 'commit'>
  readonly send: SendLogout
  readonly onResult: (logout: Logout, result: LogoutResult, reason: string) => void
  readonly now: () => number
}

const LOOK_MS = 1000
/** Longer than an attempt, so that two instances do not both send; short, so that a crash delays little. */
const LEASE_MS = 15_000
const FIRST_DELAY_MS = 1000
const MAX_DELAY_MS = 5 * 60_000
const PARALLEL = 8
const LOOK_AT = 1000
const CLOSE_MS = 2000
/** Statuses that may change on a retry: time-out, too early, too many requests. */
const NOT_FINAL: readonly number[] = [408, 425, 429]

/** Sign-outs to deliver to apps: kept in the store until the app has answered, for at most a day. */
export function createLogoutQueue({ store, send, onResult, now }: LogoutQueueOptions): LogoutQueue {
  const holder = randomBytes(6).toString('base64url')
  let leases = 0
  let waiting = 0
  let looking: Promise<void> | null = null
  let again = false
  let isClosed = false
  let timer: NodeJS.Timeout | undefined

  function poke(): void {
    again = true
    if (isClosed || timer === undefined || looking !== null) return
    looking = lookAgain().finally(() => {
      looking = null
    })
  }

  async function lookAgain(): Promise<void> {
    while (again) {
      again = false
      // If the store is away, the next poll tries again.
      await look().catch(() => undefined)
    }
  }

  async function look(isDue: (logout: Logout) => boolean = () => true): Promise<void> {
    const all = await store.page('logout', { limit: LOOK_AT })
    waiting = all.values.length
    if (waiting === 0) return
    const due = await store.page('logout', { until: now(), limit: LOOK_AT })
    const queue = due.values.filter((text) => isDue(parseLogout(text)))
    const next = async (): Promise<void> => {
      for (let text = queue.shift(); text !== undefined; text = queue.shift()) await attempt(text)
    }
    await Promise.all(Array.from({ length: Math.min(PARALLEL, queue.length) }, next))
  }

  async function attempt(text: string): Promise<void> {
    const logout = parseLogout(text)
    leases += 1
    const leased: Logout = { ...logout, lease: `${holder} ${leases}`, attempts: logout.attempts + 1 }
    const name = { kind: 'logout', key: logoutRecord(logout, 0).key } as const
    const record = logoutRecord(leased, now() + LEASE_MS)
    if (!(await store.commit({ when: [{ ...name, value: text }], put: [record] }))) return
    const { result, reason } = await deliver(leased)
    const isOver = result !== 'failed'
    const dueAt = now() + backOff(leased.attempts, FIRST_DELAY_MS, MAX_DELAY_MS)
    await store.commit({
      when: [{ ...name, value: record.value }],
      ...(isOver ? { remove: [name] } : { put: [logoutRecord(leased, dueAt)] })
    })
    if (isOver) waiting = Math.max(0, waiting - 1)
    onResult(leased, result, reason)
  }

  async function deliver({
    clientId,
    sub,
    sid,
    queuedAt
  }: Logout): Promise<{ result: LogoutResult; reason: string }> {
    try {
      await send(clientId, sub, sid)
      return { result: 'told', reason: 'ok' }
    } catch (error) {
      const status = statusOf(error)
      if (status !== null && status >= 200 && status < 300) return { result: 'told', reason: String(status) }
      const reason = status === null ? reasonOf(error) : String(status)
      // The app does not know the session (any more); a retry would not change that.
      if (status !== null && status >= 400 && status < 500 && !NOT_FINAL.includes(status))
        return { result: 'refused', reason }
      return { result: now() - queuedAt >= DELIVERY_MS ? 'given_up' : 'failed', reason }
    }
  }

  return {
    start() {
      timer = setInterval(poke, LOOK_MS)
      timer.unref()
      poke()
    },
    poke,
    get waiting() {
      return waiting
    },
    async close() {
      isClosed = true
      if (timer === undefined) return
      clearInterval(timer)
      const deadline = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_MS).unref())
      const rest = (async () => {
        await looking
        await look(({ attempts }) => attempts === 0).catch(() => undefined)
      })()
      await Promise.race([rest, deadline])
    }
  }
}

/** The library attaches the response to its error. */
function statusOf(error: unknown): number | null {
  const { response } = (error ?? {}) as { response?: { status?: unknown } }
  return typeof response?.status === 'number' ? response.status : null
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : error.name
}
