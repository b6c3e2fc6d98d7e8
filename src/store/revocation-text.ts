import { CLOCK_SKEW_MS } from '../domain/clock.ts'
import type { Revocation } from '../session/live/revocation.ts'

/** A revocation as Redis keeps it: the member of a sorted set, with `until` as its score. Ids and times, no more. */
export interface Entry {
  readonly member: string
  readonly score: number
}

/** Beyond the longest lifetime that a session can be given (400 days), and a day for clocks and margins. */
const MAX_AHEAD_MS = 401 * 86_400_000

const MEMBER = /^(?:([st]):([\w-]{1,64})|a:(\d{1,15}):(\d{1,15}))$/

export function toEntry(revocation: Revocation): Entry {
  const score = revocation.until
  if (revocation.kind === 'session') return { member: `s:${revocation.id}`, score }
  if (revocation.kind === 'token') return { member: `t:${revocation.id}`, score }
  return { member: `a:${revocation.accountId}:${revocation.before}`, score }
}

/**
 * What an entry says; null for one that is over, malformed or absurd. Whoever can write to Redis can sign people
 * out, but must not be able to do so beyond the present, nor for ever, nor to break anything.
 */
export function fromEntry(member: string, score: string, now: number): Revocation | null {
  const until = Number(score)
  if (!Number.isSafeInteger(until) || until <= now || until > now + MAX_AHEAD_MS) return null
  const [, kind, id, accountId, before] = MEMBER.exec(member) ?? []
  if (id !== undefined) return { kind: kind === 's' ? 'session' : 'token', id, until }
  if (accountId === undefined || before === undefined) return null
  return {
    kind: 'account',
    accountId: Number(accountId),
    before: Math.min(Number(before), now + CLOCK_SKEW_MS),
    until
  }
}
