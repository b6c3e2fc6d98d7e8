import { CLOCK_SKEW_MS } from '../domain/clock.ts'
import type { ProblemCode } from '../domain/problems.ts'
import type { Seal } from '../seal/seal.ts'
import type { Revocations } from '../session/live/revocation.ts'
import type { Session } from '../session/session.ts'
import { fromReference, toReference } from './session-reference.ts'

/** reference/http.md#token-exchange: long enough for the request that it came with, too short to be kept. */
export const ASSERTION_TTL_MS = 60_000
const VERSION = 1

export type SubjectRefusal = Extract<ProblemCode, `USHER_SESSION_${string}`>

export interface Assertions {
  /** The session's word to one service, which is named in it; good for 60 s and for nobody else. */
  issue(session: Session, audience: string): string
  /** The session behind an assertion made for this audience, or why there is none. Never throws. */
  open(text: string, audience: string): Session | SubjectRefusal
}

export interface AssertionsOptions {
  readonly seal: Seal
  readonly revocations: Pick<Revocations, 'isRevoked'>
  readonly now: () => number
}

export function createAssertions({ seal, revocations, now }: AssertionsOptions): Assertions {
  return {
    issue(session, audience) {
      const issuedAt = now()
      return seal.seal('assertion', [VERSION, audience, issuedAt, toReference(session)])
    },
    open(text, audience) {
      const unsealed = seal.unseal('assertion', text)
      if (typeof unsealed === 'string' || !Array.isArray(unsealed.value)) return 'USHER_SESSION_INVALID'
      const [version, named, issuedAt, reference] = unsealed.value as readonly unknown[]
      if (version !== VERSION || named !== audience || typeof issuedAt !== 'number')
        return 'USHER_SESSION_INVALID'
      const time = now()
      const session = fromReference(reference)
      if (session === null || issuedAt > time + CLOCK_SKEW_MS) return 'USHER_SESSION_INVALID'
      const limitAt = Math.min(issuedAt + ASSERTION_TTL_MS, session.expiresAt, session.idleExpiresAt)
      if (time >= limitAt) return 'USHER_SESSION_EXPIRED'
      return revocations.isRevoked(session) ? 'USHER_SESSION_REVOKED' : session
    }
  }
}
