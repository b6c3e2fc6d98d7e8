import type { PlexTv } from '../plex/plex-tv.ts'
import type { Session } from './session.ts'

export interface SignOuts {
  /** Signs the token out at plex.tv in the background, again and again while plex.tv is away. Returns at once. */
  add(token: string, clientIdentifier: string): void
  readonly waiting: number
  /** Stops the timers; what still waits is lost, and its tokens live on at plex.tv. */
  close(): void
}

export interface SignOutsOptions {
  readonly plexTv: Pick<PlexTv, 'signOut'>
  readonly onFailure: (error: unknown, attempt: number) => void
  readonly firstDelayMs?: number
}

/** Waiting sign-outs; past it the oldest are given up, for an outage of days must not take the memory. */
const MAX_WAITING = 10_000
const FIRST_DELAY_MS = 2000
const MAX_DELAY_MS = 5 * 60_000
const PARALLEL = 4

interface SignOut {
  readonly token: string
  readonly clientIdentifier: string
  attempt: number
  dueAt: number
}

/** Sign-outs at plex.tv: they never hold up the local one, and a failure is retried (SECURITY rule 21). */
export function createSignOuts(options: SignOutsOptions): SignOuts {
  const { plexTv, onFailure, firstDelayMs = FIRST_DELAY_MS } = options
  const waiting: SignOut[] = []
  let running = 0
  let timer: NodeJS.Timeout | undefined
  let closed = false

  function schedule(): void {
    if (closed || running >= PARALLEL) return
    // Anew each time: a timer that waits for an old sign-out must not hold up the retry of a fresh one.
    clearTimeout(timer)
    const due = Math.min(...waiting.map((signOut) => signOut.dueAt))
    if (!Number.isFinite(due)) return
    timer = setTimeout(run, Math.max(0, due - performance.now()))
    timer.unref()
  }

  function run(): void {
    const time = performance.now()
    for (let index = 0; index < waiting.length && running < PARALLEL; ) {
      const signOut = waiting[index]
      if (signOut === undefined || signOut.dueAt > time) {
        index += 1
        continue
      }
      waiting.splice(index, 1)
      running += 1
      void attempt(signOut)
    }
    schedule()
  }

  async function attempt(signOut: SignOut): Promise<void> {
    try {
      await plexTv.signOut(signOut.token, signOut.clientIdentifier)
    } catch (error) {
      signOut.attempt += 1
      const backOff = Math.min(MAX_DELAY_MS, firstDelayMs * 2 ** (signOut.attempt - 1))
      signOut.dueAt = performance.now() + backOff * (0.75 + Math.random() / 2)
      if (!closed) waiting.push(signOut)
      onFailure(error, signOut.attempt)
    } finally {
      running -= 1
      schedule()
    }
  }

  return {
    add(token, clientIdentifier) {
      if (waiting.length >= MAX_WAITING) waiting.shift()
      waiting.push({ token, clientIdentifier, attempt: 0, dueAt: 0 })
      run()
    },
    get waiting() {
      return waiting.length + running
    },
    close() {
      closed = true
      clearTimeout(timer)
    }
  }
}

/** Signs out every token that a session holds: its own, and that of the account whose Home it was switched in. */
export function signOutSession(
  signOuts: Pick<SignOuts, 'add'>,
  { accountToken, clientIdentifier, homeAdmin }: Session
): void {
  signOuts.add(accountToken, clientIdentifier)
  if (homeAdmin !== null) signOuts.add(homeAdmin.token, homeAdmin.clientIdentifier)
}
