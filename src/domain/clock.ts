/** The clocks of two instances may differ by this much (SECURITY rule 11). It never extends a lifetime. */
export const CLOCK_SKEW_MS = 60_000

/** About that long: up to a quarter more or less, so that what fails together is not tried again together. */
export function spread(ms: number): number {
  return ms * (0.75 + Math.random() / 2)
}

/** The pause after so many attempts (from 1): it doubles from `firstMs` up to `mostMs`. */
export function backOff(attempts: number, firstMs: number, mostMs: number): number {
  return spread(Math.min(mostMs, firstMs * 2 ** (attempts - 1)))
}
