import { MAX_REVOCATIONS, type Revocation, type Revocations } from '../session/live/revocation.ts'
import type { RedisLink } from './redis.ts'
import { type Entry, fromEntry, toEntry } from './revocation-text.ts'

export interface SharedRevocations {
  readonly channel: string
  /** Tells the other instances; what cannot be told now is told by the next catch-up. */
  share(link: RedisLink, revocation: Revocation): void
  /** Takes in a message of the channel. */
  hear(text: string): void
  /** Makes both sides know what either knows. */
  catchUp(link: RedisLink): Promise<void>
  /** Revocations made here that no other instance may have heard of. */
  readonly unshared: number
}

export interface SharedRevocationsOptions {
  readonly revocations: Pick<Revocations, 'learn' | 'all'>
  /** Begins every key; tells deployments in one Redis apart. */
  readonly prefix: string
  readonly now: () => number
}

/** Entries are dropped an hour late, so that no instance with a fast clock takes another's. */
const LATE_MS = 3_600_000
/** A script blocks Redis while it runs; so many entries take it about a millisecond. */
const BATCH = 500
/** More lines than one script ever publishes: the rest of a message is not ours. */
const MAX_LINES = BATCH

/**
 * Adds entries to the set and publishes those it did not hold. The soonest to end are dropped where there are
 * too many, for the damage of forgetting them ends soonest.
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

/** Revocations of all instances: one sorted set to catch up from, and one channel to hear of new ones. */
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
      const told = unshared
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
      // All that Redis lacks, not only what was made here: one that came back empty is filled again.
      const missing = revocations
        .all()
        .map(toEntry)
        .filter((entry) => !(Number(stored.get(entry.member)) >= entry.score))
      for (let at = 0; at < missing.length; at += BATCH) await record(link, missing.slice(at, at + BATCH))
      unshared -= told
    },
    get unshared() {
      return unshared
    }
  }
}
