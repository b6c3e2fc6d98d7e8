import { MAX_REVOCATIONS, type Revocation, type Revocations } from '../session/live/revocation.ts'
import type { RedisLink } from './redis.ts'
import { type Entry, fromEntry, toEntry } from './revocation-text.ts'

export interface SharedRevocations {
  readonly channel: string
  /** Sends a revocation to the other instances; if that fails, the next catch-up does it. */
  share(link: RedisLink, revocation: Revocation): void
  /** Receives a message of the channel. */
  hear(text: string): void
  /** Exchanges what either side lacks. */
  catchUp(link: RedisLink): Promise<void>
  /** Revocations made here that other instances may not know. */
  readonly unshared: number
}

export interface SharedRevocationsOptions {
  readonly revocations: Pick<Revocations, 'learn' | 'all'>
  /** Begins every key; separates deployments in one Redis. */
  readonly prefix: string
  readonly now: () => number
}

/** Entries are dropped an hour late, so that an instance with a fast clock does not drop live ones. */
const LATE_MS = 3_600_000
/** A script blocks Redis while it runs; this many entries take about a millisecond. */
const BATCH = 500
/** More lines than one script publishes: anything beyond is not from Usher. */
const MAX_LINES = BATCH

/**
 * Adds entries to the set and publishes new ones. If there are too many, those that expire soonest are dropped,
 * because forgetting them matters for the shortest time.
 */
const RECORD = `
local fresh = {}
for i = 4, #ARGV, 2 do
  if redis.call('ZADD', KEYS[1], 'GT', ARGV[i], ARGV[i + 1]) == 1 then
    fresh[#fresh + 1] = ARGV[i] .. ' ' .. ARGV[i + 1]
  end
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -tonumber(ARGV[3]) - 1)
if #fresh > 0 then redis.call('PUBLISH', ARGV[1], table.concat(fresh, '\\n')) end
return #fresh
`

/** Revocations of all instances: a sorted set to catch up from, and a channel for new ones. */
export function createSharedRevocations(options: SharedRevocationsOptions): SharedRevocations {
  const { revocations, prefix, now } = options
  const key = `${prefix}:revoked`
  const channel = `${prefix}:revocations`
  let unshared = 0

  function record(link: RedisLink, entries: readonly Entry[]): Promise<unknown> {
    const pairs = entries.flatMap(({ member, score }) => [score, member])
    return link.run(RECORD, key, [channel, now() - LATE_MS, MAX_REVOCATIONS, ...pairs])
  }

  function learn(member: string, score: string): void {
    const revocation = fromEntry(member, score, now())
    if (revocation !== null) revocations.learn(revocation)
  }

  return {
    channel,
    share(link, revocation) {
      record(link, [toEntry(revocation)]).catch((error: unknown) => {
        unshared += 1
        link.suspect(error)
      })
    },
    hear(text) {
      for (const line of text.split('\n', MAX_LINES)) {
        const [score = '', member = ''] = line.split(' ', 2)
        learn(member, score)
      }
    },
    async catchUp(link) {
      const before = unshared
      const stored = new Map<string, string>()
      let cursor = '0'
      do {
        const [next, page] = await link.scan(key, cursor)
        for (let at = 0; at + 1 < page.length; at += 2) {
          const [member = '', score = ''] = [page[at], page[at + 1]]
          stored.set(member, score)
          learn(member, score)
        }
        cursor = next
      } while (cursor !== '0')
      // Everything that Redis lacks, not only revocations made here: a Redis that came back empty is refilled.
      const missing = revocations
        .all()
        .map(toEntry)
        .filter((entry) => !(Number(stored.get(entry.member)) >= entry.score))
      for (let at = 0; at < missing.length; at += BATCH) await record(link, missing.slice(at, at + BATCH))
      unshared -= before
    },
    get unshared() {
      return unshared
    }
  }
}
