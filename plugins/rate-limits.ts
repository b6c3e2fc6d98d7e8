import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { RequestSite } from '../src/domain/cross-site.ts'
import { Problem } from '../src/domain/problems.ts'
import type { Audit } from '../src/observe/audit.ts'
import type { RationName } from '../src/session/sign-in/attempt.ts'
import type { State } from '../src/store/state.ts'
import { toStore } from './rate-limit-store.ts'
import { addPreParsing } from './route-rules.ts'

/** Limits by name; the names are labels of a metric. */
export type LimitName = RouteLimit | RationName | 'unproven' | 'login_address' | 'service_auth'

/** The limits that a route may name: each of its requests counts. The others are taken by handlers. */
export type RouteLimit = 'address' | 'account'

interface Limit {
  readonly max: number
  readonly timeWindow: number
}

const MINUTE_MS = 60_000

/**
 * plex.tv locks a whole address after repeated failures, and everyone behind Usher shares Usher's. So failures
 * are rationed: few an address and an account, and `login_global` for all strangers together, which is below
 * what plex.tv bears. A browser that signed in before has its own limit, so strangers cannot lock it out.
 */
export const LIMITS: Readonly<Record<LimitName, Limit>> = {
  address: { max: 600, timeWindow: MINUTE_MS },
  account: { max: 600, timeWindow: MINUTE_MS },
  unproven: { max: 600, timeWindow: MINUTE_MS },
  login_address: { max: 10, timeWindow: 5 * MINUTE_MS },
  login_account: { max: 10, timeWindow: 15 * MINUTE_MS },
  login_global: { max: 12, timeWindow: 10 * MINUTE_MS },
  login_device: { max: 5, timeWindow: 10 * MINUTE_MS },
  pin_address: { max: 10, timeWindow: 5 * MINUTE_MS },
  pin_unproven: { max: 10, timeWindow: 5 * MINUTE_MS },
  home_switch: { max: 10, timeWindow: 5 * MINUTE_MS },
  service_auth: { max: 20, timeWindow: MINUTE_MS }
}

export interface RateLimitsOptions {
  readonly audit: Audit
  readonly onLimited: (name: LimitName) => void
  /** Counters shared by instances or kept across restarts; null: in this process only. */
  readonly state: Pick<State, 'createCounters'>
  /** Where a request claims to come from. */
  readonly siteOf?: (request: FastifyRequest) => RequestSite
  /** The account that a request acts as, null without a session. */
  readonly findAccount?: (request: FastifyRequest) => number | null
}

export interface Limiter {
  /** Counts one; throws USHER_RATE_LIMITED with Retry-After if that exceeds the limit. */
  take(request: FastifyRequest, name: LimitName, key?: string): Promise<void>
  /** Throws the same if nothing is left; counts nothing. */
  check(request: FastifyRequest, name: LimitName, key?: string, inFlight?: number): Promise<void>
  /** Counts one and lets it pass: for what is known to be a failure only afterwards. */
  count(request: FastifyRequest, name: LimitName, key?: string): Promise<void>
  /** The caller's address as limits count it, an IPv6 address as its /64; for keys that say more than the address. */
  addressOf(request: FastifyRequest): string
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * `address`: counts by address. `account`: counts by account, and by address without a session. `none`: needs no
     * limit, for this reason. Either way, what another site's page may have sent counts as `unproven`, by address.
     */
    limit?: RouteLimit | { readonly none: string }
  }
  interface FastifyRequest {
    /** The key that is being counted; null means the caller's address. */
    limitKey: string | null
  }
  interface FastifyInstance {
    limiter: Limiter
  }
}

/** Keys remembered per limit, so that a million addresses do not take the memory (SECURITY rule 66). */
const MAX_KEYS = 20_000
/** The longest that an attempt can take: the time limit of plex.tv. */
const UNDER_WAY_S = 10

/**
 * Rate limits by account, by address (IPv6 as /64) and for all: @fastify/rate-limit counts, this names and refuses.
 * Requests that another site's page may have sent are counted apart, so that they do not use up the visitor's limits.
 */
export default fp<RateLimitsOptions>(
  async (fastify, { audit, onLimited, state, siteOf = () => 'own', findAccount = () => null }) => {
    fastify.decorateRequest('limitKey', null)
    await fastify.register(rateLimit, {
      global: false,
      ...(state.createCounters !== null && { store: toStore(state.createCounters) })
    })

    // The name is part of the key: in a shared store all limits count in one place.
    const counters = new Map(
      Object.entries(LIMITS).map(([name, limit]) => {
        const options = {
          ...limit,
          // @fastify/rate-limit does not hand the plugin's own `cache` on to these; its types lack the option.
          cache: MAX_KEYS,
          keyGenerator: (request: FastifyRequest) => `${name}:${request.limitKey ?? addressOf(request)}`
        }
        return [name, fastify.createRateLimit(options)]
      })
    )

    async function read(
      request: FastifyRequest,
      name: LimitName,
      key: string | undefined,
      increment: boolean
    ) {
      const counter = counters.get(name)
      if (counter === undefined) throw new TypeError('no such limit')
      // The counter reads it before it waits for anything.
      request.limitKey = key ?? null
      const result = await counter(request, { increment })
      if (result.isAllowed) throw new TypeError('no limit has an allow-list')
      return result
    }

    function refuse(request: FastifyRequest, name: LimitName, ttlInSeconds: number): never {
      onLimited(name)
      const accountId = findAccount(request)
      const who = { address: request.ip, ...(accountId !== null && { accountId }) }
      audit.note('limit.reached', { ...who, limit: name }, request.id)
      const retryAfter = ttlInSeconds > 0 ? ttlInSeconds : Math.ceil(LIMITS[name].timeWindow / 1000)
      throw new Problem('USHER_RATE_LIMITED', { retryAfter })
    }

    const limiter: Limiter = {
      async take(request, name, key) {
        const { isExceeded, ttlInSeconds } = await read(request, name, key, true)
        if (isExceeded) refuse(request, name, ttlInSeconds)
      },
      async check(request, name, key, inFlight = 0) {
        const { remaining, ttlInSeconds } = await read(request, name, key, false)
        if (remaining <= 0) refuse(request, name, ttlInSeconds)
        // None of those in flight has failed yet: there is room again as soon as they are over.
        if (remaining - inFlight <= 0) refuse(request, name, UNDER_WAY_S)
      },
      async count(request, name, key) {
        await read(request, name, key, true)
      },
      addressOf
    }
    fastify.decorate('limiter', limiter)

    function takeRouteLimit(request: FastifyRequest, limit: RouteLimit): Promise<void> {
      const site = siteOf(request)
      if (site === 'other') return limiter.take(request, 'unproven')
      const account = limit === 'account' ? findAccount(request) : null
      if (account !== null) return limiter.take(request, 'account', String(account))
      return limiter.take(request, site === 'own' ? 'address' : 'unproven')
    }

    // preParsing: after the checks of onRequest, whose refusals count against no limit, and before guards and the body.
    // At the routes that name a limit only: forwarded requests have none, and are the many.
    fastify.addHook('onRoute', (route) => {
      const limit = route.config?.limit
      if (typeof limit !== 'string') return
      addPreParsing(route, async (request, _reply, payload) => {
        await takeRouteLimit(request, limit)
        return payload
      })
    })
  },
  { name: 'rate-limits' }
)

function addressOf({ ip }: FastifyRequest): string {
  return normalizeIP(ip)
}
