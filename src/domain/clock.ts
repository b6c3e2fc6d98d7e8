/** The clocks of two instances may differ by this much (SECURITY rule 11). It never extends a lifetime. */
export const CLOCK_SKEW_MS = 60_000
