import { CLOCK_SKEW_MS } from '../domain/clock.ts'
import type { Revocation } from '../session/live/revocation.ts'

/** A revocation as stored in Redis: a member of a sorted set, with `until` as its score. Only ids and times. */
export interface Entry {
  readonly member: string
  readonly score: number
}

/** The longest possible lifetime of a session (400 days), and a day for clocks and margins. */
const MAX_AHEAD_MS = 401 * 86_400_000

const MEMBER = /^(?:([st]):([\w-]{1,64})|a:(\d{1,15}):(\d{1,15}))$/

export function toEntry(revocation: Revocation): Entry {
  const score = revocation.until
  if (revocation.kind === 'session') return { member: `s:${revocation.id}`, score }
  if (revocation.kind === 'token') return { member: `t:${revocation.id}`, score }
  return { member: `a:${revocation.accountId}:${revocation.before}`, score }
}

/**
 * Parses an entry; null if it is over, malformed or out of range. Anybody who can write to Redis can sign people out, but
 * must not be able to do so for future sign-ins, or for ever, or to break anything.
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
