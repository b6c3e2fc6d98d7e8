import { Problem } from '../errors.ts'

/**
 * Holds password sign-ins back while plex.tv refuses all of them: each further one would prolong the lock on
 * everyone's shared address. It also knows how many are under way, which a count of failures cannot tell yet.
 */
export interface PasswordGate {
  /** Runs one sign-in; throws USHER_PLEX_LIMITED at once while the gate is shut. */
  pass<T>(signIn: () => Promise<T>): Promise<T>
  readonly inFlight: number
}

export function createPasswordGate(now: () => number): PasswordGate {
  let shutUntil = 0
  let inFlight = 0
  return {
    async pass(signIn) {
      const left = shutUntil - now()
      if (left > 0) throw new Problem('USHER_PLEX_LIMITED', { retryAfter: Math.ceil(left / 1000) })
      inFlight += 1
      try {
        return await signIn()
      } catch (error) {
        if (error instanceof Problem && error.code === 'USHER_PLEX_LIMITED') {
          shutUntil = now() + (error.retryAfter ?? 60) * 1000
        }
        throw error
      } finally {
        inFlight -= 1
      }
    },
    get inFlight() {
      return inFlight
    }
  }
}
