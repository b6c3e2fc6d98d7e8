import { CLOCK_SKEW_MS } from '../domain/clock.ts'
import type { ProblemCode } from '../domain/problems.ts'
import { array, createCodec, createLayout, integer, text } from '../seal/codec.ts'
import type { Seal } from '../seal/seal.ts'
import type { Revocations } from '../session/live/revocation.ts'
import type { Session } from '../session/session.ts'
import { fromReference, toReference } from './session-reference.ts'

/** Long enough for the request that carries it, too short to be worth keeping (reference/http.md#token-exchange). */
export const ASSERTION_TTL_MS = 60_000

const version1 = createLayout({ audience: text, issuedAt: integer, reference: array })

export const assertionCodec = createCodec<NonNullable<ReturnType<typeof version1.read>>>({
  version: 1,
  encode: version1.write,
  decoders: new Map([[1, version1.read]])
})

export type SubjectRefusal = Extract<ProblemCode, `USHER_SESSION_${string}`>

export interface Assertions {
  /** A statement about the session for the one service that it names, valid for 60 s. */
  issue(session: Session, audience: string): string
  /** The session of an assertion for this audience, or why it is refused. Never throws. */
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
      return seal.seal(
        'assertion',
        assertionCodec.encode({ audience, issuedAt, reference: toReference(session) })
      )
    },
    open(text, audience) {
      const unsealed = seal.unseal('assertion', text)
      const claims = typeof unsealed === 'string' ? null : assertionCodec.decode(unsealed.value)
      if (claims === null || claims.audience !== audience) return 'USHER_SESSION_INVALID'
      const time = now()
      const { issuedAt } = claims
      const session = fromReference(claims.reference)
      if (session === null || issuedAt > time + CLOCK_SKEW_MS) return 'USHER_SESSION_INVALID'
      const limitAt = Math.min(issuedAt + ASSERTION_TTL_MS, session.expiresAt, session.idleExpiresAt)
      if (time >= limitAt) return 'USHER_SESSION_EXPIRED'
      return revocations.isRevoked(session) ? 'USHER_SESSION_REVOKED' : session
    }
  }
}
