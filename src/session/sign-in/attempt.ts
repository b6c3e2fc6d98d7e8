import { Problem, type ProblemCode } from '../../domain/problems.ts'
import type { SignInMethod } from '../../domain/sign-in-methods.ts'
import type { Device } from './device.ts'

/** The limits of plugins/rate-limits.ts that sign-ins take from. */
export type RationName =
  | 'login_account'
  | 'login_global'
  | 'login_device'
  | 'pin_address'
  | 'pin_unproven'
  | 'home_switch'

/** The limits, for one request. Without a key they count by its address. */
export interface Rations {
  /** Takes one, or throws USHER_RATE_LIMITED. */
  take(name: RationName, key?: string): Promise<void>
  /** Throws the same if `inFlight` others would use up what is left; takes nothing. */
  check(name: RationName, key: string, inFlight: number): Promise<void>
  /** Takes one even if none is left: for an attempt that turns out to be a failure only afterwards. */
  count(name: RationName, key: string): Promise<void>
}

/** One attempt to sign in: the browser that makes it and the request that it came with. */
export interface Attempt {
  /** The id of the request in the log. */
  readonly requestId: string
  readonly address: string
  readonly device: Device | null
  /** Whether a session is open in this browser. */
  readonly signedIn: boolean
  readonly rations: Rations
}

export interface AttemptResult {
  readonly method: SignInMethod
  readonly result: 'ok' | ProblemCode | 'USHER_INTERNAL'
  /** Null if it is not known whose sign-in it was. */
  readonly accountId: number | null
  readonly attempt: Attempt
}

/** Counts and logs how an attempt ended. */
export type ReportAttempt = (result: AttemptResult) => void

export function toResult(error: unknown): AttemptResult['result'] {
  return error instanceof Problem ? error.code : 'USHER_INTERNAL'
}

/** Who was refused, if the attempt got that far. */
export function accountOf(error: unknown): number | null {
  return error instanceof Problem ? (error.accountId ?? null) : null
}
