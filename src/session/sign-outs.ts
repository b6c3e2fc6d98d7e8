import { backOff } from '../domain/clock.ts'
import { Problem } from '../domain/problems.ts'
import type { PlexTv } from '../plex/plex-tv.ts'

export interface SignOuts {
  /** Signs a token out at plex.tv in the background, and retries while plex.tv is away. Returns at once. */
  add(token: string, clientIdentifier: string): void
  readonly waiting: number
  /**
   * Tries each sign-out once more, for two seconds in all and those that were never tried first. Tokens that plex.tv
   * refuses to sign out then stay alive there.
   */
  close(): Promise<void>
}

export interface SignOutsOptions {
  readonly plexTv: Pick<PlexTv, 'signOut'>
  /** `again`: whether it will be retried. */
  readonly onFailure: (error: unknown, attempt: number, again: boolean) => void
  readonly firstDelayMs?: number
}

/** Sign-outs in the queue. Beyond that the oldest are dropped, so that a long outage does not exhaust the memory. */
const MAX_WAITING = 10_000
const FIRST_DELAY_MS = 2000
const MAX_DELAY_MS = 5 * 60_000
const PARALLEL = 4
/** How long a stop waits for its last sign-outs: without a store, plex.tv alone remembers them. */
const CLOSE_MS = 2000
/** About half an hour: what plex.tv refuses for so long, it will always refuse. An outage does not count. */
const MAX_REFUSED = 10

interface SignOut {
  readonly token: string
  readonly clientIdentifier: string
  attempt: number
  dueAt: number
}

/** Sign-outs at plex.tv. They never delay the local sign-out, and failures are retried (SECURITY rule 21). */
export function createSignOuts(options: SignOutsOptions): SignOuts {
  const { plexTv, onFailure, firstDelayMs = FIRST_DELAY_MS } = options
  const waiting: SignOut[] = []
  let running = 0
  let timer: NodeJS.Timeout | undefined
  let closed = false
  const drained = Promise.withResolvers<void>()

  function schedule(): void {
    if (closed || running >= PARALLEL) return
    // Set again each time: the timer of an old sign-out must not delay the retry of a new one.
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
    if (closed && running === 0) drained.resolve()
    schedule()
  }

  async function attempt(signOut: SignOut): Promise<void> {
    try {
      await plexTv.signOut(signOut.token, signOut.clientIdentifier)
    } catch (error) {
      signOut.attempt += 1
      signOut.dueAt = performance.now() + backOff(signOut.attempt, firstDelayMs, MAX_DELAY_MS)
      const again = !closed && (signOut.attempt < MAX_REFUSED || !isRefusal(error))
      if (again) waiting.push(signOut)
      onFailure(error, signOut.attempt, again)
    } finally {
      running -= 1
      if (closed) run()
      else schedule()
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
    async close() {
      closed = true
      clearTimeout(timer)
      // Nothing is tried after a pause any more.
      waiting.sort((one, other) => one.attempt - other.attempt)
      for (const signOut of waiting) signOut.dueAt = 0
      const deadline = setTimeout(drained.resolve, CLOSE_MS)
      run()
      await drained.promise
      clearTimeout(deadline)
      waiting.length = 0
    }
  }
}

/** Whether plex.tv answered with a refusal. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Problem) || error.code === 'USHER_PLEX_LIMITED') return false
  return error.upstream !== undefined && error.upstream.status < 500
}
