/** The rules that routes of the internal listener share: for services, and for operators. */

/** A service authenticates by its secret; browsers are refused before that. */
export const forServices = {
  guard: 'service',
  sameOrigin: { off: 'this listener refuses browsers and knows no cookie' },
  limit: { none: 'the service guard limits failures; a busy service must not limit itself' }
} as const

/** Read-only pages that name no person and no secret. */
export const forOperators = {
  guard: { none: 'only operators and orchestrators reach this listener' },
  sameOrigin: { off: 'nothing here changes anything or depends on a cookie' },
  limit: { none: 'probes and scrapers ask all the time' },
  browser: { allowed: 'an operator opens these pages in a browser' }
} as const
