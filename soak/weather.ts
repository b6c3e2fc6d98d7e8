import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Book } from './book.ts'
import type { Place } from './place.ts'
import { type Entry, nameOf, type Trouble } from './schedule.ts'

const run = promisify(execFile)

/** After a trouble: re-checks that pause, sockets that reconnect, a store that catches up. */
const SETTLE_MS = 8000
/** How long Usher holds password sign-ins back once plex.tv has refused one, by a clock that may be stepped meanwhile. */
const LIMITED_MS = 100_000

export interface Weather {
  /** Whether nothing has gone wrong lately; `since` is when an act began. */
  isCalm(since: number): boolean
  /** Whether the media server itself has been well since then: its bytes can be compared. */
  isServerWell(since: number): boolean
  /** Whether plex.tv has lately said that there are too many sign-ins. */
  isLimited(): boolean
  /** Makes the troubles of a schedule come and go; ends when the last one is over. */
  play(entries: readonly Entry[], signal: AbortSignal): Promise<void>
}

export function createWeather(place: Place, book: Book): Weather {
  let active: Trouble | null = null
  let overAt = Number.NEGATIVE_INFINITY
  let serverOverAt = Number.NEGATIVE_INFINITY
  let limitOverAt = Number.NEGATIVE_INFINITY

  const isOfServer = (trouble: Trouble | null) =>
    trouble !== null && (trouble.kind === 'answer' || trouble.kind === 'gone') && trouble.service === 'pms'

  const isLimit = (trouble: Trouble) => trouble.kind === 'answer' && trouble.effect.kind === 'rate-limited'

  async function begin(trouble: Trouble): Promise<() => Promise<void> | void> {
    const { simulator, redis } = place
    switch (trouble.kind) {
      case 'answer': {
        const { service, effect } = trouble
        const fault = simulator.faults.set({ service, ...effect })
        return () => simulator.faults.clear(fault)
      }
      case 'gone':
        await (trouble.service === 'plex' ? simulator.plexDown() : simulator.pmsDown())
        return () => (trouble.service === 'plex' ? simulator.plexUp() : simulator.pmsUp())
      case 'redis killed':
        await redis.kill()
        return () => redis.start()
      case 'redis frozen':
        redis.signal('SIGSTOP')
        return () => redis.signal('SIGCONT')
      case 'restart': {
        const instance = place.instance(trouble.instance)
        await instance.stop()
        await instance.start()
        return () => undefined
      }
      case 'reload':
        place.instance(trouble.instance).signal('SIGHUP')
        return () => undefined
      case 'clock': {
        const instance = place.instance(trouble.instance)
        instance.stepClock(trouble.stepMs)
        return () => instance.stepClock(0)
      }
      case 'disk full': {
        // No file of this process may grow: what a full disk looks like to it.
        const { pid } = place.instance('house')
        await run('prlimit', ['--pid', String(pid), '--fsize=4096:'])
        return async () => {
          await run('prlimit', ['--pid', String(pid), '--fsize=unlimited:'])
        }
      }
    }
  }

  return {
    isCalm(since) {
      const instances = place.deployments.flatMap((each) => each.instances)
      const lastAt = Math.max(overAt, ...instances.map(({ storeTroubleAt }) => storeTroubleAt))
      return active === null && since - lastAt > SETTLE_MS
    },
    isLimited: () => performance.now() - limitOverAt < LIMITED_MS,
    isServerWell: (since) => !isOfServer(active) && since > serverOverAt,
    async play(entries, signal) {
      for (const { atMs, lastsMs, trouble } of entries) {
        const wait = atMs - book.elapsedMs
        if (wait > 0) await delay(wait, undefined, { signal }).catch(() => undefined)
        if (signal.aborted) return
        const fromMs = book.elapsedMs
        active = trouble
        const end = await begin(trouble)
        await delay(lastsMs)
        await end()
        active = null
        overAt = performance.now()
        if (isOfServer(trouble)) serverOverAt = overAt
        if (isLimit(trouble)) limitOverAt = overAt
        book.trouble(nameOf(trouble), fromMs, book.elapsedMs)
      }
    }
  }
}
