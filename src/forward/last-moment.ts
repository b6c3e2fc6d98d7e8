import { Problem } from '../domain/problems.ts'
import type { ForwardPrincipal } from './forward-call.ts'

/** How long a proof holds for the request that waited for it, if the server closes every connection. */
const PROOF_MS = 1000
/** Proofs that one request waits for. */
const MAX_PROOFS = 2

/** A request's own wait for the server to prove itself; most requests need none. */
export class ProofWait {
  private readonly principal: ForwardPrincipal
  private proofs = 0
  private provenAt = Number.NEGATIVE_INFINITY

  constructor(principal: ForwardPrincipal) {
    this.principal = principal
  }

  /** Rejects with the problem that says why there is no proof. */
  async prove(): Promise<void> {
    this.proofs += 1
    if (this.proofs > MAX_PROOFS) throw new Problem('USHER_UPSTREAM_UNREACHABLE')
    await this.principal.prove()
    // Its connections are closed already, or were before the last proof could be used: this one is as good as such a
    // server can ever give.
    if (!this.principal.isProven() || this.proofs === MAX_PROOFS) this.provenAt = performance.now()
  }

  /** Whether a proof was given just now that nothing else remembers; true once for each. */
  takeProof(): boolean {
    const isFresh = performance.now() - this.provenAt < PROOF_MS
    this.provenAt = Number.NEGATIVE_INFINITY
    return isFresh
  }
}

export type Refusal = 'ended' | 'unproven'

/**
 * Asked at the last moment before the bytes of a request leave, after every wait: why they must not, or null. Its
 * session has ended (SECURITY rule 85), or what is at the address has yet to prove itself (SECURITY rule 77).
 */
export function findRefusal(principal: ForwardPrincipal, wait: ProofWait | null): Refusal | null {
  if (principal.hasEnded()) return 'ended'
  return principal.isProven() || wait?.takeProof() === true ? null : 'unproven'
}

/** Ends a request before its bytes leave, because of a refusal; only its own client sees it. */
export class NotSent extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(`not sent: ${refusal}`)
    this.refusal = refusal
  }
}

export const hasEnded = (): Problem => new Problem('USHER_SESSION_REVOKED')
