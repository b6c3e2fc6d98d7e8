import { type Count, type Counters, createLocalCounters } from './counters.ts'
import type { RedisLink } from './redis.ts'
import type { RedisNames } from './redis-names.ts'

/** A counter without an expiry would count for ever, so one that lost it gets a new one. */
const ADD = `
local current = redis.call('INCR', KEYS[1])
local ttl = redis.call('PTTL', KEYS[1])
if ttl < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  ttl = tonumber(ARGV[1])
end
return { current, ttl }
`

const READ = `
return { tonumber(redis.call('GET', KEYS[1]) or 0), redis.call('PTTL', KEYS[1]) }
`

export interface SharedCountersOptions {
  readonly link: Pick<RedisLink, 'isUp' | 'run' | 'suspect'>
  readonly names: Pick<RedisNames, 'of'>
  readonly prefix: string
  readonly now: () => number
}

/**
 * Counters of all instances. Each instance also counts by itself: while Redis is away, or after it came back empty,
 * its own counts still hold, so nothing is ever unlimited and losing Redis gives nobody a second allowance.
 */
export function createSharedCounters({ link, names, prefix, now }: SharedCountersOptions): Counters {
  const local = createLocalCounters(now)

  async function ask(script: string, key: string, windowMs: number, here: Count): Promise<Count> {
    if (!link.isUp()) return here
    try {
      const answer = await link.run(script, `${prefix}:limit:${names.of('limit', key)}`, [windowMs])
      const everywhere = toCount(answer, windowMs)
      return everywhere.current >= here.current ? everywhere : here
    } catch (error) {
      link.suspect(error)
      return here
    }
  }

  return {
    add: (key, windowMs) => ask(ADD, key, windowMs, local.add(key, windowMs)),
    read: (key, windowMs) => ask(READ, key, windowMs, local.read(key))
  }
}

function toCount(answer: unknown, windowMs: number): Count {
  const [current, ttl] = Array.isArray(answer) ? answer.map(Number) : []
  if (current === undefined || ttl === undefined || !Number.isSafeInteger(current) || current < 0)
    return { current: 0, ttl: 0 }
  return { current, ttl: Math.min(Math.max(ttl, 0), windowMs) }
}
