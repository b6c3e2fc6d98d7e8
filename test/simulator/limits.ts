const FAILURE_WINDOW_MS = 900_000
const BURST_WINDOW_MS = 60_000

/** plex.tv's rate limits; every figure can be set. Infinity: never. */
export interface LimitSettings {
  /** Failed sign-ins per address within 15 minutes before 401/1031. */
  signInFailures: number
  /** Sign-ins per address within a minute before 429/1003. */
  signIns: number
  /** Live PINs per client identifier before 429/1003. */
  pins: number
  /** Home switches per account within a minute before 429/1003. */
  homeSwitches: number
  /** Nonces per client identifier within a minute before 429/1003. */
  nonces: number
}

export interface Limits {
  readonly settings: LimitSettings
  /** Counts one event; true if it exceeds the limit. */
  exceeds(kind: 'signIns' | 'homeSwitches' | 'nonces', key: string): boolean
  fail(ip: string): void
  isLocked(ip: string): boolean
  lock(ip: string): void
  clear(): void
}

export function createLimits(now: () => number): Limits {
  const settings: LimitSettings = {
    signInFailures: 20,
    signIns: Number.POSITIVE_INFINITY,
    pins: Number.POSITIVE_INFINITY,
    homeSwitches: Number.POSITIVE_INFINITY,
    nonces: Number.POSITIVE_INFINITY
  }
  const events = new Map<string, number[]>()
  const locked = new Set<string>()
  const recent = (key: string, windowMs: number): number[] => {
    const times = (events.get(key) ?? []).filter((time) => time > now() - windowMs)
    events.set(key, times)
    return times
  }
  return {
    settings,
    exceeds: (kind, key) => {
      if (settings[kind] === Number.POSITIVE_INFINITY) return false
      return recent(`${kind} ${key}`, BURST_WINDOW_MS).push(now()) > settings[kind]
    },
    fail: (ip) => {
      recent(`failure ${ip}`, FAILURE_WINDOW_MS).push(now())
    },
    isLocked: (ip) =>
      locked.has(ip) || recent(`failure ${ip}`, FAILURE_WINDOW_MS).length >= settings.signInFailures,
    lock: (ip) => {
      locked.add(ip)
    },
    clear: () => {
      events.clear()
      locked.clear()
    }
  }
}
