import { Problem } from '../../domain/problems.ts'

/**
 * Holds password sign-ins back while plex.tv refuses all of them: each further one would prolong its lock on the
 * address that everybody behind Usher shares. It also knows how many are in progress, which no count of
 * failures includes yet.
 */
export interface PasswordGate {
  /**
   * Runs one sign-in and passes it the number of others in progress that count against the same limit. Throws
   * USHER_PLEX_LIMITED at once while the gate is shut.
   */
  pass<T>(signIn: (others: number) => Promise<T>, ration?: string): Promise<T>
  readonly inFlight: number
}

export function createPasswordGate(now: () => number): PasswordGate {
  let shutUntil = 0
  let inFlight = 0
  const rations = new Map<string, number>()
  return {
    async pass(signIn, ration = '') {
      const left = shutUntil - now()
      if (left > 0) throw new Problem('USHER_PLEX_LIMITED', { retryAfter: Math.ceil(left / 1000) })
      const others = rations.get(ration) ?? 0
      inFlight += 1
      rations.set(ration, others + 1)
      try {
        return await signIn(others)
      } catch (error) {
        if (error instanceof Problem && error.code === 'USHER_PLEX_LIMITED') {
          shutUntil = now() + (error.retryAfter ?? 60) * 1000
        }
        throw error
      } finally {
        inFlight -= 1
        const left = (rations.get(ration) ?? 1) - 1
        if (left === 0) rations.delete(ration)
        else rations.set(ration, left)
      }
    },
    get inFlight() {
      return inFlight
    }
  }
}
