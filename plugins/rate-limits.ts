import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../src/domain/problems.ts'
import type { State } from '../src/store/state.ts'
import { toStore } from './rate-limit-store.ts'

/** Limits by name; the names are labels of a metric. */
export type LimitName =
  | 'address'
  | 'login_address'
  | 'login_account'
  | 'login_global'
  | 'login_device'
  | 'pin_address'
  | 'home_switch'
  | 'service_auth'

interface Limit {
  readonly max: number
  readonly timeWindow: number
}

const MINUTE_MS = 60_000

/**
 * plex.tv locks a whole address after repeated failures, and everyone behind Usher shares Usher's. So failures
 * are rationed: few an address and an account, and `login_global` for all strangers together, which is below
 * what plex.tv bears. A browser that signed in before has a ration of its own, so strangers cannot lock it out.
 */
export const LIMITS: Readonly<Record<LimitName, Limit>> = {
  address: { max: 600, timeWindow: MINUTE_MS },
  login_address: { max: 10, timeWindow: 5 * MINUTE_MS },
  login_account: { max: 10, timeWindow: 15 * MINUTE_MS },
  login_global: { max: 12, timeWindow: 10 * MINUTE_MS },
  login_device: { max: 5, timeWindow: 10 * MINUTE_MS },
  pin_address: { max: 10, timeWindow: 5 * MINUTE_MS },
  home_switch: { max: 10, timeWindow: 5 * MINUTE_MS },
  service_auth: { max: 20, timeWindow: MINUTE_MS }
}

export interface RateLimitsOptions {
  readonly onLimited: (name: LimitName) => void
  /** Counts for several instances, or over a restart; in the process alone where it makes none. */
  readonly state: Pick<State, 'createCounters'>
}

export interface Limiter {
  /** Counts one, and throws USHER_RATE_LIMITED with Retry-After where that is too many. */
  take(request: FastifyRequest, name: LimitName, key?: string): Promise<void>
  /** Throws the same where nothing is left, and counts nothing. */
  check(request: FastifyRequest, name: LimitName, key?: string, inFlight?: number): Promise<void>
  /** Counts one and lets it pass: for what is known to be a failure only afterwards. */
  count(request: FastifyRequest, name: LimitName, key?: string): Promise<void>
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The limit that each request counts against; `none` with the reason why it needs none. */
    limit?: LimitName | { readonly none: string }
  }
  interface FastifyInstance {
    limiter: Limiter
  }
}

/** Keys remembered per limit, so that a million addresses do not take the memory (SECURITY rule 66). */
const MAX_KEYS = 20_000
/** Nothing that counts as under way takes longer: the longest wait for plex.tv. */
const UNDER_WAY_S = 10

/** Rate limits by address (IPv6 as /64), by account and for all: @fastify/rate-limit counts, this names and refuses. */
export default fp<RateLimitsOptions>(
  async (fastify, { onLimited, state }) => {
    const keys = new WeakMap<FastifyRequest, string>()
    await fastify.register(rateLimit, {
      global: false,
      ...(state.createCounters !== null && { store: toStore(state.createCounters) })
    })

    // The name is part of the key: in a shared store all limits count in one place.
    const counters = new Map(
      Object.entries(LIMITS).map(([name, limit]) => {
        const options = {
          ...limit,
          // Here and not for the whole plugin, whose limits do not take it over; the type does not know it.
          cache: MAX_KEYS,
          keyGenerator: (request: FastifyRequest) => `${name}:${keys.get(request) ?? ''}`
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
      keys.set(request, key ?? normalizeIP(withoutPort(request.ip)))
      const result = await counter(request, { increment })
      if (result.isAllowed) throw new TypeError('no limit has an allow-list')
      return result
    }

    function refuse(request: FastifyRequest, name: LimitName, ttlInSeconds: number): never {
      onLimited(name)
      request.log.info({ reqId: request.id, limit: name }, 'rate limited')
      const retryAfter = ttlInSeconds > 0 ? ttlInSeconds : Math.ceil(LIMITS[name].timeWindow / 1000)
      throw new Problem('USHER_RATE_LIMITED', { retryAfter })
    }

    fastify.decorate('limiter', {
      async take(request, name, key) {
        const { isExceeded, ttlInSeconds } = await read(request, name, key, true)
        if (isExceeded) refuse(request, name, ttlInSeconds)
      },
      async check(request, name, key, inFlight = 0) {
        const { remaining, ttlInSeconds } = await read(request, name, key, false)
        if (remaining <= 0) refuse(request, name, ttlInSeconds)
        // None has failed yet: there is room again as soon as they are over.
        if (remaining - inFlight <= 0) refuse(request, name, UNDER_WAY_S)
      },
      async count(request, name, key) {
        await read(request, name, key, true)
      }
    } satisfies Limiter)

    // With a callback: an async hook would cost every forwarded request a promise.
    fastify.addHook('onRequest', (request, _reply, done) => {
      const name = request.routeOptions.config.limit
      if (typeof name !== 'string') return done()
      fastify.limiter.take(request, name).then(() => done(), done)
    })
  },
  { name: 'rate-limits' }
)

/** Some proxies forward the port as well, which each connection could have another of. */
function withoutPort(address: string): string {
  const [, bracketed, ipv4] = /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)$/.exec(address) ?? []
  return bracketed ?? ipv4 ?? address
}
